//! The channels of a node that share one lock, and what happens under it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;

use super::effect::Effect;
use super::following::{Conditions, Following};
use super::joining::SubscriberId;
use super::meter::Meter;
use crate::broker::deadlines::Deadlines;
use crate::broker::{BrokerError, HistoryOptions, Joined, Start};
use crate::channel::ChannelName;
use crate::fanout::Fanout;
use crate::time::Millis;

/// What is due and cannot be done yet is tried again after this time.
const AGAIN: Duration = Duration::from_secs(1);

/// A part of the channels, behind its lock.
pub(super) struct FollowedShard(Mutex<FollowedChannels>);

/// The channels of a shard.
#[derive(Default)]
pub(super) struct FollowedChannels {
    pub(super) entries: HashMap<ChannelName, FollowedChannel>,
    deadlines: Deadlines<ChannelName>,
}

/// A channel that is followed.
pub(super) struct FollowedChannel {
    pub(super) following: Following,
    /// With which it is read.
    pub(super) history: HistoryOptions,
    /// By how much its times differ from those of other channels, of 65,536.
    pub(super) spread: u16,
    waiters: BTreeMap<SubscriberId, WaitingStart>,
    queued: Option<Millis>,
    /// What is counted of it.
    figures: Figures,
}

/// A subscriber that waits.
pub(super) struct WaitingStart {
    pub(super) start: Start,
    pub(super) reply: StartReply,
}

type StartReply = oneshot::Sender<Result<Joined, BrokerError>>;

/// What a channel adds to the counts of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Figures {
    held_bytes: usize,
    is_interrupted: bool,
}

/// What is left to do after the lock is released.
#[derive(Default)]
pub(super) struct Afterwards {
    pub(super) replies: Vec<(StartReply, Result<Joined, BrokerError>)>,
    pub(super) calls: Vec<StoreCall>,
}

/// A call to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreCall {
    Listen,
    StopListening,
    Read,
}

impl FollowedShard {
    pub(super) fn new() -> FollowedShard {
        FollowedShard(Mutex::default())
    }

    /// A panic of the fan-out, which is called under the lock, poisons nothing: a channel's state is complete before that.
    pub(super) fn lock(&self) -> MutexGuard<'_, FollowedChannels> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FollowedChannel {
    pub(super) fn new(following: Following, history: &HistoryOptions, spread: u16) -> FollowedChannel {
        FollowedChannel {
            following,
            history: history.clone(),
            spread,
            waiters: BTreeMap::new(),
            queued: None,
            figures: Figures::default(),
        }
    }

    /// Adds a subscriber, which the state knows already.
    pub(super) fn wait(&mut self, subscriber: SubscriberId, waiter: WaitingStart) {
        self.waiters.insert(subscriber, waiter);
    }

    /// A subscriber has gone.
    pub(super) fn forget_waiter(&mut self, subscriber: SubscriberId) {
        self.waiters.remove(&subscriber);
    }

    /// The bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        self.figures.held_bytes
    }
}

impl FollowedChannels {
    /// Does what has followed from a step of a channel, in its order.
    pub(super) fn carry_out(
        &mut self,
        channel: &ChannelName,
        effects: Vec<Effect>,
        conditions: &Conditions,
        fanout: &dyn Fanout,
        meter: &Meter,
    ) -> Afterwards {
        let mut afterwards = Afterwards::default();
        let Some(entry) = self.entries.get_mut(channel) else { return afterwards };
        let mut is_over = false;
        for effect in effects {
            match effect {
                Effect::Listen => afterwards.calls.push(StoreCall::Listen),
                Effect::StopListening => afterwards.calls.push(StoreCall::StopListening),
                Effect::Read => afterwards.calls.push(StoreCall::Read),
                Effect::Deliver { publication, epoch, previous } => {
                    fanout.publication(channel, &publication, &epoch, previous.as_deref());
                }
                Effect::Lost => fanout.lost(channel),
                Effect::Start { subscriber, joined } => {
                    if let Some(WaitingStart { start, reply }) = entry.waiters.remove(&subscriber) {
                        start();
                        afterwards.replies.push((reply, Ok(joined)));
                    }
                }
                Effect::Refuse { subscriber, error } => {
                    if let Some(WaitingStart { reply, .. }) = entry.waiters.remove(&subscriber) {
                        afterwards.replies.push((reply, Err(error)));
                    }
                }
                Effect::Forget => is_over = true,
                Effect::Note(note) => meter.note(note),
            }
        }
        entry.settle(channel, &mut self.deadlines, conditions, is_over, meter);
        if is_over {
            self.entries.remove(channel);
            meter.followed.fetch_sub(1, Ordering::Relaxed);
            if self.entries.is_empty() {
                self.entries = HashMap::new();
            }
        }
        afterwards
    }

    /// The next channel for which something is due.
    pub(super) fn pop_due(&mut self, now: Millis) -> Option<ChannelName> {
        let channel = self.deadlines.pop_due(now)?;
        if let Some(entry) = self.entries.get_mut(&channel) {
            entry.queued = None;
        }
        Some(channel)
    }
}

impl FollowedChannel {
    /// Gives the channel its place among the deadlines, and counts it.
    fn settle(
        &mut self,
        channel: &ChannelName,
        deadlines: &mut Deadlines<ChannelName>,
        conditions: &Conditions,
        is_over: bool,
        meter: &Meter,
    ) {
        match self.following.next_deadline().filter(|_| !is_over) {
            Some(at) => deadlines.ensure(&mut self.queued, at.max(conditions.now + AGAIN), channel),
            None => deadlines.remove(&mut self.queued, channel),
        }
        let following = Some(&self.following).filter(|_| !is_over);
        let now = following.map_or(Figures::default(), |following| Figures {
            held_bytes: following.held_bytes(),
            is_interrupted: following.is_interrupted(),
        });
        let before = std::mem::replace(&mut self.figures, now);
        if before == now {
            return;
        }
        change(&meter.held_bytes, before.held_bytes, now.held_bytes);
        change(&meter.interrupted, usize::from(before.is_interrupted), usize::from(now.is_interrupted));
    }
}

/// Counts a part that has changed.
fn change(total: &AtomicUsize, before: usize, now: usize) {
    if now >= before {
        total.fetch_add(now - before, Ordering::Relaxed);
    } else {
        total.fetch_sub(before - now, Ordering::Relaxed);
    }
}

impl fmt::Debug for FollowedShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowedShard").field("channels", &self.lock().entries.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    /// There may be a million of them.
    #[test]
    fn what_each_channel_has_is_small() {
        let size = size_of::<(ChannelName, FollowedChannel)>();
        assert!(size <= 320, "{size} bytes");
    }
}
