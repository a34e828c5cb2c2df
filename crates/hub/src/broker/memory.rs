//! The broker of a single node, which keeps everything in memory.

mod channel_state;
mod epochs;
mod known;
mod limits;
mod presence;
mod shard;
mod stream;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use self::channel_state::{ChannelState, Common, Visit, check_keys, no_position, publication};
use self::epochs::Epochs;
use self::limits::Totals;
pub use self::limits::{MemoryLimits, MemoryUsage};
use self::shard::Shard;
use super::{
    Broker, BrokerError, HistoryOptions, HistoryPage, HistoryQuery, Joined, Member, NewPublication, Presence,
    PresenceStats, PublishOutcome, Since, Start,
};
use crate::call::Call;
use crate::channel::ChannelName;
use crate::fanout::Fanout;
use crate::publication::StreamPosition;
use crate::time::Millis;

/// The number of locks among which channels are divided. Two threads that publish to different channels wait for one
/// another only if these share a lock: at 64, eight busy threads meet in less than half of the cases, and 64 empty
/// shards take less than 20 KiB.
const SHARDS: u64 = 64;

/// Keeps streams and presence in memory, for a single node: what it keeps ends with the process.
///
/// Every answer is ready. For one channel, calls take turns: under the channel's lock, a publication is added to the
/// stream and handed to the [`Fanout`], and a subscription begins.
///
/// Answers don't depend on when [`expire`](Broker::expire) is called, which only returns memory and announces the
/// leaves of clients whose presence has expired.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use longwire_hub::{
///     Broker, Call, ChannelName, ClientInfo, Data, Fanout, HistoryOptions, MemoryBroker, MemoryLimits, Millis,
///     NewPublication, Publication,
/// };
///
/// struct Print;
///
/// impl Fanout for Print {
///     fn publication(&self, channel: &ChannelName, new: &Publication, _epoch: &str, _: Option<&Publication>) {
///         println!("{channel}: {:?}", new.data);
///     }
///     fn join(&self, _: &ChannelName, _: &ClientInfo) {}
///     fn leave(&self, _: &ChannelName, _: &ClientInfo) {}
/// }
///
/// let broker = MemoryBroker::new(Arc::new(Print), MemoryLimits::default());
/// let mut history = HistoryOptions::default();
/// history.size = 10;
/// history.ttl = Duration::from_secs(60);
///
/// let rain = NewPublication::new(Data::from_text("It rains"));
/// let Call::Ready(outcome) = broker.publish(&"news".parse()?, rain, &history, Millis(0)) else { unreachable!() };
/// assert_eq!(outcome?.position.map(|position| position.offset), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MemoryBroker {
    shards: Vec<Shard>,
    seed: u64,
    common: Common,
}

impl MemoryBroker {
    /// A broker that delivers to this fan-out. Its epochs are different from those of any other.
    #[must_use]
    pub fn new(fanout: Arc<dyn Fanout>, limits: MemoryLimits) -> MemoryBroker {
        MemoryBroker::with_seed(fanout, limits, RandomState::new().hash_one("epochs"))
    }

    /// As [`new`](Self::new), with epochs that follow from a seed, so that a simulation can be repeated.
    #[must_use]
    pub fn with_seed(fanout: Arc<dyn Fanout>, limits: MemoryLimits, seed: u64) -> MemoryBroker {
        let shards = (0..SHARDS).map(|_| Shard::new(seed)).collect();
        MemoryBroker { shards, seed, common: Common { fanout, limits, totals: Totals::default() } }
    }

