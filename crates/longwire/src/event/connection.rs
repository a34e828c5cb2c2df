//! One connection of an event loop, without its transport.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use longwire_proto::handshake::ServerHandshake;
use longwire_proto::{MessageKind, Protocol, Role, SendError};

use super::deferred::{Deferred, discard};
use super::mailbox::{Allowance, cost_of_message};
use super::topics::TopicId;
use super::unparsed::Unparsed;
use crate::admission::answer::LINGER_BYTES;
use crate::admission::census::Place;
use crate::ledger::Account;
use crate::message::{Compression, Message, Outgoing};
use crate::telemetry::{self, Traffic};

/// What a connection may have delivered in a round, in bytes of content, after it was inflated. A message is delivered
/// whole, so one that is larger is a share by itself.
const SHARE: usize = 1 << 20;

/// What a frame costs of it beside its content: 8,192 without any are a share.
const FRAME: usize = 128;

/// One connection of an event loop. `L` is what the driver keeps of it: its transport.
pub(super) struct LoopConnection<S, L> {
    /// Its place among the connections of the server. It is dropped before the transport: a client that sees the end may
    /// come again at once.
    pub(super) place: Place,
    pub(super) link: L,
    pub(super) stage: Lifecycle<S>,
    pub(super) peer_addr: SocketAddr,
    /// Whether the driver is to look at it at the end of the sweep.
    pub(super) is_dirty: bool,
    /// Whether its writing side has ended or is broken: what is queued is discarded.
    pub(super) writing: WriteSide,
    /// Whether its reading side has ended: nothing more arrives.
    pub(super) has_ended: bool,
    /// The earliest time at which the loop's timers look at it.
    pub(super) timer: Option<Instant>,
}

/// How far a connection has come.
pub(super) enum Lifecycle<S> {
    /// Its first request is arriving.
    Opening(Box<ServerHandshake>),
    Open(Box<Attended<S>>),
    /// It was answered with something else than a WebSocket.
    Refused(Refused),
    /// Its first request is not for a WebSocket: hyper takes over. What has been read so far.
    Http(Vec<u8>),
    /// There is nothing to be done for it any more.
    Gone,
}

/// What the writing side of a connection is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteSide {
    Works,
    /// The connection is over; what is left gets one more try.
    LastTry,
    /// Everything was written, and it is being shut down.
    ShuttingDown,
    /// Shut down by us after everything was written.
    Shut,
    /// The transport takes nothing any more.
    Broken,
}

/// A connection that has been accepted, and what the application keeps of it. By dereference it is the connection: only
/// calls of the application need both.
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

/// A connection that has been accepted.
pub(super) struct Open {
    pub(super) protocol: Protocol,
    pub(super) subprotocol: Option<Box<str>>,
    pub(super) account: Account,
    pub(super) subscriptions: Vec<TopicId>,
    /// Whether the queue has been above its high-water mark and the application has not been told of room since.
    pub(super) was_full: bool,
    /// Whether a ping has been sent or a time has run out, so that the deadlines are looked at after each write.
    pub(super) is_watched: bool,
    /// Whether it was about to be given up when the timers last looked, and is to be looked at once more.
    pub(super) is_on_the_brink: bool,
    /// Whether the application was told of the end.
    pub(super) was_told: bool,
    pub(super) backlog: Option<Box<Backlog>>,
    pub(super) deferred: Option<Box<Deferred>>,
    pub(super) share: RoundBudget,
}

/// What waits: because the peer does not take what is sent to it, or because it has had its share of a round.
#[derive(Default)]
pub(super) struct Backlog {
    /// What was read and not yet parsed.
    pub(super) unparsed: Unparsed,
    /// How the reading side ended behind that.
    pub(super) end: Option<ReadEnd>,
    /// Messages of handles in other threads.
    parked: VecDeque<(Outgoing, Arc<Allowance>)>,
    /// What they cost.
    parked_cost: usize,
    /// What the handles share, if there are any.
    pub(super) allowance: Option<Arc<Allowance>>,
}

/// How the reading side of a connection has ended.
pub(super) type ReadEnd = Option<io::Error>;

/// What a connection may still take of a round of its loop before the others have their turn: in bytes of content, after
/// it was inflated, of which each frame costs a few more.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RoundBudget {
    /// The round that it is for.
    pub(super) round: u32,
    pub(super) left: usize,
    /// Whether the next round is to go on with what was left over.
    pub(super) is_resting: bool,
}

/// A refusal on its way out.
pub(super) struct Refused {
    pub(super) response: Vec<u8>,
    pub(super) written: usize,
    discarded: usize,
}

