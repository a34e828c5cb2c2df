//! The event loop over tokio transports, driven by readiness.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use longwire_proto::Received;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::Span;

use super::application::Application;
use super::key::Key;
use super::mailbox::{Exchange, Mailbox};
use super::reactor::visit::{Pending, Visit};
use super::reactor::{Life, Reactor, Removed, Step};
use super::ready::{Call, WokenList};
use super::rules::Rules;
use super::turns::Writes;
use crate::admission::census::{Place, TurnedAway};
use crate::admission::handshake::AgreedTerms;

/// The size of the read buffer that all connections of a loop share.
const READ_BUFFER: usize = 128 << 10;

/// How many slices one write may gather.
const SLICES: usize = 16;

/// How often one connection is read before the others are.
const READS_AT_A_TIME: usize = 4;

/// How many connections are accepted before the others get to run.
pub(super) const ACCEPTS_AT_A_TIME: usize = 64;

/// A source of new connections.
pub(super) trait Incoming<S, T> {
    /// Accepts the next connection.
    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<NewConnection<S, T>>;

    /// Stops accepting.
    fn stop(&mut self);

    /// Takes over a connection whose first request is not for a WebSocket.
    fn hand_over(&mut self, transport: T, removed: Removed<()>);
}

/// A new connection.
pub(super) struct NewConnection<S, T> {
    pub(super) transport: T,
    pub(super) peer_addr: Option<SocketAddr>,
    pub(super) stage: NewConnectionKind<S>,
    /// The connection's span.
    pub(super) span: Span,
}

/// The state of a new connection.
pub(super) enum NewConnectionKind<S> {
    /// Its first request has not arrived.
    New(Place),
    /// The server has no place for it.
    TurnedAway(TurnedAway),
    /// Its request was accepted elsewhere, and the response is written.
    Accepted(Box<AgreedTerms<S>>, Place),
}

/// The runtimes that a loop uses.
pub(super) struct Runtimes {
    /// The runtime that the server was started on. The application is called in its context, so tasks that it spawns
    /// outlive the loop.
    pub(super) callers: Handle,
    /// The runtime of the loop, which drives its timers and wakes its transports.
    pub(super) own: Handle,
}

/// An event loop over tokio transports: a future that completes when the loop has shut down.
///
/// It is one task for all its connections. A transport that becomes ready adds its connection to a list. The loop goes
/// through the list, reads into one shared buffer, and writes once per connection after everything has been handled.
pub(super) struct Readiness<A: Application, T, I> {
    reactor: Reactor<A, PolledLink<T>>,
    mailbox: Arc<Mailbox>,
    incoming: I,
    ready: Arc<WokenList>,
    /// The connections of the current sweep.
    sweep: Vec<Key>,
    buffer: Vec<u8>,
    timer: Option<Pin<Box<Sleep>>>,
    /// The number of the loop's current round.
    round: u16,
    runtimes: Arc<Runtimes>,
}

/// A connection's transport.
struct PolledLink<T> {
    transport: T,
    /// Wakes the loop for this connection.
    waker: Waker,
    call: Option<Arc<Call>>,
    held_back: HeldBack,
    writes: Writes,
}

/// Data that was given to a transport and that it may still hold back, as TLS may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldBack {
    Nothing,
    /// Some of the written bytes.
    Bytes,
    /// The end, and the bytes written before it.
    End,
}

impl<T> PolledLink<T> {
    fn new(transport: T) -> PolledLink<T> {
        PolledLink {
            transport,
            waker: Waker::noop().clone(),
            call: None,
            held_back: HeldBack::Nothing,
            writes: Writes::default(),
        }
    }

    /// Lets the transport wake the loop from now on.
    fn connect(&mut self, call: Arc<Call>) {
        self.waker = Waker::from(Arc::clone(&call));
        self.call = Some(call);
    }
}