    /// How much is kept now.
    #[must_use]
    pub fn usage(&self) -> MemoryUsage {
        self.common.totals.usage()
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many shards as remainders")]
    fn shard(&self, channel: &ChannelName) -> &Shard {
        let mut hasher = DefaultHasher::new();
        (self.seed, channel).hash(&mut hasher);
        &self.shards[usize::try_from(hasher.finish() % SHARDS).unwrap_or(0)]
    }

    fn visit<'a>(&'a self, channel: &'a ChannelName, now: Millis) -> Visit<'a> {
        Visit { channel, now, common: &self.common }
    }

    fn publish_now(
        &self,
        visit: &Visit<'_>,
        new: NewPublication,
        history: &HistoryOptions,
    ) -> Result<PublishOutcome, BrokerError> {
        check_keys(&new, &self.common.limits)?;
        let leaves_traces = history.is_kept() || new.idempotency_key.is_some() || new.version.is_some();
        if leaves_traces {
            let outcome = self.created(visit, |state, epochs| state.publish(visit, new, history, epochs));
            self.let_oldest_give_way();
            return outcome;
        }
        self.shard(visit.channel).lock(|channels| {
            let publication = publication(new, visit.now);
            if channels.existing(visit, |state| state.pass_by(visit, &publication)).is_none() {
                visit.common.fanout.publication(visit.channel, &publication, "", None);
            }
            Ok(PublishOutcome { position: None, was_known: false })
        })
    }

    /// Runs a function on a channel, which begins if nothing is kept of it. If there are too many, one that nobody uses
    /// gives way. One lock is held at a time.
    fn created<T>(
        &self,
        visit: &Visit<'_>,
        act: impl FnOnce(&mut ChannelState, &Epochs) -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        let Common { limits, totals, .. } = &self.common;
        let shard = self.shard(visit.channel);
        if totals.channels.get() >= limits.channels && !shard.lock(|channels| channels.has(visit.channel)) {
            let gives_way = |shard: &Shard| shard.lock(|channels| channels.let_unused_give_way(&self.common));
            let _nobody_does = gives_way(shard) || self.shards.iter().any(gives_way);
        }
        shard.lock(|channels| channels.created(visit, act))
    }

    /// Drops the oldest publications while the history of all channels together is too long. One lock is held at a
    /// time, so the bound is exceeded for a moment by what is being published.
    fn let_oldest_give_way(&self) {
        while self.common.totals.history_bytes.get() > self.common.limits.history_bytes {
            let oldest = self.shards.iter().min_by_key(|shard| shard.oldest());
            if !oldest.is_some_and(|shard| shard.drop_oldest(&self.common)) {
                return;
            }
        }
    }

    fn page(
        &self,
        visit: &Visit<'_>,
        query: &HistoryQuery,
        history: &HistoryOptions,
    ) -> Result<HistoryPage, BrokerError> {
        if !history.is_kept() {
            return Ok(HistoryPage { publications: Vec::new(), position: no_position() });
        }
        self.shard(visit.channel).lock(|channels| {
            let kept = channels.existing(visit, |state| {
                let stream = state.stream()?;
                stream.adjust(history, visit.now, &self.common.totals);
                Some(stream.page(query))
            });
            kept.flatten().unwrap_or_else(|| {
                // Nothing was published yet. The stream has its name already.
                let epoch = channels.epochs().name(visit.channel);
                let is_another = |since: &StreamPosition| !since.epoch.is_empty() && since.epoch != epoch;
                if query.since.as_ref().is_some_and(is_another) {
                    return Err(BrokerError::UnrecoverablePosition);
                }
                Ok(HistoryPage { publications: Vec::new(), position: StreamPosition { offset: 0, epoch } })
            })
        })
    }

    fn add_member(&self, visit: &Visit<'_>, member: Member, announce: bool) -> Result<(), BrokerError> {
        let Common { fanout, limits, totals } = &self.common;
        self.created(visit, |state, _| {
            let members = state.members.get_or_insert_default();
            let info = member.info.clone();
            let is_new = members.add(member, announce, visit.now, limits, totals)?;
            if is_new && announce {
                fanout.join(visit.channel, &info);
            }
            Ok(())
        })
    }
}

impl Broker for MemoryBroker {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<PublishOutcome, BrokerError>> {
        Call::Ready(self.publish_now(&self.visit(channel, now), publication, history))
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        since: Since,
        history: &HistoryOptions,
        now: Millis,
        start: Start,
    ) -> Call<Result<Joined, BrokerError>> {
        let visit = self.visit(channel, now);
        Call::Ready(self.created(&visit, |state, epochs| {
            let joined = state.subscribe(&visit, &since, history, epochs);
            start();
            Ok(joined)
        }))
    }

    fn unsubscribe(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        let visit = self.visit(channel, now);
        self.shard(channel).lock(|channels| channels.existing(&visit, |state| state.unsubscribe(now)));
        Call::Ready(Ok(()))
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<HistoryPage, BrokerError>> {
        Call::Ready(self.page(&self.visit(channel, now), &query, history))
    }

    fn remove_history(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        let visit = self.visit(channel, now);
        self.shard(channel).lock(|channels| {
            channels.existing(&visit, |state| state.stream().map(|stream| stream.clear(&self.common.totals)))
        });
        Call::Ready(Ok(()))
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        Call::Ready(self.add_member(&self.visit(channel, now), member, announce))
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        let visit = self.visit(channel, now);
        self.shard(channel).lock(|channels| {
            channels.existing(&visit, |state| {
                let left = state.members.as_mut()?.remove(client, &self.common.totals)?;
                announce.then(|| self.common.fanout.leave(channel, &left))
            })
        });
        Call::Ready(Ok(()))
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> Call<Result<Presence, BrokerError>> {
        let visit = self.visit(channel, now);
        let presence = self.shard(channel).lock(|channels| {
            channels.existing(&visit, |state| Some(state.members.as_ref()?.read(limit))).flatten()
        });
        Call::Ready(Ok(presence.unwrap_or_else(|| Presence { clients: BTreeMap::new() })))
    }

    fn presence_stats(&self, channel: &ChannelName, now: Millis) -> Call<Result<PresenceStats, BrokerError>> {
        let visit = self.visit(channel, now);
        let stats = self.shard(channel).lock(|channels| {
            channels.existing(&visit, |state| Some(state.members.as_ref()?.stats())).flatten()
        });
        Call::Ready(Ok(stats.unwrap_or_default()))
    }

    fn expire(&self, now: Millis) {
        for shard in &self.shards {
            shard.expire(now, &self.common);
        }
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Common { limits, totals, .. } = &self.common;
        let mut debug = f.debug_struct("MemoryBroker");
        debug.field("limits", limits).field("usage", &totals.usage()).finish_non_exhaustive()
    }
}
