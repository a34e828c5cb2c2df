//! All connections of one event loop, without their transports: bytes in, calls of the handler, bytes out.
//!
//! A driver moves the bytes. It reports what it has read, takes the connections with pending work from
//! [`Reactor::next_dirty`], borrows each one for a [`Visit`](visit::Visit), and carries out its [`Step`]s until the
//! step is to wait.

mod asked;
mod delivery;
mod ending;
mod guard;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod million;
mod opening;
mod post;
mod resuming;
mod rounds;
mod shutting_down;
mod ticking;
mod timers;
pub(super) mod visit;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use longwire_proto::Role;
use slotmap::SlotMap;
use tracing::Span;

use super::application::Application;
use super::connection::{Lifecycle, LoopConnection, Refused};
use super::gradual_close::GradualClose;
use super::key::{Key, LoopNumber};
use super::loop_context::{LoopClock, LoopContext};
use super::loop_time::{LoopEpoch, LoopTime};
use super::mailbox::{Exchange, Mail, Mailbox};
use super::pool::Pool;
use super::rules::Rules;
use super::spans::Spans;
use super::tick_schedule::TickSchedule;
use crate::admission::answer::{LINGER_TIME, TURNED_AWAY_AT_A_TIME};
use crate::admission::census::{Place, TurnedAway};
use crate::admission::handshake::{AgreedTerms, encode_refusal};
#[cfg(unix)]
use crate::admission::policy::AdmissionPolicy;
use crate::telemetry::Traffic;
use crate::telemetry::phase::Phase;

/// How often the loop adds its traffic to the counters, while there is any.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// All connections of one event loop. `L` is what the driver keeps of each.
pub(super) struct Reactor<A: Application, L> {
    rules: Arc<Rules<A>>,
    connections: SlotMap<Key, Box<LoopConnection<A::State, L>>>,
    spans: Spans,
    context: LoopContext,
    dirty: Vec<Key>,
    timers: BinaryHeap<Reverse<(LoopTime, Key)>>,
    ticks: Option<TickSchedule>,
    pool: Pool,
    now: Instant,
    epoch: LoopEpoch,
    /// When the traffic was last added to the counters.
    counted_at: Instant,
    /// How many connections are currently being rejected because the server is full.
    turned_away: usize,
    /// Whether publications are being delivered.
    is_publishing: bool,
    /// The number of the loop's current round.
    round: u32,
    /// Connections that have used up their share of this round.
    resting: Vec<Key>,
    /// Mail for which this round had no time.
    mail: VecDeque<Mail>,
    life: Life,
    /// The connections that a shutdown has not closed yet.
    gradual_close: Option<GradualClose>,
}

/// Whether the loop keeps running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Runs,
    /// It ends with its last connection.
    ShutsDown,
    /// It ends now.
    Stops,
}

/// A connection that was removed from the reactor.
pub(super) struct Removed<L> {
    /// Dropped before the link.
    pub(super) place: Place,
    pub(super) link: L,
    pub(super) peer_addr: Option<SocketAddr>,
    /// The connection's span.
    pub(super) span: Span,
    /// The bytes read so far, if hyper takes the connection over.
    pub(super) read: Vec<u8>,
}

impl<L> Removed<L> {
    /// Separates the link from the rest.
    pub(super) fn split(self) -> (L, Removed<()>) {
        let Removed { place, link, peer_addr, span, read } = self;
        (link, Removed { place, link: (), peer_addr, span, read })
    }
}

/// The next step of a driver for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Write the output of [`Visit::transmit`](visit::Visit::transmit), and report it to
    /// [`Visit::written`](visit::Visit::written).
    Write,
    /// Shut down the writing side, then call [`Visit::shut`](visit::Visit::shut), and keep reading.
    Shutdown,
    /// Remove it with [`Reactor::remove`], and hand its transport to hyper.
    HandOver,
    /// Remove it with [`Reactor::remove`], and drop its transport.
    Drop,
    /// Do nothing until something arrives.
    Wait,
}

