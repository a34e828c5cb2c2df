//! One connection: the protocol, the transport it runs over, and what lies between them.

mod kept;
mod life;
mod pings;
pub(crate) mod receive;
mod share;

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use longwire_proto::{Closed, Event, Last, MessageKind, Protocol, Role, SendError};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

#[cfg(feature = "server")]
use crate::admission::census::Place;
use crate::error::{Error, Result};
use crate::inbox::Inbox;
use crate::ledger::Account;
use crate::message::{Compression, Message, Outgoing};
use crate::telemetry::{self, Traffic};
use crate::transport::Transport;
use kept::Kept;
use pings::Pings;
use share::Share;

/// How many pieces one write may gather.
const SLICES: usize = 16;

/// One connection. Its methods never wait; what they could not do yet is theirs to do when they are called again.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its place among those of a server, until the client is about to see the end: this is dropped before the transport.
    #[cfg(feature = "server")]
    place: Option<Place>,
    pub(crate) protocol: Protocol,
    /// `None` once it has ended.
    transport: Option<Transport>,
    /// Whether the transport is being called. Where that is so before a call, it has panicked in the last one.
    is_amid_call: bool,
    inbox: Inbox,
    /// Whether something was read since the protocol last said that there is no more in it.
    has_news: bool,
    /// Whether all that is unparsed was read by a glimpse, so that it may be a pong only.
    has_glimpsed_only: bool,
    /// Whether the transport was read from by a task that does not receive, which it wakes now.
    has_looked_ahead: bool,
    /// What may be taken of what was read before other tasks have their turn.
    share: Share,
    /// Whether the peer was given up before all that had arrived was taken. When it is, the connection ends.
    is_lost: bool,
    /// Whether parts of a message have been given and its last one has not.
    is_amid_parts: bool,
    /// What a sink that closes has read for the stream.
    kept: Option<Box<Kept>>,
    outbox: WriteProgress,
    /// Whether the client has ended its side of the transport. It may still read.
    is_half_closed: bool,
    /// Whether a message that is sent in fragments has begun and not ended, so that no other can be sent.
    pub(crate) is_amid_message: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// The pings that somebody waits for the answers to.
    pings: Option<Box<Pings>>,
    /// What it holds of the server's memory.
    account: Option<Account>,
    /// What ended the transport, until it is reported; not set if the peer only vanished.
    failure: Option<Error>,
    traffic: Traffic,
    /// What is to be logged when nobody holds the connection's lock.
    notes: Vec<Note>,
}

/// Something to be logged.
#[derive(Debug)]
pub(crate) enum Note {
    /// A control frame has arrived.
    Received(String),
    Shed,
}

impl Note {
    /// Kept out of what is done for each message.
    #[cold]
    fn received(event: &Event<'_>) -> Note {
        Note::Received(format!("{event:?}"))
    }

    pub(crate) fn log(&self) {
        match self {
            Note::Received(event) => tracing::trace!(%event, "received"),
            Note::Shed => {
                tracing::debug!(
                    "all connections together hold as much memory as they may; this one is closed"
                );
            }
        }
    }
}

/// How far the transport has come with what was written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteProgress {
    Flushed,
    Written,
    /// The writing side is shut down, when all was written.
    Shut,
    /// The transport takes nothing any more. What is queued is discarded.
    Broken,
}

impl Connection {
    /// A connection over `transport`, from which `read_ahead` has been read already.
    pub(crate) fn new(
        transport: Transport,
        protocol: Protocol,
        read_ahead: Vec<u8>,
        account: Option<Account>,
    ) -> Connection {
        let role = protocol.role();
        let mut traffic = Traffic::new(role);
        traffic.received(read_ahead.len());
        telemetry::opened(role);
        Connection {
            #[cfg(feature = "server")]
            place: None,
            protocol,
            transport: Some(transport),
            is_amid_call: false,
            inbox: Inbox::new(read_ahead),
            has_news: true,
            has_glimpsed_only: false,
            has_looked_ahead: false,
            share: Share::default(),
            is_lost: false,
            is_amid_parts: false,
            kept: None,
            outbox: WriteProgress::Flushed,
            is_half_closed: false,
            is_amid_message: false,
            timer: None,
            pings: None,
            account,
            failure: None,
            traffic,
            notes: Vec::new(),
        }
    }

    /// Keeps the connection's place among those of a server.
    #[cfg(feature = "server")]
    pub(crate) fn holding(mut self, place: Place) -> Connection {
        self.place = Some(place);
        self
    }

    /// Whether messages may lie in what was read, so that there is something to do before reading again.
    pub(crate) fn has_unparsed(&self) -> bool {
        self.inbox.unparsed_len() > 0
    }

