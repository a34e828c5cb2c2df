//! A connection of an event loop, without its transport.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use longwire_proto::handshake::ServerHandshake;
use longwire_proto::{GivingUp, MessageKind, Protocol, Role, SendError};

use super::deciding::AwaitedDecision;
use super::deferred::{Deferred, discard};
use super::loop_time::LoopTime;
use super::mailbox::{Allowance, cost_of_message};
use super::round_budget::RoundBudget;
use super::slow::Slow;
use super::socket_traffic::SocketTraffic;
use super::topics::TopicId;
use super::unparsed::Unparsed;
use crate::admission::answer::LINGER_BYTES;
use crate::admission::census::Place;
use crate::ledger::Account;
use crate::message::{Compression, Message, Outgoing};
use crate::telemetry::{self, Traffic};

/// A connection of an event loop. `L` is what the driver keeps of it, including its transport.
pub(super) struct LoopConnection<S, L> {
    /// Its place among the connections of the server. It is dropped before the transport, because a client that sees
    /// the end may reconnect at once.
    pub(super) place: Place,
    pub(super) link: L,
    pub(super) stage: Lifecycle<S>,
    /// Whether it is marked for the driver to look at after the sweep.
    pub(super) is_dirty: bool,
    /// The state of its writing side. After it has ended or broken, queued data is discarded.
    pub(super) writing: WriteSide,
    /// Whether its reading side has ended: nothing more arrives.
    pub(super) has_ended: bool,
    /// When the loop's timers next look at it.
    pub(super) timer: Option<LoopTime>,
}

/// The state of a connection.
pub(super) enum Lifecycle<S> {
    /// Its first request is arriving.
    Opening(Box<ServerHandshake>),
    /// The application has not decided about its request yet.
    Deciding(Box<AwaitedDecision<S>>),
    Open(Attended<S>),
    /// It was refused.
    Refused(Box<Refused>),
    /// Its first request is not for a WebSocket, and hyper takes over. Contains the bytes read so far.
    Http(Vec<u8>),
    /// It only has to be dropped.
    Gone,
}

/// The state of a connection's writing side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteSide {
    Works,
    /// The connection is over, but queued data gets one more try.
    LastTry,
    /// Everything was written, and the shutdown is in progress.
    ShuttingDown,
    /// Shut down by this end after everything was written.
    Shut,
    /// The transport takes no more data.
    Broken,
}

/// An accepted connection and the application's state. It dereferences to the connection, since only calls of the
/// application need both.
pub(super) struct Attended<S> {
    pub(super) open: Open,
    pub(super) state: S,
}

impl<S> Deref for Attended<S> {
    type Target = Open;

    fn deref(&self) -> &Open {
        &self.open
    }
}

impl<S> DerefMut for Attended<S> {
    fn deref_mut(&mut self) -> &mut Open {
        &mut self.open
    }
}

/// An accepted connection.
pub(super) struct Open {
    pub(super) protocol: Protocol,
    pub(super) account: Account,
    /// What many connections do without.
    pub(super) extra: Option<Box<Extra>>,
    pub(super) share: RoundBudget,
    /// Whether the next round continues with this connection.
    pub(super) is_resting: bool,
    /// Whether the queue has been above its high-water mark and `on_drain` has not been called since.
    pub(super) was_full: bool,
    /// Whether a ping was sent, a timeout expired or an alarm was set, so that each write checks the deadlines again.
    pub(super) is_watched: bool,
    /// Whether it was about to be given up at the last check and awaits the second one.
    pub(super) awaits_second_look: bool,
    /// Whether its end was reported to the application.
    pub(super) end_was_reported: bool,
}

/// What many connections do without. It is not allocated while there is nothing in it.
#[derive(Default)]
pub(super) struct Extra {
    pub(super) subprotocol: Option<Box<str>>,
    /// Counts messages and bytes, if the server wants that.
    pub(super) traffic: Option<Box<SocketTraffic>>,
    pub(super) subscriptions: Vec<TopicId>,
    pub(super) backlog: Option<Box<Backlog>>,
    /// The bound that the handles of other threads share, if there are any.
    pub(super) allowance: Option<Arc<Allowance>>,
    pub(super) deferred: Option<Box<Deferred>>,
    /// When the handler's `on_alarm` is called.
    pub(super) alarm: Option<Instant>,
}

