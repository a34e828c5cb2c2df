//! The client's end of a connection in memory: a browser or a `Client` without a transport.

use std::borrow::Cow;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use longwire_proto::handshake::{
    Agreed, ClientHandshake, HeadLimits, HeadReader, HeadStatus, encode_request,
};
use longwire_proto::{CloseFrame, Closed, Config, Event, MessageKind, Protocol, Received, Role, SendError};

use crate::error::{Error, HandshakeError, RefusedResponse};
use crate::event::key::Key;
use crate::message::Message;

/// How many slices are taken from the protocol at a time.
const SLICES: usize = 16;

/// The state of a client.
pub(super) struct ClientEnd {
    /// The key of the server's end; `None` once the server has dropped it.
    pub(super) key: Option<Key>,
    /// Bytes that the server has not read.
    pub(super) outgoing: Vec<u8>,
    pub(super) reading: ClientReading,
    /// Whether the server has ended its side, and whether the client has read up to that end.
    server_end: ServerEnd,
    stage: ClientStage,
    messages: Vec<Message>,
    pongs: Vec<Bytes>,
}

/// Whether the client reads what the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientReading {
    Reads,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerEnd {
    Open,
    Waits,
    Read,
}

enum ClientStage {
    /// The head of the response is arriving.
    Opening {
        handshake: ClientHandshake,
        head: Box<HeadReader>,
    },
    /// The response is a refusal, whose body is arriving.
    Refused {
        response: Response<()>,
        body: Vec<u8>,
    },
    /// The response is invalid.
    Failed(Option<HandshakeError>),
    Open {
        protocol: Box<Protocol>,
        agreed: Agreed,
        response: Response<()>,
    },
}

/// The result of an opening handshake.
pub(super) struct OpenedClient {
    pub(super) response: Response<()>,
    pub(super) subprotocol: Option<String>,
}

impl ClientEnd {
    /// A client that requests a WebSocket.
    pub(super) fn new(handshake: ClientHandshake) -> ClientEnd {
        let limits = Config::default().limits;
        let head = HeadReader::new(HeadLimits { bytes: usize::MAX, headers: limits.handshake_headers });
        ClientEnd {
            key: None,
            outgoing: encode_request(&handshake.request()),
            reading: ClientReading::Reads,
            server_end: ServerEnd::Open,
            stage: ClientStage::Opening { handshake, head: Box::new(head) },
            messages: Vec::new(),
            pongs: Vec::new(),
        }
    }

    /// Receives bytes from the server.
    pub(super) fn receive(&mut self, bytes: &mut [u8]) {
        match &mut self.stage {
            ClientStage::Opening { .. } => self.open(bytes),
            ClientStage::Refused { body, .. } => body.extend_from_slice(bytes),
            ClientStage::Failed(_) => {}
            ClientStage::Open { .. } => self.take_frames(bytes),
        }
    }

    fn open(&mut self, bytes: &mut [u8]) {
        let ClientStage::Opening { handshake, head } = &mut self.stage else { return };
        let failed = |error| ClientStage::Failed(Some(error));
        let consumed = match head.feed(bytes) {
            Ok(HeadStatus::Partial) => return,
            Ok(HeadStatus::Complete { consumed }) => consumed,
            Err(error) => return self.stage = failed(HandshakeError::Head(error)),
        };
        let behind = bytes.get_mut(consumed..).unwrap_or_default();
        let response = match head.response() {
            Ok(response) => response,
            Err(error) => return self.stage = failed(HandshakeError::Head(error)),
        };
        match handshake.verify(&response) {
            Ok(agreed) => {
                let protocol = Box::new(Protocol::new(Role::Client, Arc::default()));
                self.stage = ClientStage::Open { protocol, agreed, response };
                self.take_frames(behind);
            }
            Err(_) if response.status() != http::StatusCode::SWITCHING_PROTOCOLS => {
                self.stage = ClientStage::Refused { response, body: behind.to_vec() };
            }
            Err(error) => self.stage = failed(HandshakeError::Response(error)),
        }
    }