impl<A, T, I> Readiness<A, T, I>
where
    A: Application,
    T: AsyncRead + AsyncWrite + Unpin,
    I: Incoming<A::State, T>,
{
    pub(super) fn new(
        rules: Arc<Rules<A>>,
        mailbox: Arc<Mailbox>,
        exchange: Arc<Exchange>,
        incoming: I,
        runtimes: Runtimes,
    ) -> Readiness<A, T, I> {
        Readiness {
            reactor: Reactor::new(rules, Arc::clone(&mailbox), exchange),
            mailbox,
            incoming,
            ready: Arc::default(),
            sweep: Vec::new(),
            buffer: Vec::with_capacity(READ_BUFFER),
            timer: None,
            round: 0,
            runtimes: Arc::new(runtimes),
        }
    }

    /// Accepts waiting connections. Returns `true` if there may be more.
    fn accept(&mut self, cx: &mut Context<'_>) -> bool {
        if self.reactor.life() != Life::Runs {
            self.incoming.stop();
            return false;
        }
        for _ in 0..ACCEPTS_AT_A_TIME {
            let Poll::Ready(arrival) = self.poll_arrival(cx) else { return false };
            let NewConnection { transport, peer_addr, stage, span } = arrival;
            let link = PolledLink::new(transport);
            let key = match stage {
                NewConnectionKind::New(place) => Some(self.reactor.accept(link, peer_addr, place, span)),
                NewConnectionKind::TurnedAway(turned_away) => {
                    self.reactor.turn_away(link, peer_addr, turned_away, span).ok()
                }
                NewConnectionKind::Accepted(agreed, place) => {
                    Some(self.reactor.adopt(link, peer_addr, *agreed, place, span))
                }
            };
            if let Some(key) = key {
                let call = Call::new(key, Arc::clone(&self.ready));
                if let Some(link) = self.reactor.link(key) {
                    link.connect(call);
                }
                self.read(key);
            }
        }
        true
    }

    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<NewConnection<A::State, T>> {
        let _own = self.runtimes.own.enter();
        self.incoming.poll_arrival(cx)
    }

    /// Continues with connections that ran out of their share in the last round.
    fn go_on(&mut self, rested: Vec<Key>) {
        for key in rested {
            self.reactor.go_on(key);
            self.read(key);
        }
    }

    /// Handles the connections that were woken.
    fn sweep(&mut self, cx: &mut Context<'_>) {
        let mut sweep = std::mem::take(&mut self.sweep);
        self.ready.swap(&mut sweep, cx.waker());
        for &key in &sweep {
            if let Some(mut visit) = self.reactor.visit(key)
                && let Some(call) = &visit.link().call
            {
                call.answered();
            }
            self.read(key);
            // It may have been woken because it is writable.
            self.write(key);
        }
        sweep.clear();
        self.sweep = sweep;
    }

    /// Reads from a connection, at most a few times.
    fn read(&mut self, key: Key) {
        for _ in 0..READS_AT_A_TIME {
            let Some(mut visit) = self.reactor.visit(key) else { return };
            if !visit.wants_read() {
                return;
            }
            match visit.read_once(&mut self.buffer) {
                // A broken transport with nothing left to read has ended.
                Poll::Pending if visit.is_broken() => return self.reactor.ended(key, None),
                Poll::Pending => return,
                Poll::Ready(Ok(ReadinessRead::End)) => return self.reactor.ended(key, None),
                Poll::Ready(Ok(ReadinessRead::Directly(count))) => self.reactor.received_directly(key, count),
                Poll::Ready(Ok(ReadinessRead::IntoBuffer)) => {
                    self.reactor.received(key, &mut self.buffer, |_| {});
                }
                Poll::Ready(Err(error)) => return self.reactor.ended(key, Some(error)),
            }
        }
        if let Some(link) = self.reactor.link(key) {
            link.waker.wake_by_ref();
        }
    }

    /// Does all pending steps of a connection, with at most a few writes.
    fn write(&mut self, key: Key) {
        while let Some(mut visit) = self.reactor.visit(key) {
            match visit.write(self.round) {
                Next::Nothing => return,
                Next::Written { pending, wanted_read } => {
                    if let Some(pending) = pending {
                        self.reactor.resolve(key, pending, &mut Received::default());
                    }
                    if !wanted_read && self.reactor.visit(key).is_some_and(|visit| visit.wants_read()) {
                        self.read(key);
                    }
                }
                Next::Broken => {
                    self.reactor.broken(key);
                    self.read(key);
                }
                Next::Unwritable => {
                    if self.reactor.unwritable(key) == Step::Drop {
                        self.reactor.remove(key);
                    } else if let Some(mut visit) = self.reactor.visit(key)
                        && visit.push().is_err()
                    {
                        self.reactor.broken(key);
                        self.read(key);
                    }
                    return;
                }
                Next::HandOver => {
                    if let Some(removed) = self.reactor.remove(key) {
                        let (link, removed) = removed.split();
                        self.incoming.hand_over(link.transport, removed);
                    }
                    return;
                }
                Next::Drop => {
                    self.reactor.remove(key);
                    return;
                }
            }
        }
    }

    /// Handles due timers and waits for the next one. Returns `true` if a timer was due.
    fn keep_time(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.reactor.deadline().map(Instant::from) else {
            self.timer = None;
            return false;
        };
        let runtimes = Arc::clone(&self.runtimes);
        let own = runtimes.own.enter();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.timer = None;
        self.reactor.tick(Instant::now().into_std());
        drop(own);
        self.reactor.expire();
        true
    }

    fn is_over(&self) -> bool {
        match self.reactor.life() {
            Life::Runs => false,
            Life::ShutsDown => self.reactor.len() == 0,
            Life::Stops => true,
        }
    }
}

/// The outcome of a read.
enum ReadinessRead {
    /// This many bytes, read into a large message directly.
    Directly(usize),
    /// Some bytes, in the buffer.
    IntoBuffer,
    End,
}

