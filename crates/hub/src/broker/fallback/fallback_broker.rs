//! The broker of a node that goes on alone while the one that it shares cannot be reached.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;

use super::gate::{Gate, Source, Term};
use super::gated_fanout::GatedFanout;
use super::probe::Probe;
use super::vigil::{Advice, Observation, Vigil};
use crate::broker::memory::{MemoryBroker, MemoryLimits};
use crate::broker::remote::runtime::Runtime;
use crate::broker::status::BrokerStatus;
use crate::broker::{
    Broker, BrokerError, HistoryOptions, HistoryPage, HistoryQuery, Joined, Member, NewPublication, Presence,
    PresenceStats, PublishOutcome, Since, Start,
};
use crate::call::Call;
use crate::channel::ChannelName;
use crate::fanout::Fanout;
use crate::time::Millis;

/// Keeps channels in a broker that nodes share, and in this node's memory while that one cannot be reached.
///
/// When the shared broker could not be reached for a time, the node goes on alone: each channel that has subscribers is
/// [lost](Fanout::lost) for them. Their subscriptions have ended, so they have to subscribe again (and to unsubscribe, once for
/// each that has ended). Then publications, history and presence are the node's own.
/// When the shared broker works again, the same happens once more. What was published alone is not carried over. Each time
/// alone has epochs of its own, so no position of another time is continued.
///
/// While a part of the shared broker answers, the node does not go alone: channels of the other parts wait for them. It comes
/// back when all parts answer.
///
/// What nodes tell one another goes to the shared broker at all times, and fails while it cannot be reached.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use longwire_hub::{Broker, FallbackBroker, Fanout, MemoryLimits, Runtime};
///
/// fn broker(
///     fanout: Arc<dyn Fanout>,
///     runtime: Arc<dyn Runtime>,
///     shared: impl FnOnce(Arc<dyn Fanout>) -> Arc<dyn Broker>,
/// ) -> FallbackBroker {
///     FallbackBroker::new(fanout, runtime, Duration::from_secs(10), MemoryLimits::default(), shared)
/// }
/// ```
pub struct FallbackBroker {
    shared: Arc<dyn Broker>,
    /// The node's own, with the number of its term, while it is alone.
    own: RwLock<Option<(u64, Arc<MemoryBroker>)>>,
    limits: MemoryLimits,
    seed: u64,
    gate: Arc<Gate>,
    fanout: Arc<dyn Fanout>,
    runtime: Arc<dyn Runtime>,
    probe: Arc<Probe>,
    /// One change at a time.
    course: Mutex<Course>,
}

struct Course {
    term: Term,
    vigil: Vigil,
}

impl FallbackBroker {
    /// A broker that delivers to this fan-out. `shared` makes the one that nodes share, which is to deliver to the given
    /// fan-out. After it could not be reached for `alone_after`, the node goes on alone, within these limits.
    pub fn new(
        fanout: Arc<dyn Fanout>,
        runtime: Arc<dyn Runtime>,
        alone_after: Duration,
        limits: MemoryLimits,
        shared: impl FnOnce(Arc<dyn Fanout>) -> Arc<dyn Broker>,
    ) -> FallbackBroker {
        let seed = RandomState::new().hash_one("epochs");
        FallbackBroker::with_seed(fanout, runtime, alone_after, limits, seed, shared)
    }

    /// As [`new`](Self::new), with epochs that follow from a seed, so that a simulation can be repeated.
    pub fn with_seed(
        fanout: Arc<dyn Fanout>,
        runtime: Arc<dyn Runtime>,
        alone_after: Duration,
        limits: MemoryLimits,
        seed: u64,
        shared: impl FnOnce(Arc<dyn Fanout>) -> Arc<dyn Broker>,
    ) -> FallbackBroker {
        let gate = Arc::new(Gate::new(seed));
        let gated =
            GatedFanout { gate: Arc::clone(&gate), source: Source::Shared, fanout: Arc::clone(&fanout) };
        FallbackBroker {
            shared: shared(Arc::new(gated)),
            own: RwLock::new(None),
            limits,
            seed,
            gate,
            fanout,
            runtime,
            probe: Arc::default(),
            course: Mutex::new(Course { term: Term::FIRST, vigil: Vigil::new(alone_after) }),
        }
    }