    fn take_frames(&mut self, bytes: &mut [u8]) {
        let ClientStage::Open { protocol, .. } = &mut self.stage else { return };
        let mut received = Received::new(bytes);
        // An error ends the connection; the protocol records it.
        while let Ok(Some(event)) = protocol.next_event(&mut received) {
            match event {
                Event::Text(text) => self.messages.push(Message::from(text.into_owned())),
                Event::Binary(bytes) => self.messages.push(Message::from(bytes.into_owned())),
                Event::Pong(payload) => self.pongs.push(Cow::into_owned(payload).into()),
                _ => {}
            }
        }
        self.flush();
    }

    /// Moves the protocol's output into `outgoing`.
    fn flush(&mut self) {
        let ClientStage::Open { protocol, .. } = &mut self.stage else { return };
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = protocol.transmit(&mut slices);
            let before = self.outgoing.len();
            for slice in slices.iter().take(filled) {
                self.outgoing.extend_from_slice(slice);
            }
            let count = self.outgoing.len() - before;
            if count == 0 {
                return;
            }
            protocol.transmitted(count);
        }
    }

    /// The server has ended its side.
    pub(super) fn server_ended(&mut self) {
        if self.server_end == ServerEnd::Open {
            self.server_end = ServerEnd::Waits;
        }
    }

    /// Reads the end of the server's side and ends this side as well. Returns `false` if there is no end to read.
    pub(super) fn read_end(&mut self) -> bool {
        if self.server_end != ServerEnd::Waits || self.reading == ClientReading::Stopped {
            return false;
        }
        self.vanish();
        true
    }

    /// The transport is lost.
    pub(super) fn vanish(&mut self) {
        self.server_end = ServerEnd::Read;
        self.outgoing.clear();
        match &mut self.stage {
            ClientStage::Open { protocol, .. } => protocol.receive_eof(),
            ClientStage::Opening { .. } => self.stage = ClientStage::Failed(Some(HandshakeError::Ended)),
            ClientStage::Refused { .. } | ClientStage::Failed(_) => {}
        }
    }

    /// Whether the handshake is still in progress.
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.stage, ClientStage::Opening { .. })
    }

    /// The outcome of the handshake; `None` if no response has arrived.
    pub(super) fn opened(&mut self) -> Option<Result<OpenedClient, Error>> {
        match &mut self.stage {
            ClientStage::Opening { .. } => None,
            ClientStage::Open { agreed, response, .. } => Some(Ok(OpenedClient {
                response: std::mem::take(response),
                subprotocol: agreed.subprotocol.take(),
            })),
            ClientStage::Refused { response, body } => {
                let body = Bytes::from(std::mem::take(body));
                let response = std::mem::take(response).map(|()| body);
                Some(Err(Error::Refused(Box::new(RefusedResponse(response)))))
            }
            ClientStage::Failed(error) => Some(Err(error.take().unwrap_or(HandshakeError::Ended).into())),
        }
    }

    /// Queues a message; fails with [`SendError::Closed`] if the WebSocket is not open.
    pub(super) fn send(&mut self, message: Message) -> Result<(), SendError> {
        let kind = if message.is_text() { MessageKind::Text } else { MessageKind::Binary };
        self.with_protocol(|protocol| protocol.send_bytes(kind, message.into_bytes()))
    }

    pub(super) fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.with_protocol(|protocol| protocol.send_ping(payload))
    }

    pub(super) fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.with_protocol(|protocol| protocol.send_pong(payload))
    }

    pub(super) fn close(&mut self, frame: CloseFrame) -> Result<(), SendError> {
        self.with_protocol(|protocol| {
            protocol.close(Some(frame));
            Ok(())
        })
    }

    fn with_protocol(
        &mut self,
        work: impl FnOnce(&mut Protocol) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let ClientStage::Open { protocol, .. } = &mut self.stage else { return Err(SendError::Closed) };
        work(protocol)?;
        self.flush();
        Ok(())
    }

    /// The messages that have arrived.
    pub(super) fn take_messages(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.messages)
    }

    /// The payloads of the pongs that have arrived.
    pub(super) fn take_pongs(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.pongs)
    }

    /// How the connection has ended.
    pub(super) fn closed(&self) -> Option<Closed> {
        match &self.stage {
            ClientStage::Open { protocol, .. } => protocol.closed().cloned(),
            _ => None,
        }
    }
}
