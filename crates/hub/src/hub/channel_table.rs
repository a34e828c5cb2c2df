//! The channels that have subscribers on this node.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::channel::ChannelName;
use crate::variant::Variant;

/// The number of locks among which channels are divided.
const SHARDS: u64 = 64;

/// How many subscribers each channel has on this node, per variant. A subscription is counted before it begins at the
/// broker, and until after it has ended: what is published meanwhile is encoded for it.
#[derive(Debug)]
pub(crate) struct ChannelTable {
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<ChannelName, Subscribers, RandomState>>>,
}

#[derive(Debug, Default)]
struct Subscribers {
    clients: usize,
    variants: [u32; Variant::COUNT],
    /// Whether a subscriber that takes deltas has begun without knowing the newest publication.
    lacks_base: bool,
}

/// The variants that a channel's subscribers want.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    variants: [bool; Variant::COUNT],
    /// Whether deltas must be whole this time.
    pub(crate) lacks_base: bool,
}

impl Wanted {
    pub(crate) fn has(&self, variant: Variant) -> bool {
        self.variants.get(variant.index()).is_some_and(|wanted| *wanted)
    }
}

impl ChannelTable {
    pub(crate) fn new() -> ChannelTable {
        let hasher = RandomState::new();
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        ChannelTable { hasher, shards }
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many shards as remainders")]
    fn shard(&self, channel: &ChannelName) -> MutexGuard<'_, HashMap<ChannelName, Subscribers>> {
        let shard = usize::try_from(self.hasher.hash_one(channel) % SHARDS).unwrap_or(0);
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a subscription.
    pub(crate) fn enter(&self, channel: &ChannelName, publications: Variant, joins: Option<Variant>) {
        let mut shard = self.shard(channel);
        let subscribers = shard.entry(channel.clone()).or_default();
        subscribers.clients += 1;
        for variant in std::iter::once(publications).chain(joins) {
            if let Some(count) = subscribers.variants.get_mut(variant.index()) {
                *count += 1;
            }
        }
    }

    /// Counts the end of a subscription.
    pub(crate) fn leave(&self, channel: &ChannelName, publications: Variant, joins: Option<Variant>) {
        let mut shard = self.shard(channel);
        let Some(subscribers) = shard.get_mut(channel) else { return };
        subscribers.clients = subscribers.clients.saturating_sub(1);
        for variant in std::iter::once(publications).chain(joins) {
            if let Some(count) = subscribers.variants.get_mut(variant.index()) {
                *count = count.saturating_sub(1);
            }
        }
        if subscribers.clients == 0 {
            shard.remove(channel);
        }
    }

    /// The next publication must be whole for subscribers that take deltas. Called at the point of the channel's order
    /// at which such a subscription begins.
    pub(crate) fn lacks_base(&self, channel: &ChannelName) {
        if let Some(subscribers) = self.shard(channel).get_mut(channel) {
            subscribers.lacks_base = true;
        }
    }

    /// What subscribers want of a publication; `None` without subscribers.
    pub(crate) fn wanted(&self, channel: &ChannelName) -> Option<Wanted> {
        let mut shard = self.shard(channel);
        let subscribers = shard.get_mut(channel)?;
        let lacks_base = std::mem::take(&mut subscribers.lacks_base);
        Some(Wanted { variants: subscribers.variants.map(|count| count > 0), lacks_base })
    }

    /// What subscribers want of joins and leaves; `None` without subscribers.
    pub(crate) fn wanted_joins(&self, channel: &ChannelName) -> Option<Wanted> {
        let shard = self.shard(channel);
        let subscribers = shard.get(channel)?;
        Some(Wanted { variants: subscribers.variants.map(|count| count > 0), lacks_base: false })
    }

    /// How many channels have subscribers.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Calls `visit` with each channel and the number of its subscribers.
    pub(crate) fn each(&self, mut visit: impl FnMut(&ChannelName, usize)) {
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (channel, subscribers) in shard.iter() {
                visit(channel, subscribers.clients);
            }
        }
    }
}
