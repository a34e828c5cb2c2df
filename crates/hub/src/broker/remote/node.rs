//! All channels that a node follows, and their calls to the store.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use futures_channel::oneshot;

use super::effect::Effect;
use super::following::{Conditions, Following, Times};
use super::held::Room;
use super::joining::SubscriberId;
use super::meter::Meter;
use super::options::RemoteOptions;
use super::read_queue::ReadQueue;
use super::runtime::Runtime;
use super::shard::{Afterwards, FollowedChannel, FollowedChannels, FollowedShard, WaitingStart};
use super::store::Store;
use crate::broker::{BrokerError, HistoryOptions, Joined, Since, Start};
use crate::channel::ChannelName;
use crate::fanout::Fanout;
use crate::time::Millis;

/// The number of locks among which channels are divided.
const SHARDS: u64 = 64;

/// How many channels are looked after before the lock is released once.
const DUE_AT_ONCE: usize = 128;

/// The channels of a node. The store calls it, and it calls the fan-out under the lock of a channel.
pub(super) struct FollowingNode {
    pub(super) fanout: Arc<dyn Fanout>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) options: RemoteOptions,
    /// The broker keeps the store, which keeps this.
    store: OnceLock<Weak<dyn Store>>,
    seed: u64,
    shards: Vec<FollowedShard>,
    pub(super) reads: ReadQueue,
    pub(super) meter: Meter,
    /// The newest time that a caller has passed.
    now: AtomicU64,
    subscribers: AtomicU64,
}

/// What waits for the beginning of a subscription.
pub(super) type AwaitedStart = oneshot::Receiver<Result<Joined, BrokerError>>;

impl FollowingNode {
    pub(super) fn new(
        fanout: Arc<dyn Fanout>,
        runtime: Arc<dyn Runtime>,
        options: RemoteOptions,
        seed: u64,
    ) -> FollowingNode {
        FollowingNode {
            fanout,
            runtime,
            options,
            store: OnceLock::new(),
            seed,
            shards: (0..SHARDS).map(|_| FollowedShard::new()).collect(),
            reads: ReadQueue::default(),
            meter: Meter::default(),
            now: AtomicU64::new(0),
            subscribers: AtomicU64::new(0),
        }
    }

    pub(super) fn set_store(&self, store: &Arc<dyn Store>) {
        // It is set once, by the broker that is made.
        let _was_set = self.store.set(Arc::downgrade(store));
    }

    pub(super) fn store(&self) -> Option<Arc<dyn Store>> {
        self.store.get()?.upgrade()
    }