/// Data that waits because the peer does not read, or because the connection has used up its share of a round.
#[derive(Default)]
pub(super) struct Backlog {
    /// Bytes that were read and not yet parsed.
    pub(super) unparsed: Unparsed,
    /// How the reading side ended after those bytes.
    pub(super) end: Option<ReadEnd>,
    /// When the peer was given up while those bytes waited.
    pub(super) given_up: Option<GivenUp>,
    /// Messages from handles of other threads.
    parked: VecDeque<(Outgoing, Arc<Allowance>)>,
    /// Their cost.
    parked_cost: usize,
}

/// That a peer was given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct GivenUp {
    pub(super) at: Instant,
    pub(super) why: GivingUp,
}

/// How the reading side of a connection has ended.
pub(super) type ReadEnd = Option<io::Error>;

/// A refusal that is being sent.
pub(super) struct Refused {
    pub(super) response: Vec<u8>,
    pub(super) written: usize,
    discarded: usize,
}

impl<S, L> LoopConnection<S, L> {
    pub(super) fn new(
        link: L,
        stage: Lifecycle<S>,
        peer_addr: Option<SocketAddr>,
        mut place: Place,
    ) -> LoopConnection<S, L> {
        place.keep_peer(peer_addr);
        LoopConnection {
            place,
            link,
            stage,
            is_dirty: false,
            writing: WriteSide::Works,
            has_ended: false,
            timer: None,
        }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.stage {
            Lifecycle::Open(open) => Some(open),
            _ => None,
        }
    }

    /// Whether it was rejected because the server had no place for it.
    pub(super) fn was_turned_away(&self) -> bool {
        self.place.is_outside()
    }

    /// How many bytes are queued.
    pub(super) fn queued(&self) -> usize {
        match &self.stage {
            Lifecycle::Open(open) => open.protocol.queued(),
            Lifecycle::Refused(refused) => refused.response.len() - refused.written,
            Lifecycle::Opening(_) | Lifecycle::Deciding(_) | Lifecycle::Http(_) | Lifecycle::Gone => 0,
        }
    }
}

impl<S> Lifecycle<S> {
    /// The bytes read so far, if hyper takes the connection over. The rest is dropped, and a panic of the application's
    /// state is contained.
    pub(super) fn into_read(self) -> Vec<u8> {
        match self {
            Lifecycle::Http(read) => return read,
            Lifecycle::Open(open) => discard(open),
            Lifecycle::Opening(_) | Lifecycle::Deciding(_) | Lifecycle::Refused(_) | Lifecycle::Gone => {}
        }
        Vec::new()
    }
}

impl Open {
    /// Queues a message.
    ///
    /// # Errors
    ///
    /// If the connection is closing or a message in pieces is unfinished.
    pub(super) fn queue(&mut self, outgoing: Outgoing) -> Result<(), SendError> {
        let Outgoing { message, compression } = outgoing;
        let kind = if matches!(message, Message::Text(_)) { MessageKind::Text } else { MessageKind::Binary };
        let payload = message.into_bytes();
        match compression {
            Compression::AsAgreed => self.protocol.send_bytes(kind, payload),
            Compression::Never => self.protocol.send_uncompressed(kind, payload),
        }
    }

    /// Queues a message from another thread's handle, or keeps it while the queue is full.
    pub(super) fn park(&mut self, message: Outgoing, allowance: Arc<Allowance>, traffic: &mut Traffic) {
        let backlog = self.backlog();
        backlog.parked_cost += cost_of_message(&message);
        backlog.parked.push_back((message, allowance));
        self.unpark(traffic);
        self.settle();
    }

    /// Queues the waiting messages of other threads, while there is room, unless a message in pieces is unfinished.
    pub(super) fn unpark(&mut self, traffic: &mut Traffic) {
        while !self.protocol.is_above_high_water()
            && self.protocol.unfinished_message().is_none()
            && self.unpark_one(traffic)
        {}
    }