impl<A: Application, L> Reactor<A, L> {
    pub(super) fn new(rules: Arc<Rules<A>>, mailbox: Arc<Mailbox>, exchange: Arc<Exchange>) -> Reactor<A, L> {
        let now = Instant::now();
        let max_spawned = rules.max_spawned;
        let ticks = rules.tick_every.and_then(|period| TickSchedule::new(period, now));
        Reactor {
            rules,
            connections: SlotMap::with_key(),
            spans: Spans::default(),
            context: LoopContext {
                number: LoopNumber::next(),
                topics: exchange.topic_table(&mailbox),
                publications: Default::default(),
                mailbox,
                exchange,
                traffic: Traffic::new(Role::Server),
                now,
                clock: LoopClock::System,
                max_spawned,
                next_number: 0,
                lent: Bytes::new(),
            },
            dirty: Vec::new(),
            timers: BinaryHeap::new(),
            ticks,
            pool: Pool::default(),
            now,
            epoch: LoopEpoch::new(now),
            counted_at: now,
            turned_away: 0,
            is_publishing: false,
            round: 0,
            resting: Vec::new(),
            mail: VecDeque::new(),
            life: Life::Runs,
            gradual_close: None,
        }
    }

    /// Switches to a clock that only [`tick`](Reactor::tick) moves. Returns the current time.
    pub(super) fn use_manual_time(&mut self) -> Instant {
        self.context.clock = LoopClock::Manual;
        self.now
    }

    /// Sets the current time.
    pub(super) fn tick(&mut self, now: Instant) {
        self.now = now;
        self.context.now = now;
        if now.saturating_duration_since(self.counted_at) >= COUNT_EVERY {
            self.counted_at = now;
            self.context.traffic.count();
        }
    }

    /// Adds a new connection, whose first request has not arrived.
    pub(super) fn accept(&mut self, link: L, peer_addr: Option<SocketAddr>, place: Place, span: Span) -> Key {
        let handshake = self.rules.terms().begin(self.now);
        let deadline = handshake.deadline();
        let stage = Lifecycle::Opening(Box::new(handshake));
        let key = self.connections.insert(Box::new(LoopConnection::new(link, stage, peer_addr, place)));
        self.spans.keep(key, span);
        // A deadline beyond what the clock can represent is no deadline.
        if let Some(deadline) = deadline {
            self.set_timer(key, deadline);
        }
        key
    }

    /// Adds a connection whose request was accepted elsewhere and whose response is written.
    pub(super) fn adopt(
        &mut self,
        link: L,
        peer_addr: Option<SocketAddr>,
        agreed: AgreedTerms<A::State>,
        place: Place,
        span: Span,
    ) -> Key {
        let stage = Lifecycle::Open(self.accepted(agreed));
        let key = self.connections.insert(Box::new(LoopConnection::new(link, stage, peer_addr, place)));
        self.spans.keep(key, span);
        let _entered = self.spans.enter(key);
        self.opened(key, &mut []);
        key
    }

    /// Adds a connection that the server has no place for, to send it the refusal.
    ///
    /// # Errors
    ///
    /// If too many are being rejected already. Then the connection is dropped without a response.
    pub(super) fn turn_away(
        &mut self,
        link: L,
        peer_addr: Option<SocketAddr>,
        turned_away: TurnedAway,
        span: Span,
    ) -> Result<Key, L> {
        let _entered = span.clone().entered();
        let TurnedAway { why, mut place } = turned_away;
        let refusal = self.rules.admission.refusals().turned_away(why, peer_addr);
        if self.turned_away >= TURNED_AWAY_AT_A_TIME {
            return Err(link);
        }
        self.turned_away += 1;
        // A connection whose proxy has named a client with too many connections still has a place.
        place.turn_out();
        let stage = Lifecycle::Refused(Box::new(Refused::new(encode_refusal(&refusal))));
        let key = self.connections.insert(Box::new(LoopConnection::new(link, stage, peer_addr, place)));
        self.spans.keep(key, span);
        self.set_timer(key, self.now + LINGER_TIME);
        self.mark(key);
        Ok(key)
    }

