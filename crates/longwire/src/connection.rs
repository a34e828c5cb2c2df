//! One connection: the protocol, the transport, and the buffers between them.

mod kept;
mod life;
mod memory;
mod notes;
mod pings;
pub(crate) mod receive;
mod share;

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use longwire_proto::{Closed, Last, MessageKind, Protocol, Role, SendError};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

#[cfg(feature = "server")]
use crate::admission::census::Place;
use crate::error::{Error, Result};
use crate::inbox::Inbox;
use crate::ledger::Account;
use crate::message::{Compression, Message, Outgoing};
use crate::send_buffers;
use crate::telemetry::{self, Traffic};
use crate::transport::Transport;
use kept::Kept;
use notes::Notes;
use pings::Pings;
use share::Share;

/// How many slices one write may gather.
const SLICES: usize = 16;

/// The length of a message, in bytes, below which a connection encodes into a buffer that its thread lends.
const LENT_BELOW: usize = 8 << 10;

/// One connection. Its methods never wait: call them again to finish pending work.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its place in the server's count of connections. It is dropped before the transport.
    #[cfg(feature = "server")]
    place: Option<Place>,
    pub(crate) protocol: Protocol,
    /// `None` once the connection has ended.
    transport: Option<Transport>,
    /// Whether the transport is being called. If it is set before a call, the previous call has panicked.
    is_amid_call: bool,
    inbox: Inbox,
    /// Whether something was read since the protocol last found nothing more to parse.
    has_news: bool,
    /// Whether a glimpse read all of the unparsed bytes, which may then be only a pong.
    has_glimpsed_only: bool,
    /// Whether a task that does not receive has read from the transport, which then wakes that task.
    has_looked_ahead: bool,
    /// How much may be received before other tasks get to run.
    share: Share,
    /// Whether the peer was given up while received data is still unparsed. The connection ends once it is parsed.
    is_lost: bool,
    /// Whether a message is being received in parts and its last part is missing.
    is_amid_parts: bool,
    /// Messages that a closing sink has read for the stream.
    kept: Option<Box<Kept>>,
    outbox: WriteProgress,
    /// Whether the client has ended its side of the transport. It may still read.
    is_half_closed: bool,
    /// Whether a message that is sent in fragments has begun and not ended. No other message can be sent then.
    pub(crate) is_amid_message: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// The pings whose pongs are awaited.
    pings: Option<Box<Pings>>,
    /// The connection's share of the server's memory.
    account: Option<Account>,
    /// The error that ended the transport, until it is reported. Not set if the peer only vanished.
    failure: Option<Box<Error>>,
    traffic: Traffic,
    /// Log entries to write once the connection's lock is released.
    notes: Option<Box<Notes>>,
}

/// The progress of writing to the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteProgress {
    Flushed,
    Written,
    /// The writing side was shut down after everything was written.
    Shut,
    /// The transport no longer accepts data. Queued data is discarded.
    Broken,
}