    /// Queues all waiting messages of other threads, because they were sent before the Close frame that follows.
    pub(super) fn unpark_all(&mut self, traffic: &mut Traffic) {
        while self.unpark_one(traffic) {}
    }

    fn unpark_one(&mut self, traffic: &mut Traffic) -> bool {
        let Some(backlog) = self.extra.as_mut().and_then(|extra| extra.backlog.as_mut()) else {
            return false;
        };
        let Some((message, allowance)) = backlog.parked.pop_front() else { return false };
        let cost = cost_of_message(&message);
        backlog.parked_cost -= cost;
        allowance.give_back(cost);
        // A closing connection takes no more messages; the handles report that to the sender.
        if self.queue(message).is_ok() {
            self.count(|traffic| traffic.messages_sent += 1);
            traffic.message_sent();
        }
        true
    }

    /// The topics that the connection is subscribed to.
    pub(super) fn subscriptions(&self) -> &[TopicId] {
        self.extra.as_ref().map_or(&[], |extra| &extra.subscriptions)
    }

    /// Adds a topic that the connection is subscribed to.
    pub(super) fn add_subscription(&mut self, topic: TopicId) {
        let subscriptions = &mut self.extra().subscriptions;
        // Most connections have one.
        if subscriptions.is_empty() {
            subscriptions.reserve_exact(1);
        }
        subscriptions.push(topic);
    }

    /// Removes a topic. Returns `false` if the connection is not subscribed to it.
    pub(super) fn remove_subscription(&mut self, topic: TopicId) -> bool {
        let Some(extra) = &mut self.extra else { return false };
        let Some(place) = extra.subscriptions.iter().position(|id| *id == topic) else { return false };
        extra.subscriptions.swap_remove(place);
        if extra.subscriptions.is_empty() {
            extra.subscriptions = Vec::new();
        }
        self.free_extra();
        true
    }

