//! Which broker has the channels now, and which subscriptions have begun there.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::channel::ChannelName;

/// The number of locks among which channels are divided. A change holds each while it tells the subscribers of its channels,
/// so there are many.
const SHARDS: u64 = 256;

/// A broker. Each time that the node goes alone, it has a new one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Shared,
    /// The node's own, of the term with this number.
    Own(u64),
}

/// A time in which one broker has the channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) number: u64,
    pub(super) source: Source,
}

/// Lets only the broker of the present term reach subscribers, and counts them.
///
/// Its locks come after those of brokers: they call it under theirs, and it never calls them.
#[derive(Debug)]
pub(super) struct Gate {
    seed: u64,
    shards: Vec<Mutex<GateShard>>,
}

#[derive(Debug)]
struct GateShard {
    term: Term,
    channels: HashMap<ChannelName, SubscriptionCounts>,
}

/// The subscriptions of a channel that were not ended by [`Broker::unsubscribe`](crate::Broker::unsubscribe) yet.
#[derive(Debug, Default)]
struct SubscriptionCounts {
    /// Those of this term. When one of an earlier term is ended, it does not say so. There may therefore be fewer for a while,
    /// and never more.
    live: usize,
    /// Those that ended with their term.
    gone: usize,
}

impl Term {
    pub(super) const FIRST: Term = Term { number: 0, source: Source::Shared };

    /// The term after this one, in which the other kind of broker has the channels.
    pub(super) fn next(self) -> Term {
        let number = self.number.wrapping_add(1);
        let source = match self.source {
            Source::Shared => Source::Own(number),
            Source::Own(_) => Source::Shared,
        };
        Term { number, source }
    }
}

impl Gate {
    pub(super) fn new(seed: u64) -> Gate {
        let shard = || Mutex::new(GateShard { term: Term::FIRST, channels: HashMap::new() });
        Gate { seed, shards: (0..SHARDS).map(|_| shard()).collect() }
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many shards as remainders")]
    fn shard(&self, channel: &ChannelName) -> MutexGuard<'_, GateShard> {
        let mut hasher = DefaultHasher::new();
        (self.seed, channel).hash(&mut hasher);
        let shard = usize::try_from(hasher.finish() % SHARDS).unwrap_or(0);
        lock(&self.shards[shard])
    }

    /// The present term of a channel.
    pub(super) fn term(&self, channel: &ChannelName) -> Term {
        self.shard(channel).term
    }

    /// Does what a broker wants with a channel's subscribers, if it has the channel now. Says in which term.
    pub(super) fn pass(&self, channel: &ChannelName, source: Source, act: impl FnOnce()) -> Option<u64> {
        // Under the lock, so that nothing of an earlier term comes after its end was told.
        let shard = self.shard(channel);
        (shard.term.source == source).then(|| {
            act();
            shard.term.number
        })
    }

    /// Counts a subscription that began in this term. Says whether the term goes on: otherwise it has ended with it.
    pub(super) fn count(&self, channel: &ChannelName, term: u64) -> bool {
        let mut shard = self.shard(channel);
        let goes_on = shard.term.number == term;
        if goes_on {
            shard.channels.entry(channel.clone()).or_default().live += 1;
        }
        goes_on
    }

    /// A subscription that was counted ends. If its broker has to learn it, says which one it is.
    pub(super) fn end(&self, channel: &ChannelName) -> Option<Source> {
        let mut shard = self.shard(channel);
        let source = shard.term.source;
        let subscriptions = shard.channels.get_mut(channel)?;
        let is_live = subscriptions.gone == 0;
        let count = if is_live { &mut subscriptions.live } else { &mut subscriptions.gone };
        *count = count.saturating_sub(1);
        if subscriptions.live == 0 && subscriptions.gone == 0 {
            shard.channels.remove(channel);
        }
        is_live.then_some(source)
    }

    /// A new term begins. `lose` tells a channel's subscribers that something is missing, before anything of the new broker
    /// reaches them. `ended` learns how many subscriptions of a channel the old broker has no more.
    pub(super) fn turn(
        &self,
        term: Term,
        lose: impl Fn(&ChannelName),
        mut ended: impl FnMut(&ChannelName, usize),
    ) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.term = term;
            let mut all = Vec::new();
            for (channel, subscriptions) in &mut shard.channels {
                let live = std::mem::take(&mut subscriptions.live);
                subscriptions.gone += live;
                if live > 0 {
                    lose(channel);
                    all.push((channel.clone(), live));
                }
            }
            drop(shard);
            all.iter().for_each(|(channel, count)| ended(channel, *count));
        }
    }

    /// How many subscriptions are counted.
    pub(super) fn len(&self) -> usize {
        let of = |shard: &Mutex<GateShard>| -> usize {
            lock(shard).channels.values().map(|subscriptions| subscriptions.live + subscriptions.gone).sum()
        };
        self.shards.iter().map(of).sum()
    }
}

fn lock(shard: &Mutex<GateShard>) -> MutexGuard<'_, GateShard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
