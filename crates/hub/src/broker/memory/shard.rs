//! The channels that share one lock.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::channel_state::{ChannelState, Common, Visit};
use super::epochs::Epochs;
use crate::broker::BrokerError;
use crate::broker::deadlines::Deadlines;
use crate::channel::ChannelName;
use crate::time::Millis;

/// How many channels are swept before the lock is released once, so that publishers get in between.
const SWEPT_AT_ONCE: usize = 128;

/// How many channels are looked at for one that can give way to another.
const LOOKED_AT: usize = 64;

/// Stands for the age of a shard without history.
const NO_HISTORY: u64 = u64::MAX;

/// A part of the channels, behind its lock.
pub(super) struct Shard {
    channels: Mutex<ShardChannels>,
    /// When the oldest publication of these channels was published, or somewhat earlier.
    oldest: AtomicU64,
}

/// The channels of a shard.
pub(super) struct ShardChannels {
    states: HashMap<ChannelName, ChannelState>,
    queues: ShardQueues,
    epochs: Epochs,
}

/// The orders of a shard's channels.
#[derive(Default)]
struct ShardQueues {
    /// By the next moment at which something of the channel may expire.
    deadlines: Deadlines<ChannelName>,
    /// By the age of the oldest publication.
    oldest: Deadlines<ChannelName>,
}

impl Shard {
    pub(super) fn new(seed: u64) -> Shard {
        let channels = ShardChannels {
            states: HashMap::new(),
            queues: ShardQueues::default(),
            epochs: Epochs::new(seed),
        };
        Shard { channels: Mutex::new(channels), oldest: AtomicU64::new(NO_HISTORY) }
    }

    /// Runs a function under the lock. A panic of the fan-out, which is called under it, poisons nothing, since a
    /// channel's state is complete before that call.
    pub(super) fn lock<T>(&self, act: impl FnOnce(&mut ShardChannels) -> T) -> T {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = act(&mut channels);
        let oldest = channels.queues.oldest.first();
        self.oldest.store(oldest.map_or(NO_HISTORY, |time| time.0), Ordering::Relaxed);
        answer
    }

    /// When the oldest publication was published, or somewhat earlier.
    pub(super) fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Relaxed)
    }

    /// Drops the oldest publication. Says whether there was one.
    pub(super) fn drop_oldest(&self, common: &Common) -> bool {
        self.lock(|channels| channels.drop_oldest(common))
    }

    /// Forgets what has expired.
    pub(super) fn expire(&self, now: Millis, common: &Common) {
        while self.lock(|channels| channels.expire_some(now, common)) {}
    }
}

impl ShardChannels {
    /// Runs a function on a channel, if anything is kept of it. What has expired is forgotten before.
    pub(super) fn existing<T>(
        &mut self,
        visit: &Visit<'_>,
        act: impl FnOnce(&mut ChannelState) -> T,
    ) -> Option<T> {
        let state = self.states.get_mut(visit.channel)?;
        if state.sweep(visit) {
            self.epochs.advance();
        }
        let answer = act(state);
        self.queues.settle(visit.channel, state);
        if state.is_empty() {
            self.remove(visit);
        }
        Some(answer)
    }

    /// As [`existing`](Self::existing), on a channel that begins if nothing is kept of it.
    pub(super) fn created<T>(
        &mut self,
        visit: &Visit<'_>,
        act: impl FnOnce(&mut ChannelState, &Epochs) -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        let Common { limits, totals, .. } = visit.common;
        let state = match self.states.entry(visit.channel.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                totals.channels.take(limits.channels)?;
                place.insert(ChannelState::default())
            }
        };
        if state.sweep(visit) {
            self.epochs.advance();
        }
        let answer = act(state, &self.epochs);
        self.queues.settle(visit.channel, state);
        if state.is_empty() {
            self.remove(visit);
        }
        answer
    }

    pub(super) fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    fn remove(&mut self, visit: &Visit<'_>) {
        self.states.remove(visit.channel);
        visit.common.totals.channels.subtract(1);
        if self.states.is_empty() {
            self.states = HashMap::new();
        }
    }

    /// Sweeps some channels that may be due. Says whether there may be more.
    fn expire_some(&mut self, now: Millis, common: &Common) -> bool {
        for _ in 0..SWEPT_AT_ONCE {
            let Some(channel) = self.queues.deadlines.pop_due(now) else { return false };
            let visit = Visit { channel: &channel, now, common };
            if let Some(state) = self.states.get_mut(&channel) {
                state.queued = None;
            }
            self.existing(&visit, |_| ());
        }
        true
    }

    pub(super) fn has(&self, channel: &ChannelName) -> bool {
        self.states.contains_key(channel)
    }

    /// Forgets the stream of a channel without subscribers: of some that would be forgotten next, the first. Says whether
    /// there was one.
    pub(super) fn let_unused_give_way(&mut self, common: &Common) -> bool {
        let ShardChannels { states, queues, epochs } = self;
        let is_unused = |channel: &&ChannelName| states.get(*channel).is_some_and(ChannelState::may_give_way);
        let unused = queues.deadlines.iter().take(LOOKED_AT).find(is_unused).cloned();
        let Some((channel, mut state)) = unused.and_then(|channel| states.remove_entry(&channel)) else {
            return false;
        };
        if let Some(stream) = state.stream() {
            stream.clear(&common.totals);
        }
        queues.deadlines.remove(&mut state.queued, &channel);
        queues.oldest.remove(&mut state.queued_oldest, &channel);
        common.totals.channels.subtract(1);
        epochs.advance();
        true
    }

    fn drop_oldest(&mut self, common: &Common) -> bool {
        while let Some(channel) = self.queues.oldest.pop_due(Millis(u64::MAX)) {
            let Some(state) = self.states.get_mut(&channel) else { continue };
            let is_exact = state.oldest() <= state.queued_oldest.take();
            let dropped =
                state.stream().filter(|_| is_exact).map(|stream| stream.drop_oldest(&common.totals));
            self.queues.settle(&channel, state);
            if dropped.is_some() {
                return true;
            }
        }
        false
    }
}

impl ShardQueues {
    /// Gives a channel its places in the orders.
    fn settle(&mut self, channel: &ChannelName, state: &mut ChannelState) {
        state.tidy();
        match state.next_expiry() {
            Some(expiry) => self.deadlines.ensure(&mut state.queued, expiry, channel),
            None => self.deadlines.remove(&mut state.queued, channel),
        }
        match state.oldest() {
            Some(time) => self.oldest.ensure(&mut state.queued_oldest, time, channel),
            None => self.oldest.remove(&mut state.queued_oldest, channel),
        }
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("oldest", &self.oldest()).finish_non_exhaustive()
    }
}