    /// How many subscriptions have begun and not ended, those of earlier terms among them.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.gate.len()
    }

    /// The broker that this source names. `None` if it was the node's own, and that term is over.
    fn broker(&self, source: Source) -> Option<Arc<dyn Broker>> {
        match source {
            Source::Shared => Some(Arc::clone(&self.shared)),
            Source::Own(number) => {
                let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
                let (of, broker) = own.as_ref()?;
                (*of == number).then(|| -> Arc<dyn Broker> { broker.clone() })
            }
        }
    }

    /// Calls the broker that has this channel.
    fn call<T: Send + 'static>(
        &self,
        channel: &ChannelName,
        call: impl FnOnce(&dyn Broker) -> Call<Result<T, BrokerError>>,
    ) -> Call<Result<T, BrokerError>> {
        match self.broker(self.gate.term(channel).source) {
            Some(broker) => call(&*broker),
            None => Call::Ready(Err(BrokerError::Unavailable)),
        }
    }

    /// Looks how the shared broker is doing, and changes to another one if it is time.
    fn look(&self, now: Millis) {
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        let is_reachable = self.shared.status().is_reachable;
        match course.vigil.observe(now, Observation { is_reachable, heard: self.probe.take() }) {
            Advice::Stay => {}
            Advice::Probe => self.probe.begin(&self.shared, &*self.runtime, now),
            Advice::GoAlone | Advice::GoBack => {
                course.term = course.term.next();
                self.turn(course.term, now);
            }
        }
    }

    fn turn(&self, term: Term, now: Millis) {
        let new = match term.source {
            Source::Shared => None,
            Source::Own(number) => Some((number, Arc::new(self.own_broker(number)))),
        };
        let is_alone = new.is_some();
        // The node's own is there before it has the first channel, and until it has none.
        if is_alone {
            self.set_own(new);
        }
        let lose = |channel: &ChannelName| self.fanout.lost(channel);
        self.gate.turn(term, lose, |channel, count| {
            // The node's own ends as a whole.
            for _ in 0..if is_alone { count } else { 0 } {
                detach(&*self.runtime, self.shared.unsubscribe(channel, now));
            }
        });
        if !is_alone {
            self.set_own(None);
        }
    }

    fn set_own(&self, own: Option<(u64, Arc<MemoryBroker>)>) {
        let before = std::mem::replace(&mut *self.own.write().unwrap_or_else(PoisonError::into_inner), own);
        drop(before);
    }

    /// Its epochs are those of no other term.
    fn own_broker(&self, number: u64) -> MemoryBroker {
        let (gate, fanout) = (Arc::clone(&self.gate), Arc::clone(&self.fanout));
        let gated = GatedFanout { gate, source: Source::Own(number), fanout };
        MemoryBroker::with_seed(Arc::new(gated), self.limits.clone(), self.seed.wrapping_add(number))
    }
}

/// Runs what nobody waits for.
fn detach(runtime: &dyn Runtime, call: Call<Result<(), BrokerError>>) {
    if let Call::Later(call) = call {
        runtime.spawn(Box::pin(async move {
            let _outcome = call.await;
        }));
    }
}

/// A subscription that begins at one of the brokers.
struct UnsettledStart {
    gate: Arc<Gate>,
    broker: Arc<dyn Broker>,
    runtime: Arc<dyn Runtime>,
    channel: ChannelName,
    now: Millis,
    /// The term in which it was started.
    term: Arc<OnceLock<u64>>,
}

impl UnsettledStart {
    /// Counts it, unless the broker has lost the channel meanwhile: then it ends there.
    fn settled(self, joined: Result<Joined, BrokerError>) -> Result<Joined, BrokerError> {
        let joined = joined?;
        if self.term.get().is_some_and(|term| self.gate.count(&self.channel, *term)) {
            return Ok(joined);
        }
        detach(&*self.runtime, self.broker.unsubscribe(&self.channel, self.now));
        Err(BrokerError::Unavailable)
    }
}

impl Broker for FallbackBroker {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<PublishOutcome, BrokerError>> {
        self.call(channel, |broker| broker.publish(channel, publication, history, now))
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        since: Since,
        history: &HistoryOptions,
        now: Millis,
        start: Start,
    ) -> Call<Result<Joined, BrokerError>> {
        let source = self.gate.term(channel).source;
        let Some(broker) = self.broker(source) else { return Call::Ready(Err(BrokerError::Unavailable)) };
        let begun = Arc::new(OnceLock::new());
        let unsettled = UnsettledStart {
            gate: Arc::clone(&self.gate),
            broker: Arc::clone(&broker),
            runtime: Arc::clone(&self.runtime),
            channel: channel.clone(),
            now,
            term: Arc::clone(&begun),
        };
        let (gate, of) = (Arc::clone(&self.gate), channel.clone());
        let start = Box::new(move || {
            if let Some(term) = gate.pass(&of, source, start) {
                // It is started once.
                let _was_set = begun.set(term);
            }
        });
        broker.subscribe(channel, since, history, now, start).map(move |joined| unsettled.settled(joined))
    }

    fn unsubscribe(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        match self.gate.end(channel).and_then(|source| self.broker(source)) {
            Some(broker) => broker.unsubscribe(channel, now),
            None => Call::Ready(Ok(())),
        }
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<HistoryPage, BrokerError>> {
        self.call(channel, |broker| broker.history(channel, query, history, now))
    }

    fn remove_history(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        self.call(channel, |broker| broker.remove_history(channel, now))
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        self.call(channel, |broker| broker.add_presence(channel, member, announce, now))
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        self.call(channel, |broker| broker.remove_presence(channel, client, announce, now))
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> Call<Result<Presence, BrokerError>> {
        self.call(channel, |broker| broker.presence(channel, limit, now))
    }

    fn presence_stats(&self, channel: &ChannelName, now: Millis) -> Call<Result<PresenceStats, BrokerError>> {
        self.call(channel, |broker| broker.presence_stats(channel, now))
    }

    fn tell_nodes(&self, message: Bytes) -> Call<Result<(), BrokerError>> {
        self.shared.tell_nodes(message)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn expire(&self, now: Millis) {
        self.shared.expire(now);
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, own)) = own {
            own.expire(now);
        }
        self.look(now);
    }

    fn status(&self) -> BrokerStatus {
        let is_alone = self.own.read().unwrap_or_else(PoisonError::into_inner).is_some();
        BrokerStatus { is_alone, ..self.shared.status() }
    }
}

impl fmt::Debug for FallbackBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackBroker").field("status", &self.status()).finish_non_exhaustive()
    }
}
