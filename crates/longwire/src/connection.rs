//! One connection: the protocol, the transport it runs over, and what lies between them.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use longwire_proto::{Closed, Event, Protocol, Received, Role};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::{Error, Result};
use crate::message::Message;
use crate::read_buffers;
use crate::transport::Transport;

/// How many pieces one write may gather.
const SLICES: usize = 16;

/// One connection. Its methods never wait; what they could not do yet is theirs to do when they are called again.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) protocol: Protocol,
    /// `None` once it has ended.
    transport: Option<Transport>,
    inbox: Inbox,
    outbox: Outbox,
    timer: Option<Pin<Box<Sleep>>>,
    /// What ended the transport, until it is reported; not set if the peer only vanished.
    failure: Option<Error>,
}

/// Bytes that were read and not yet parsed. It holds a buffer only while there are some.
#[derive(Debug, Default)]
struct Inbox {
    bytes: Vec<u8>,
    parsed: usize,
}

/// How far the transport has come with what was written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outbox {
    Flushed,
    Written,
    /// Nothing more can be written: the writing side is shut down, or broken. What is queued is discarded.
    Shut,
}

impl Connection {
    /// A connection over `transport`, from which `read_ahead` has been read already.
    pub(crate) fn new(transport: Transport, protocol: Protocol, read_ahead: Vec<u8>) -> Connection {
        Connection {
            protocol,
            transport: Some(transport),
            inbox: Inbox { bytes: read_ahead, parsed: 0 },
            outbox: Outbox::Flushed,
            timer: None,
            failure: None,
        }
    }

    /// The next message among what was read. `None`: more has to be read, or the end is near.
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>> {
        loop {
            let unparsed = self.inbox.bytes.get_mut(self.inbox.parsed..).unwrap_or_default();
            let before = unparsed.len();
            let mut received = Received::new(unparsed);
            let event = self.protocol.next_event(&mut received);
            self.inbox.parsed += before - received.len();
            match event? {
                Some(Event::Text(text)) => {
                    return Ok(Some(Message::Text(match text {
                        std::borrow::Cow::Borrowed(text) => text.into(),
                        std::borrow::Cow::Owned(text) => text.into(),
                    })));
                }
                Some(Event::Binary(payload)) => {
                    return Ok(Some(Message::Binary(match payload {
                        std::borrow::Cow::Borrowed(payload) => Bytes::copy_from_slice(payload),
                        std::borrow::Cow::Owned(payload) => payload.into(),
                    })));
                }
                Some(event) => tracing::trace!(?event, "received"),
                None => {
                    self.inbox.clear();
                    return Ok(None);
                }
            }
        }
    }

    /// Whether messages may lie in what was read, so that there is something to do before reading again.
    pub(crate) fn has_unparsed(&self) -> bool {
        self.inbox.parsed < self.inbox.bytes.len()
    }