    /// Who may connect.
    #[cfg(unix)]
    pub(super) fn admission(&self) -> &AdmissionPolicy {
        &self.rules.admission
    }

    /// The configuration that the loops share.
    #[cfg(unix)]
    pub(super) fn rules(&self) -> Arc<Rules<A>> {
        Arc::clone(&self.rules)
    }

    /// Does `work` in the span of this connection.
    #[cfg(unix)]
    pub(super) fn in_span<T>(&self, key: Key, work: impl FnOnce() -> T) -> T {
        let _entered = self.spans.enter(key);
        work()
    }

    /// What the driver keeps of a connection; `None` if the connection is gone.
    pub(super) fn link(&mut self, key: Key) -> Option<&mut L> {
        self.connections.get_mut(key).map(|connection| &mut connection.link)
    }

    /// Handles `count` bytes that were read into the [room](visit::Visit::payload_room) for a large message.
    pub(super) fn received_directly(&mut self, key: Key, count: usize) {
        let _entered = self.spans.enter(key);
        self.context.traffic.received(count);
        if let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) {
            open.count(|traffic| traffic.bytes_received += count as u64);
        }
        self.deliver(key, &mut []);
    }

    /// The next connection with pending work.
    pub(super) fn next_dirty(&mut self) -> Option<Key> {
        while let Some(key) = self.dirty.pop() {
            if let Some(connection) = self.connections.get_mut(key) {
                connection.is_dirty = false;
                return Some(key);
            }
        }
        None
    }

    /// The next step of an open connection whose transport takes no more data.
    pub(super) fn unwritable(&mut self, key: Key) -> Step {
        let Some(connection) = self.connections.get_mut(key) else { return Step::Wait };
        let has_ended = connection.has_ended;
        let Lifecycle::Open(open) = &connection.stage else { return Step::Wait };
        let may_say_more = open.is_stalled() && open.protocol.closed().is_none();
        self.guarded(key, |reactor| reactor.discard_queue(key));
        if !has_ended || may_say_more {
            return Step::Wait;
        }
        self.vanished(key);
        Step::Drop
    }

    /// Handles bytes of a connection that is not open.
    fn received_before_open(&mut self, key: Key, bytes: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        match &mut connection.stage {
            Lifecycle::Opening(_) => self.guarded(key, |reactor| reactor.open(key, bytes)),
            Lifecycle::Deciding(awaited) => awaited.behind.extend_from_slice(bytes),
            Lifecycle::Refused(refused) => {
                if !refused.discard(bytes.len()) {
                    self.give_up(key);
                }
            }
            Lifecycle::Http(read) => read.extend_from_slice(bytes),
            Lifecycle::Open(_) | Lifecycle::Gone => {}
        }
    }

    /// Returns an empty buffer to the pool.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        self.pool.give_memory(buffer);
    }

    /// Removes a connection.
    pub(super) fn remove(&mut self, key: Key) -> Option<Removed<L>> {
        let entered = self.spans.enter(key);
        self.leave(key);
        drop(entered);
        let span = self.spans.take(key);
        let connection = self.connections.remove(key)?;
        if connection.was_turned_away() {
            self.turned_away -= 1;
        }
        let LoopConnection { place, link, stage, .. } = *connection;
        let peer_addr = place.peer().get();
        Some(Removed { place, link, peer_addr, span, read: stage.into_read() })
    }

    /// Whether the loop keeps running.
    pub(super) fn life(&self) -> Life {
        self.life
    }

    /// The number of connections.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// The keys of all connections.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.connections.keys().collect()
    }

    fn refuse(&mut self, key: Key, refused: Refused) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.stage = Lifecycle::Refused(Box::new(refused));
            connection.place.show(Phase::Refused);
        }
        // The handler may have taken long since the loop last read the clock.
        self.set_timer(key, self.context.time() + LINGER_TIME);
        self.mark(key);
    }

    fn give_up(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.stage = Lifecycle::Gone;
        }
        self.mark(key);
    }

    fn mark(&mut self, key: Key) {
        if let Some(mut visit) = self.visit(key) {
            visit.mark();
        }
    }
}