    /// Reads once. `Ready`: there is more to parse, or the transport has ended.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_half_closed && self.transport.is_some() {
            // Nothing more comes. What is left is written, or its time is up.
            return Poll::Pending;
        }
        self.begin_call();
        let Some(transport) = &mut self.transport else {
            // What had arrived of a peer that was given up has been taken.
            self.protocol.receive_eof();
            return Poll::Ready(());
        };
        let read = match self.protocol.payload_room() {
            Some(mut room) => pin!(transport.read_buf(&mut room)).poll(cx),
            None => self.inbox.poll_fill(transport, cx),
        };
        self.is_amid_call = false;
        let read = match read {
            Poll::Pending if self.is_lost => Ok(0),
            Poll::Pending => {
                self.share.renew();
                return Poll::Pending;
            }
            Poll::Ready(read) => read,
        };
        match read {
            Ok(0) => self.end_reading(),
            Ok(count) => {
                self.has_news = true;
                self.traffic.received(count);
                if self.protocol.keeps_time() {
                    self.protocol.heard(Instant::now().into_std());
                }
            }
            Err(error) if is_end_of_tcp(&error) => self.end_reading(),
            Err(error) => self.end(Some(error)),
        }
        Poll::Ready(())
    }

    /// Writes everything that waits, and ends the writing side when it is time. `Ready`: nothing is left to do.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        #[cfg(feature = "server")]
        if let Some(place) = &mut self.place
            && !self.protocol.is_open()
        {
            place.close();
        }
        self.begin_call();
        let written = self.poll_write_all(cx);
        self.is_amid_call = false;
        if self.is_half_closed && self.outbox.is_over() {
            self.end(None);
        }
        written
    }

    fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(transport) = &mut self.transport else {
            self.protocol.transmitted(self.protocol.queued());
            return Poll::Ready(());
        };
        while self.protocol.queued() > 0 {
            if self.outbox.is_over() {
                self.protocol.transmitted(self.protocol.queued());
                return Poll::Ready(());
            }
            match ready!(write_once(&self.protocol, transport, cx)) {
                Ok(count) => {
                    self.protocol.transmitted(count);
                    self.traffic.sent(count);
                    if let Some(pings) = &mut self.pings {
                        pings.written(count);
                    }
                    self.outbox = WriteProgress::Written;
                }
                // What the peer sent before may still lie in the transport, its Close frame perhaps: the reading side
                // finds out how the connection ended.
                Err(_) => self.outbox = WriteProgress::Broken,
            }
        }
        if self.outbox == WriteProgress::Written {
            let flushed = ready!(Pin::new(&mut *transport).poll_flush(cx));
            self.outbox = if flushed.is_ok() { WriteProgress::Flushed } else { WriteProgress::Broken };
        }
        if self.protocol.wants_shutdown() && !self.outbox.is_over() {
            #[cfg(feature = "server")]
            if let Some(place) = &mut self.place {
                place.drain();
            }
            // A transport that cannot be shut down is as good as shut down.
            let _broken = ready!(Pin::new(transport).poll_shutdown(cx));
            self.outbox = WriteProgress::Shut;
        }
        self.settle();
        Poll::Ready(())
    }

    /// Does what is overdue and waits for what will be. `true`: something was, so there may be bytes to write.
    pub(crate) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let mut was_overdue = false;
        loop {
            if self.is_lost {
                self.timer = None;
                return was_overdue;
            }
            let now = Instant::now();
            let Some(next) = self.protocol.poll_timeout(now.into_std()).map(Instant::from) else {
                self.timer = None;
                return was_overdue;
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
            // A time that was put off meanwhile is found out when the timer fires: most of the time nothing is due then,
            // but nothing had to be done at every read either.
            if next < timer.deadline() {
                timer.as_mut().reset(next);
            }
            // A spent budget must not keep the timer from learning whom to wake: it may not be asked again.
            if pin!(unconstrained(timer.as_mut())).poll(cx).is_pending() {
                return was_overdue;
            }
            self.timer = None;
            self.expire(cx);
            self.traffic.count();
            was_overdue = true;
            if self.protocol.is_over() {
                self.drop_transport();
            }
        }
    }

    /// Whether the timer that [`poll_overdue`](Connection::poll_overdue) set has fired.
    #[cfg(feature = "server")]
    pub(crate) fn is_overdue(&self) -> bool {
        self.timer.as_ref().is_some_and(|timer| timer.is_elapsed())
    }

    /// Queues a message.
    pub(crate) fn queue(&mut self, outgoing: Outgoing) -> Result<(), SendError> {
        let Outgoing { message, compression } = outgoing;
        let kind = match &message {
            Message::Text(_) => MessageKind::Text,
            Message::Binary(_) => MessageKind::Binary,
        };
        match compression {
            Compression::AsAgreed => self.protocol.send_bytes(kind, message.into_bytes())?,
            Compression::Never => self.protocol.send_uncompressed(kind, message.into_bytes())?,
        }
        self.traffic.message_sent();
        Ok(())
    }

    /// Queues a fragment of a message.
    pub(crate) fn queue_fragment(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        last: Last,
    ) -> Result<(), SendError> {
        self.protocol.send_fragment(kind, payload, last)?;
        self.is_amid_message = last == Last::No;
        if last == Last::Yes {
            self.traffic.message_sent();
        }
        Ok(())
    }

    /// Whether a message can be sent and has a chance to arrive.
    pub(crate) fn is_open(&self) -> bool {
        self.protocol.is_open() && !self.outbox.is_over()
    }

    /// Whether the transport has taken everything that was queued.
    pub(crate) fn is_flushed(&self) -> bool {
        self.protocol.queued() == 0 && self.outbox != WriteProgress::Written
    }

    /// Whether there is nothing to write, nor an end to bring about.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_open() && self.is_flushed()
    }

    /// Whether what was queued could not be written.
    pub(crate) fn is_broken(&self) -> bool {
        self.outbox == WriteProgress::Broken
    }

    /// Whether nothing of this end is left to be written, the end of the transport included.
    pub(crate) fn is_settled(&self) -> bool {
        self.transport.is_none() || self.outbox.is_over()
    }

    /// Ends a connection that can neither be written to nor is read by anybody.
    pub(crate) fn give_up(&mut self) {
        self.end(None);
    }

    /// Whether the application need not wait for anything more: a client for the server to end the transport, a server
    /// for its own Close frame to be written (RFC 6455 §7.1.1).
    pub(crate) fn has_ended(&self) -> bool {
        self.protocol.closed().is_some()
            && (self.protocol.is_over() || (self.protocol.role() == Role::Server && self.outbox.is_over()))
    }

    /// Whether the peer was given up before all that had arrived was taken.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// How the connection ended, or would end if the transport vanished now.
    pub(crate) fn closed(&self) -> Closed {
        self.protocol.closed().cloned().unwrap_or_else(Closed::lost)
    }

    /// Whether there is anything to log, or to tell whoever waits for the answer to a ping.
    #[inline]
    pub(crate) fn has_notes(&self) -> bool {
        !self.notes.is_empty() || self.pings.as_ref().is_some_and(|pings| pings.have_news)
    }

    /// What is to be logged, once.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Accounts for what the connection holds. One that has grown when all together hold too much is closed with 1013.
    pub(crate) fn settle(&mut self) {
        if let Some(account) = &mut self.account
            && !account.settle(self.protocol.held())
        {
            self.shed();
        }
    }

    fn shed(&mut self) {
        if self.protocol.closed().is_none() {
            self.notes.push(Note::Shed);
            telemetry::shed(self.protocol.role());
        }
        self.protocol.shed();
    }

    /// A transport that has panicked is not called again: that may be while its panic still unwinds.
    fn begin_call(&mut self) {
        if self.is_amid_call {
            self.end(None);
        }
        self.is_amid_call = self.transport.is_some();
    }

    /// The peer sends nothing more. A client may still read what is queued for it; a server ends both directions at once
    /// (RFC 6455 §7.1.1).
    fn end_reading(&mut self) {
        if self.protocol.role() == Role::Client || self.outbox.is_over() {
            return self.end(None);
        }
        self.is_half_closed = true;
        self.protocol.receive_half_close();
        self.inbox.clear();
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
        self.drop_transport();
    }

    /// The connection counts as open for as long as it has a transport.
    fn drop_transport(&mut self) {
        #[cfg(feature = "server")]
        drop(self.place.take());
        if self.transport.take().is_some() {
            self.traffic.count();
            telemetry::ended(self.protocol.role(), self.protocol.closed());
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.drop_transport();
    }
}

impl WriteProgress {
    fn is_over(self) -> bool {
        matches!(self, WriteProgress::Shut | WriteProgress::Broken)
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

/// Whether a peer has ended its side of the TCP connection and not that of TLS before. It may still read.
pub(crate) fn is_end_of_tcp(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

/// A peer that is gone without a word is an end like others, not a failure of this end. TLS says `UnexpectedEof` when
/// the stream ends without `close_notify`.
pub(crate) fn is_vanished_peer(error: &io::Error) -> bool {
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