/// The next work for a connection that needs more than the connection itself.
enum Next {
    Nothing,
    /// Data was written. `wanted_read`: whether the connection could be read from before the write.
    Written {
        pending: Option<Pending>,
        wanted_read: bool,
    },
    /// Writing has failed.
    Broken,
    /// The transport takes no more data: call [`Reactor::unwritable`].
    Unwritable,
    HandOver,
    Drop,
}

impl<A: Application, T: AsyncRead + AsyncWrite + Unpin> Visit<'_, A, PolledLink<T>> {
    /// Reads once.
    fn read_once(&mut self, buffer: &mut Vec<u8>) -> Poll<io::Result<ReadinessRead>> {
        if let Some((link, mut room)) = self.payload_room() {
            let read = pin!(link.transport.read_buf(&mut room)).poll(&mut Context::from_waker(&link.waker));
            let count = ready!(read)?;
            return Poll::Ready(Ok(if count == 0 {
                ReadinessRead::End
            } else {
                ReadinessRead::Directly(count)
            }));
        }
        let link = self.link();
        buffer.clear();
        let read = pin!(link.transport.read_buf(buffer)).poll(&mut Context::from_waker(&link.waker));
        let count = ready!(read)?;
        Poll::Ready(Ok(if count == 0 { ReadinessRead::End } else { ReadinessRead::IntoBuffer }))
    }

    /// Does all pending steps, up to the first write.
    fn write(&mut self, round: u16) -> Next {
        loop {
            if self.has_used_its_writes(round) {
                return Next::Nothing;
            }
            match self.step() {
                None => return Next::Unwritable,
                Some(Step::Wait) if self.push().is_err() => return Next::Broken,
                Some(Step::Wait) => return Next::Nothing,
                Some(Step::Write) => match self.write_once() {
                    Poll::Ready(Ok(count)) => {
                        let wanted_read = self.wants_read();
                        let pending = self.written(count);
                        if pending.is_some() || !wanted_read {
                            return Next::Written { pending, wanted_read };
                        }
                    }
                    Poll::Ready(Err(_)) => return Next::Broken,
                    // The last try has failed.
                    Poll::Pending if self.step() == Some(Step::Drop) => return Next::Drop,
                    Poll::Pending => return Next::Nothing,
                },
                Some(Step::Shutdown) => self.link().held_back = HeldBack::End,
                Some(Step::HandOver) => return Next::HandOver,
                Some(Step::Drop) => return Next::Drop,
            }
        }
    }

    /// Whether the connection has used up its writes of this round. The next round then continues with it, so that a
    /// fast peer does not starve the others.
    fn has_used_its_writes(&mut self, round: u16) -> bool {
        let link = self.link();
        let had = link.writes.are_used_up(round);
        if had {
            link.waker.wake_by_ref();
        }
        had
    }

    fn write_once(&mut self) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (link, filled) = self.transmit(&mut slices);
        let slices = slices.get(..filled).unwrap_or_default();
        let transport = Pin::new(&mut link.transport);
        match ready!(transport.poll_write_vectored(&mut Context::from_waker(&link.waker), slices)) {
            Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => {
                link.held_back = HeldBack::Bytes;
                link.writes.note();
                Poll::Ready(Ok(count))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Flushes what the transport holds back. If it cannot send all of it now, it wakes the loop later.
    fn push(&mut self) -> io::Result<()> {
        let link = self.link();
        let transport = Pin::new(&mut link.transport);
        let context = &mut Context::from_waker(&link.waker);
        let sent = match link.held_back {
            HeldBack::Nothing => return Ok(()),
            HeldBack::Bytes => transport.poll_flush(context),
            HeldBack::End => transport.poll_shutdown(context),
        };
        let Poll::Ready(sent) = sent else { return Ok(()) };
        if std::mem::replace(&mut link.held_back, HeldBack::Nothing) == HeldBack::End {
            // A transport that fails to shut down counts as shut down.
            self.shut();
            return Ok(());
        }
        sent
    }
}

impl<A, T, I> Future for Readiness<A, T, I>
where
    A: Application,
    T: AsyncRead + AsyncWrite + Unpin,
    I: Incoming<A::State, T> + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.round = this.round.wrapping_add(1);
        let rested = this.reactor.begin_round(Instant::now().into_std());
        let runtimes = Arc::clone(&this.runtimes);
        let _callers = runtimes.callers.enter();
        this.go_on(rested);
        // Connections that end release their places before new ones are accepted. Otherwise a client that reconnects at
        // once would find its own place taken.
        this.sweep(cx);
        let more = this.accept(cx);
        this.reactor.take_mail();
        if this.reactor.life() != Life::Runs {
            this.incoming.stop();
        }
        loop {
            while let Some(key) = this.reactor.next_dirty() {
                this.write(key);
            }
            if this.is_over() {
                // Drop the application's state in the context in which it was created.
                for key in this.reactor.keys() {
                    drop(this.reactor.remove(key));
                }
                return Poll::Ready(());
            }
            if !this.keep_time(cx) {
                break;
            }
        }
        if more || this.reactor.has_more() || !this.mailbox.listen(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