    /// Reads once. `Ready`: there is more to parse, or the transport has ended.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(transport) = &mut self.transport else { return Poll::Ready(()) };
        let read = match self.protocol.payload_room() {
            Some(mut room) => pin!(transport.read_buf(&mut room)).poll(cx),
            None => self.inbox.poll_fill(transport, cx),
        };
        match ready!(read) {
            Ok(0) => self.end(None),
            Ok(_) => {}
            Err(error) => self.end(Some(error)),
        }
        Poll::Ready(())
    }

    /// Reads and discards once, answering pings on the way.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Errors of the peer fail the connection by themselves; nobody is there to be told.
        while let Ok(Some(_)) | Err(_) = self.next_message() {}
        self.poll_read(cx)
    }

    /// Writes everything that waits, and ends the writing side when it is time. `Ready`: nothing is left to do.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(transport) = &mut self.transport else {
            self.protocol.transmitted(self.protocol.queued());
            return Poll::Ready(());
        };
        while self.protocol.queued() > 0 {
            if self.outbox == Outbox::Shut {
                self.protocol.transmitted(self.protocol.queued());
                return Poll::Ready(());
            }
            match ready!(write_once(&self.protocol, transport, cx)) {
                Ok(count) => {
                    self.protocol.transmitted(count);
                    self.outbox = Outbox::Written;
                }
                // What the peer sent before may still lie in the transport, its Close frame perhaps: the reading side
                // finds out how the connection ended.
                Err(_) => self.outbox = Outbox::Shut,
            }
        }
        if self.outbox == Outbox::Written {
            let flushed = ready!(Pin::new(&mut *transport).poll_flush(cx));
            self.outbox = if flushed.is_ok() { Outbox::Flushed } else { Outbox::Shut };
        }
        if self.protocol.wants_shutdown() && self.outbox != Outbox::Shut {
            // A transport that cannot be shut down is as good as shut down.
            let _broken = ready!(Pin::new(transport).poll_shutdown(cx));
            self.outbox = Outbox::Shut;
        }
        Poll::Ready(())
    }

    /// Gives the connection up when the time for its closing handshake is up.
    pub(crate) fn poll_deadline(&mut self, cx: &mut Context<'_>) {
        let now = Instant::now();
        let Some(deadline) = self.protocol.poll_timeout(now.into_std()) else {
            self.timer = None;
            return;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        if timer.as_mut().poll(cx).is_ready() {
            self.protocol.handle_timeout(deadline);
            self.timer = None;
            self.transport = None;
        }
    }

    /// Whether a message can be sent and has a chance to arrive.
    pub(crate) fn is_open(&self) -> bool {
        self.protocol.is_open() && self.outbox != Outbox::Shut
    }

    /// Whether the application need not wait for anything more: a client for the server to end the transport, a server
    /// for its own Close frame to be written (RFC 6455 §7.1.1).
    pub(crate) fn has_ended(&self) -> bool {
        match self.protocol.closed() {
            None => false,
            Some(closed) => {
                self.protocol.is_over()
                    || !closed.clean
                    || (self.protocol.role() == Role::Server && self.outbox == Outbox::Shut)
            }
        }
    }

    /// How the connection ended, or would end if the transport vanished now.
    pub(crate) fn closed(&self) -> Closed {
        self.protocol.closed().cloned().unwrap_or_else(Closed::lost)
    }

    /// What ended the transport, once.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    fn end(&mut self, error: Option<io::Error>) {
        if let Some(error) = error
            && !is_vanished_peer(&error)
            && self.protocol.closed().is_none()
        {
            self.failure = Some(Error::io("read from the peer", error));
        }
        self.protocol.receive_eof();
        self.inbox.clear();
        self.transport = None;
    }
}

impl Inbox {
    /// Reads into a shared buffer, which goes back at once if nothing has arrived.
    fn poll_fill(&mut self, transport: &mut Transport, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.clear();
        let mut buffer = read_buffers::take();
        let read = pin!(transport.read_buf(&mut buffer)).poll(cx);
        if let Poll::Ready(Ok(1..)) = read {
            self.bytes = buffer;
        } else {
            read_buffers::give_back(buffer);
        }
        read
    }

    fn clear(&mut self) {
        if self.bytes.capacity() > 0 {
            read_buffers::give_back(std::mem::take(&mut self.bytes));
        }
        self.parsed = 0;
    }
}

fn write_once(
    protocol: &Protocol,
    transport: &mut Transport,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let filled = protocol.transmit(&mut slices);
    let written =
        ready!(Pin::new(transport).poll_write_vectored(cx, slices.get(..filled).unwrap_or_default()));
    Poll::Ready(match written {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    })
}

/// A peer that is gone without a word is an end like others, not a failure of this end. TLS says `UnexpectedEof` when
/// the stream ends without `close_notify`.
fn is_vanished_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, NetworkDown, NetworkUnreachable,
        NotConnected, TimedOut, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe
            | ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | TimedOut
            | UnexpectedEof
    )
}