    /// Counts traffic, if the server wants that.
    #[inline]
    pub(super) fn count(&mut self, count: impl FnOnce(&mut SocketTraffic)) {
        if let Some(traffic) = self.extra.as_mut().and_then(|extra| extra.traffic.as_mut()) {
            count(traffic);
        }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Frees what many connections do without, if there is nothing in it.
    pub(super) fn free_extra(&mut self) {
        self.extra.take_if(|extra| extra.is_empty());
    }

    pub(super) fn backlog(&mut self) -> &mut Backlog {
        self.extra().backlog.get_or_insert_default()
    }

    /// The backlog, if there is one.
    pub(super) fn known_backlog(&mut self) -> Option<&mut Backlog> {
        self.extra.as_mut()?.backlog.as_deref_mut()
    }

    /// The timers and futures of the connection, for a new one.
    pub(super) fn deferred(&mut self) -> &mut Deferred {
        self.extra().deferred.get_or_insert_default()
    }

    /// The timers and futures of the connection, if there are any.
    pub(super) fn known_deferred(&mut self) -> Option<&mut Deferred> {
        self.extra.as_mut()?.deferred.as_deref_mut()
    }

    /// Frees the timers and futures if there are none.
    pub(super) fn free_deferred(&mut self) {
        if let Some(extra) = &mut self.extra
            && extra.deferred.take_if(|deferred| deferred.is_empty()).is_some()
        {
            self.free_extra();
        }
    }

    /// Sets or cancels the alarm.
    pub(super) fn set_alarm(&mut self, at: Option<Instant>) {
        match at {
            Some(_) => self.extra().alarm = at,
            None => {
                let _cancelled = self.take_alarm(|_| true);
            }
        }
    }

    /// Takes the alarm if it is due. Returns `true` if it was.
    pub(super) fn take_alarm(&mut self, is_due: impl FnOnce(Instant) -> bool) -> bool {
        let Some(extra) = &mut self.extra else { return false };
        let taken = extra.alarm.take_if(|at| is_due(*at)).is_some();
        if taken {
            self.free_extra();
        }
        taken
    }

    /// When the next timer or the alarm of the application is due.
    pub(super) fn next_of_application(&self) -> Option<Instant> {
        let extra = self.extra.as_ref()?;
        let timer = extra.deferred.as_ref().and_then(|deferred| deferred.next_timer());
        extra.alarm.into_iter().chain(timer).min()
    }

    /// Whether `most` futures are running for the connection.
    pub(super) fn is_busy(&self, most: usize) -> bool {
        let deferred = self.extra.as_ref().and_then(|extra| extra.deferred.as_ref());
        deferred.is_some_and(|deferred| deferred.is_busy(most))
    }

    /// Whether there are bytes that were read and not parsed.
    pub(super) fn is_stalled(&self) -> bool {
        let backlog = self.extra.as_ref().and_then(|extra| extra.backlog.as_ref());
        backlog.is_some_and(|backlog| !backlog.unparsed.is_empty())
    }

    /// Accounts for the connection's memory. Closes the connection if all connections together hold too much.
    pub(super) fn settle(&mut self) {
        let waiting = if self.extra.is_some() { self.settle_backlog() } else { 0 };
        if !self.account.settle(self.protocol.held() + waiting) {
            tracing::debug!("the server's memory limit is reached; closing this connection");
            self.shed();
        }
    }

    /// How many bytes wait in the backlog, which is freed if there is nothing in it.
    fn settle_backlog(&mut self) -> usize {
        let Some(backlog) = self.known_backlog() else { return 0 };
        if backlog.is_empty() {
            self.forget_backlog();
            return 0;
        }
        backlog.unparsed.capacity() + backlog.parked_cost
    }

    pub(super) fn forget_backlog(&mut self) {
        if let Some(extra) = &mut self.extra {
            extra.backlog = None;
            self.free_extra();
        }
    }

    /// Closes the connection with 1013 because all connections together hold too much memory.
    fn shed(&mut self) {
        if self.protocol.closed().is_none() {
            telemetry::shed(Role::Server);
        }
        self.protocol.shed();
    }

    /// Closes the connection because it does not keep up with a topic. The policy for that topic chooses the code.
    pub(super) fn shed_slow(&mut self, slow: Slow) {
        telemetry::too_slow();
        match slow.frame() {
            Some(frame) => self.protocol.fail_with(frame),
            None => self.protocol.shed_slow(),
        }
    }

    /// Tells the handles of other threads that the connection takes no more messages.
    pub(super) fn end_allowance(&self) {
        if let Some(allowance) = self.extra.as_ref().and_then(|extra| extra.allowance.as_ref()) {
            allowance.end();
        }
    }

    /// Records that the queue is full, so that `on_drain` is called when there is room.
    pub(super) fn fill(&mut self) {
        if !std::mem::replace(&mut self.was_full, true) {
            telemetry::backpressure(Role::Server);
        }
    }
}

impl Extra {
    fn is_empty(&self) -> bool {
        let Extra { subprotocol, traffic, subscriptions, backlog, allowance, deferred, alarm } = self;
        subprotocol.is_none()
            && traffic.is_none()
            && subscriptions.is_empty()
            && backlog.is_none()
            && allowance.is_none()
            && deferred.is_none()
            && alarm.is_none()
    }
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.unparsed.is_empty() && self.end.is_none() && self.given_up.is_none() && self.parked.is_empty()
    }
}

impl Refused {
    pub(super) fn new(answer: Vec<u8>) -> Refused {
        Refused { response: answer, written: 0, discarded: 0 }
    }

    /// The part of the response that is not yet written.
    pub(super) fn unwritten(&self) -> &[u8] {
        self.response.get(self.written..).unwrap_or_default()
    }

    /// Discards what the client still sends. Returns `false` if it is too much. Bytes that arrive before the response
    /// is written do not count, because a single round of a busy loop may bring more.
    pub(super) fn discard(&mut self, count: usize) -> bool {
        if self.unwritten().is_empty() {
            self.discarded += count;
        }
        self.discarded <= LINGER_BYTES
    }
}
