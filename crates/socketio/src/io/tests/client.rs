//! A client without a transport.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Uri};
use longwire::{Message, MessageRef};

use super::super::application::ClientSession;
use super::super::{DisconnectReason, Socket, SocketIo};
use crate::engine::{Application, CloseReason, EngineConnection, Opening, TransportKind};

pub(super) struct Client {
    io: SocketIo,
    connection: EngineConnection,
    session: Option<ClientSession>,
}

impl Client {
    pub(super) fn open(io: &SocketIo) -> Client {
        let connection = EngineConnection::without_transport();
        let opening = Opening {
            uri: Uri::from_static("/socket.io/?EIO=4&transport=websocket"),
            headers: HeaderMap::new(),
            peer_addr: None,
            transport: TransportKind::WebSocket,
        };
        let session = Some(io.on_open(&connection, opening));
        Client { io: io.clone(), connection, session }
    }

    /// A client that has joined the main namespace, and drops what it got there.
    pub(super) fn join(io: &SocketIo) -> Client {
        let mut client = Client::open(io);
        client.send("0");
        assert!(client.received_text().starts_with("0{"));
        client
    }

    pub(super) fn send(&mut self, text: &str) {
        self.receive(MessageRef::Text(text));
    }

    pub(super) fn send_binary(&mut self, data: &[u8]) {
        self.receive(MessageRef::Binary(data));
    }

    fn receive(&mut self, message: MessageRef<'_>) {
        let session = self.session.as_mut().expect("the client is open");
        if self.connection.is_open() {
            self.io.on_message(session, &self.connection, message);
        }
    }

    /// The packets since the last call; binary ones as numbers.
    pub(super) fn received(&self) -> Vec<String> {
        let shown = |message| match message {
            Message::Text(text) => text.strip_prefix('4').map(str::to_owned),
            Message::Binary(bytes) => Some(format!("{:?}", &bytes[..])),
        };
        self.connection.sent().into_iter().filter_map(shown).collect()
    }

    /// The packets since the last call, one a line.
    pub(super) fn received_text(&self) -> String {
        self.received().join("\n")
    }

    pub(super) fn expect(&self, packets: &[&str]) {
        assert_eq!(self.received(), packets);
    }

    /// The JSON of the answer to a CONNECT packet.
    pub(super) fn connected(&self) -> serde_json::Value {
        let received = self.received();
        let answer = received.first().expect("an answer");
        let json = answer.get(answer.find('{').expect("an object")..).expect("in bounds");
        serde_json::from_str(json).expect("valid JSON")
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        let session = self.session.take().expect("the client is open");
        self.io.on_close(session, &self.connection, reason);
    }

    /// Whether this is the client's socket.
    pub(super) fn is(&self, socket: &Socket) -> bool {
        socket.client().connection.sid() == self.connection.sid()
    }

    /// Whether nothing more is read from the client.
    pub(super) fn is_paused(&self) -> bool {
        self.connection.link().is_paused()
    }

    pub(super) fn end(&self) -> Option<CloseReason> {
        self.connection.end()
    }
}

/// What happened, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(super) fn add(&self, line: impl Into<String>) {
        self.0.lock().expect("no panic").push(line.into());
    }

    /// The lines since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

/// Logs why each socket of the main namespace ends.
pub(super) fn log_ends(io: &SocketIo) -> Log {
    let log = Log::default();
    let ends = log.clone();
    io.on_connect(|socket, _auth| async move {
        socket.on_disconnect(|_socket, reason: DisconnectReason| async move { ends.add(reason.as_str()) });
    });
    log
}

/// Lets all tasks run that can.
pub(super) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