impl<S, L> LoopConnection<S, L> {
    pub(super) fn new(
        link: L,
        stage: Lifecycle<S>,
        peer_addr: SocketAddr,
        place: Place,
    ) -> LoopConnection<S, L> {
        LoopConnection {
            place,
            link,
            stage,
            peer_addr,
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

    /// Whether there was no place for it.
    pub(super) fn was_turned_away(&self) -> bool {
        self.place.is_outside()
    }

    /// How many bytes wait to be written.
    pub(super) fn queued(&self) -> usize {
        match &self.stage {
            Lifecycle::Open(open) => open.protocol.queued(),
            Lifecycle::Refused(refused) => refused.response.len() - refused.written,
            Lifecycle::Opening(_) | Lifecycle::Http(_) | Lifecycle::Gone => 0,
        }
    }
}

impl<S> Lifecycle<S> {
    /// What was read of a connection, if hyper is to take it over. The rest is dropped; a panic of what the application
    /// keeps of it is the end of nothing else.
    pub(super) fn into_read(self) -> Vec<u8> {
        match self {
            Lifecycle::Http(read) => return read,
            Lifecycle::Open(open) => discard(open),
            Lifecycle::Opening(_) | Lifecycle::Refused(_) | Lifecycle::Gone => {}
        }
        Vec::new()
    }
}

impl Open {
    /// Queues a message.
    ///
    /// # Errors
    ///
    /// The connection is closing.
    pub(super) fn queue(&mut self, outgoing: Outgoing) -> Result<(), SendError> {
        let Outgoing { message, compression } = outgoing;
        let kind = if matches!(message, Message::Text(_)) { MessageKind::Text } else { MessageKind::Binary };
        let payload = message.into_bytes();
        match compression {
            Compression::AsAgreed => self.protocol.send_bytes(kind, payload),
            Compression::Never => self.protocol.send_uncompressed(kind, payload),
        }
    }

    /// Queues a message of another thread's handle, or lets it wait while the queue is full.
    pub(super) fn park(&mut self, message: Outgoing, allowance: Arc<Allowance>, traffic: &mut Traffic) {
        let backlog = self.backlog();
        backlog.parked_cost += cost_of_message(&message);
        backlog.parked.push_back((message, allowance));
        self.unpark(traffic);
        self.settle();
    }

    /// Queues what waits of other threads' messages, as far as there is room, unless a message is to be finished first.
    pub(super) fn unpark(&mut self, traffic: &mut Traffic) {
        while !self.protocol.is_above_high_water()
            && self.protocol.unfinished_message().is_none()
            && self.unpark_one(traffic)
        {}
    }

    /// Queues all that waits of other threads' messages: they were sent before a Close frame that is to follow.
    pub(super) fn unpark_all(&mut self, traffic: &mut Traffic) {
        while self.unpark_one(traffic) {}
    }

    fn unpark_one(&mut self, traffic: &mut Traffic) -> bool {
        let Some(backlog) = &mut self.backlog else { return false };
        let Some((message, allowance)) = backlog.parked.pop_front() else { return false };
        let cost = cost_of_message(&message);
        backlog.parked_cost -= cost;
        allowance.give_back(cost);
        // A connection that is closing takes nothing more; whoever sends is told by the handles.
        if self.queue(message).is_ok() {
            traffic.message_sent();
        }
        true
    }

    pub(super) fn backlog(&mut self) -> &mut Backlog {
        self.backlog.get_or_insert_default()
    }

    pub(super) fn deferred(&mut self) -> &mut Deferred {
        self.deferred.get_or_insert_default()
    }

    /// Whether as many futures run for the connection as may, `most`.
    pub(super) fn is_busy(&self, most: usize) -> bool {
        self.deferred.as_ref().is_some_and(|deferred| deferred.is_busy(most))
    }

    /// Whether something was read that has not been parsed.
    pub(super) fn is_stalled(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| !backlog.unparsed.is_empty())
    }

    /// Notes what the connection holds of the server's memory; `false`: all together hold too much.
    pub(super) fn settle(&mut self) {
        let waiting = self.backlog.as_ref().map_or(0, |it| it.unparsed.capacity() + it.parked_cost);
        if !self.account.settle(self.protocol.held() + waiting) {
            tracing::debug!("all connections together hold as much memory as they may; this one is closed");
            self.shed();
        }
    }

    /// Closes the connection with 1013 because all together hold too much.
    fn shed(&mut self) {
        if self.protocol.closed().is_none() {
            telemetry::shed(Role::Server);
        }
        self.protocol.shed();
    }

    /// Closes the connection with 1013 because it does not keep up with a topic.
    pub(super) fn shed_slow(&mut self) {
        telemetry::too_slow();
        self.protocol.shed_slow();
    }

    /// The handles of other threads are told that the connection takes nothing more.
    pub(super) fn end_allowance(&self) {
        if let Some(allowance) = self.backlog.as_ref().and_then(|backlog| backlog.allowance.as_ref()) {
            allowance.end();
        }
    }

    /// Notes that the queue is full, so that the application is told when there is room.
    pub(super) fn fill(&mut self) {
        if !std::mem::replace(&mut self.was_full, true) {
            telemetry::backpressure(Role::Server);
        }
    }
}

impl RoundBudget {
    /// The share of this round.
    pub(super) fn renew(&mut self, round: u32) {
        if self.round != round {
            self.round = round;
            self.left = SHARE;
        }
    }

    /// Notes that a frame of `len` bytes was delivered.
    #[inline]
    pub(super) fn spend(&mut self, len: usize) {
        self.left = self.left.saturating_sub(FRAME + len);
    }
}

impl Refused {
    pub(super) fn new(answer: Vec<u8>) -> Refused {
        Refused { response: answer, written: 0, discarded: 0 }
    }

    /// What is left of the response.
    pub(super) fn unwritten(&self) -> &[u8] {
        self.response.get(self.written..).unwrap_or_default()
    }

    /// Discards what the client still sends. `false`: it is enough. What came before the response was written does not
    /// count: a single round of a busy loop may bring more.
    pub(super) fn discard(&mut self, count: usize) -> bool {
        if self.unwritten().is_empty() {
            self.discarded += count;
        }
        self.discarded <= LINGER_BYTES
    }
}