impl Connection {
    /// Creates a connection over `transport`, from which `read_ahead` was already read.
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
            notes: None,
        }
    }

    /// Stores the connection's place in a server's count of connections.
    #[cfg(feature = "server")]
    pub(crate) fn holding(mut self, place: Place) -> Connection {
        self.place = Some(place);
        self
    }

    /// Whether unparsed bytes may contain messages: parse them before reading again.
    pub(crate) fn has_unparsed(&self) -> bool {
        self.inbox.unparsed_len() > 0
    }

    /// Reads once. `Ready` if there is more to parse or the transport has ended.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_half_closed && self.transport.is_some() {
            // The peer sends nothing more. Writing ends the connection, or a timeout does.
            return Poll::Pending;
        }
        self.begin_call();
        let Some(transport) = &mut self.transport else {
            // All data of the peer that was given up has been parsed.
            self.protocol.receive_eof();
            self.settle();
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

    /// Writes all pending data and shuts down the writing side when the protocol wants it. `Ready` if no work is left.
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
            self.discard_queue();
            return Poll::Ready(());
        };
        while self.protocol.queued() > 0 {
            if self.outbox.is_over() {
                self.discard_queue();
                return Poll::Ready(());
            }
            let Poll::Ready(written) = write_once(&self.protocol, transport, cx) else {
                self.settle();
                return Poll::Pending;
            };
            match written {
                Ok(count) => {
                    self.protocol.transmitted(count);
                    if let Some(buffer) = self.protocol.reclaim_buffer() {
                        send_buffers::give_back(buffer);
                    }
                    self.traffic.sent(count);
                    if let Some(pings) = &mut self.pings {
                        pings.written(count);
                    }
                    self.outbox = WriteProgress::Written;
                }
                // The transport may still hold the peer's Close frame. The reading side records the end.
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
            // A transport that fails to shut down counts as shut down.
            let _broken = ready!(Pin::new(transport).poll_shutdown(cx));
            self.outbox = WriteProgress::Shut;
        }
        self.settle();
        Poll::Ready(())
    }

    /// Handles due timeouts and waits for the next one. `true` if a timeout was handled: there may be bytes to write.
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
            // A read does not move the timer. If it fires before the deadline, it is reset here, which is cheaper.
            if next < timer.deadline() {
                timer.as_mut().reset(next);
            }
            // `unconstrained`: with a spent budget, the timer would not register the waker, and no other call may follow.
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
        // A longer message needs no buffer: alone, it is not copied. Behind a shorter one that waits in a lent buffer, it is copied
        // there if it is below 64 KiB.
        if message.len() < LENT_BELOW
            && self.protocol.queued() == 0
            && let Some(unused) = self.protocol.lend_buffer(send_buffers::take())
        {
            send_buffers::give_back(unused);
        }
        let queued = match compression {
            Compression::AsAgreed => self.protocol.send_bytes(kind, message.into_bytes()),
            Compression::Never => self.protocol.send_uncompressed(kind, message.into_bytes()),
        };
        match queued {
            Ok(()) => self.traffic.message_sent(),
            Err(_) => self.return_buffer(),
        }
        queued
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

    /// Whether messages can be sent and may arrive.
    pub(crate) fn is_open(&self) -> bool {
        self.protocol.is_open() && !self.outbox.is_over()
    }

    /// Whether the transport has taken everything that was queued.
    pub(crate) fn is_flushed(&self) -> bool {
        self.protocol.queued() == 0 && self.outbox != WriteProgress::Written
    }

    /// Whether there is nothing to write or to shut down.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_open() && self.is_flushed()
    }

    /// Whether queued data could not be written.
    pub(crate) fn is_broken(&self) -> bool {
        self.outbox == WriteProgress::Broken
    }

    /// Whether this end has nothing left to write or to shut down.
    pub(crate) fn is_settled(&self) -> bool {
        self.transport.is_none() || self.outbox.is_over()
    }

    /// Ends a connection that cannot be written to and that no task reads.
    pub(crate) fn give_up(&mut self) {
        self.end(None);
    }

    /// Whether the application may stop waiting: a client waits until the server has ended the transport, a server
    /// until its own Close frame is written (RFC 6455 §7.1.1).
    pub(crate) fn has_ended(&self) -> bool {
        self.protocol.closed().is_some()
            && (self.protocol.is_over() || (self.protocol.role() == Role::Server && self.outbox.is_over()))
    }

    /// Whether the peer was given up while received data is still unparsed.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// How the connection ended, or would end if the transport vanished now.
    pub(crate) fn closed(&self) -> Closed {
        self.protocol.closed().cloned().unwrap_or_else(Closed::lost)
    }

    /// Whether there is something to log, or a result for a task that awaits a pong.
    #[inline]
    pub(crate) fn has_notes(&self) -> bool {
        self.notes.is_some() || self.pings.as_ref().is_some_and(|pings| pings.have_news)
    }

    /// Takes the pending log entries.
    pub(crate) fn take_notes(&mut self) -> Option<Box<Notes>> {
        self.notes.take()
    }

    /// Ends the transport if its last call has panicked. The panic may still be unwinding.
    fn begin_call(&mut self) {
        if self.is_amid_call {
            self.end(None);
        }
        self.is_amid_call = self.transport.is_some();
    }

    /// Handles the end of the peer's side of the transport. A peer that is a client may still read queued data; a server
    /// ends both directions at once (RFC 6455 §7.1.1).
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
            self.fail(Error::io("read from the peer", error));
        }
        self.protocol.receive_eof();
        self.inbox.clear();
        self.drop_transport();
    }

    /// A connection counts as open while it has a transport. Its handles may outlive the transport, so they hold nothing of
    /// what waits to be written.
    fn drop_transport(&mut self) {
        #[cfg(feature = "server")]
        drop(self.place.take());
        if self.transport.take().is_some() {
            self.discard_queue();
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
    let transport = Pin::new(transport);
    let written = match slices.get(..filled).unwrap_or_default() {
        // To the system, one buffer costs less than a list of one.
        [slice] => ready!(transport.poll_write(cx, slice)),
        slices => ready!(transport.poll_write_vectored(cx, slices)),
    };
    Poll::Ready(match written {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    })
}

/// Whether the peer has ended TCP without ending TLS first. It may still read.
pub(crate) fn is_end_of_tcp(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

/// Whether the error means that the peer vanished: an end like any other, not a failure of this end. TLS reports
/// `UnexpectedEof` if the stream ends without `close_notify`.
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