    /// Notes the time.
    pub(super) fn see(&self, now: Millis) {
        self.now.fetch_max(now.0, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::Relaxed))
    }

    fn hash(&self, channel: &ChannelName) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, channel).hash(&mut hasher);
        hasher.finish()
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many shards as remainders")]
    fn shard(&self, channel: &ChannelName) -> &FollowedShard {
        &self.shards[usize::try_from(self.hash(channel) % SHARDS).unwrap_or(0)]
    }

    /// The conditions of a step of a channel with this spread, which holds so much.
    fn conditions(&self, spread: u16, held_bytes: usize) -> Conditions {
        let RemoteOptions { held, all_held_bytes, linger, check, retry, longest_retry, .. } = self.options;
        let of_others = self.meter.held_bytes.load(Ordering::Relaxed).saturating_sub(held_bytes);
        let bytes = self.options.held_bytes.min(all_held_bytes.saturating_sub(of_others));
        // Between two and four thirds of what is set.
        let check = check * 2 / 3 + check * 2 / 3 * u32::from(spread) / (1 << 16);
        let times = Times { linger, check, retry, longest_retry };
        Conditions { now: self.now(), times, room: Room { publications: held, bytes } }
    }

    /// A step of a channel, if it is followed, and what follows from it.
    pub(super) fn step<T>(
        self: &Arc<Self>,
        channel: &ChannelName,
        act: impl FnOnce(&mut FollowedChannel, &Conditions, &mut Vec<Effect>) -> T,
    ) -> Option<T> {
        let mut shard = self.shard(channel).lock();
        let (answer, afterwards) = self.step_in(&mut shard, channel, act)?;
        drop(shard);
        self.follow_up(channel, afterwards);
        Some(answer)
    }

    fn step_in<T>(
        &self,
        shard: &mut FollowedChannels,
        channel: &ChannelName,
        act: impl FnOnce(&mut FollowedChannel, &Conditions, &mut Vec<Effect>) -> T,
    ) -> Option<(T, Afterwards)> {
        let entry = shard.entries.get_mut(channel)?;
        let conditions = self.conditions(entry.spread, entry.held_bytes());
        let mut effects = Vec::new();
        let answer = act(entry, &conditions, &mut effects);
        let afterwards = shard.carry_out(channel, effects, &conditions, &*self.fanout, &self.meter);
        Some((answer, afterwards))
    }

    /// A subscriber wants to begin.
    pub(super) fn join(
        self: &Arc<Self>,
        channel: &ChannelName,
        since: Since,
        history: &HistoryOptions,
        start: Start,
    ) -> Result<(SubscriberId, AwaitedStart), BrokerError> {
        let subscriber = SubscriberId(self.subscribers.fetch_add(1, Ordering::Relaxed));
        let (reply, beginning) = oneshot::channel();
        let waiter = WaitingStart { start, reply };
        let keeps_history = history.is_kept();
        let mut shard = self.shard(channel).lock();
        let afterwards = if let Some(entry) = shard.entries.get_mut(channel) {
            entry.history = history.clone();
            entry.wait(subscriber, waiter);
            let joined = self.step_in(&mut shard, channel, |entry, conditions, effects| {
                entry.following.join(subscriber, since, keeps_history, conditions, effects);
            });
            joined.map(|((), afterwards)| afterwards).unwrap_or_default()
        } else {
            if self.meter.followed.fetch_add(1, Ordering::Relaxed) >= self.options.channels {
                self.meter.followed.fetch_sub(1, Ordering::Relaxed);
                return Err(BrokerError::LimitExceeded);
            }
            let mut effects = Vec::new();
            let following = Following::begin(subscriber, since, keeps_history, &mut effects);
            let spread = u16::try_from(self.hash(channel) >> 48).unwrap_or(0);
            let mut entry = FollowedChannel::new(following, history, spread);
            entry.wait(subscriber, waiter);
            shard.entries.insert(channel.clone(), entry);
            let conditions = self.conditions(spread, 0);
            shard.carry_out(channel, effects, &conditions, &*self.fanout, &self.meter)
        };
        drop(shard);
        self.follow_up(channel, afterwards);
        Ok((subscriber, beginning))
    }

    /// Nobody waits for the beginning of a subscription any more, which may have begun meanwhile.
    pub(super) fn abandon(
        self: &Arc<Self>,
        channel: &ChannelName,
        subscriber: SubscriberId,
        mut beginning: AwaitedStart,
    ) {
        self.step(channel, |entry, conditions, _| {
            entry.forget_waiter(subscriber);
            entry.following.abandon(subscriber, conditions)
        });
        // A reply that is not sent yet cannot be sent any more, which its sender sees.
        beginning.close();
        if let Ok(Some(Ok(_))) = beginning.try_recv() {
            self.leave(channel);
        }
    }

    /// A subscriber that has begun goes away.
    pub(super) fn leave(self: &Arc<Self>, channel: &ChannelName) {
        self.step(channel, |entry, conditions, _| entry.following.leave(conditions));
    }

    /// Does what is due.
    pub(super) fn expire(self: &Arc<Self>) {
        let now = self.now();
        for shard in &self.shards {
            loop {
                let mut locked = shard.lock();
                let due: Vec<_> = std::iter::from_fn(|| locked.pop_due(now)).take(DUE_AT_ONCE).collect();
                drop(locked);
                if due.is_empty() {
                    break;
                }
                for channel in due {
                    self.step(&channel, |entry, conditions, effects| {
                        entry.following.tick(conditions, effects);
                    });
                }
            }
        }
    }

    /// Calls `act` for each channel that is followed and chosen, in the order of their names.
    pub(super) fn each(
        self: &Arc<Self>,
        chosen: &dyn Fn(&ChannelName) -> bool,
        act: impl Fn(&mut Following, &Conditions, &mut Vec<Effect>),
    ) {
        let mut channels = Vec::new();
        for shard in &self.shards {
            channels.extend(shard.lock().entries.keys().filter(|channel| chosen(channel)).cloned());
        }
        channels.sort_unstable();
        for channel in channels {
            self.step(&channel, |entry, conditions, effects| act(&mut entry.following, conditions, effects));
        }
    }
}
