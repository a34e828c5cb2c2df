//! The channels that have subscribers on this node.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::beginning::{Beginning, BeginningId, NewSubscription};
use super::client_set::ClientSet;
use crate::channel::ChannelName;
use crate::frame::Frame;
use crate::uuid::Uuid;
use crate::variant::Variant;

/// The number of locks among which channels are divided.
const SHARDS: u64 = 64;

/// How many subscribers each channel has on this node, per variant. A subscription is counted before it begins at the
/// broker, and until after it has ended: what is published meanwhile is encoded for it.
#[derive(Debug)]
pub(crate) struct ChannelTable {
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<ChannelName, Subscribers, RandomState>>>,
    beginnings: AtomicU64,
    numbers: AtomicU64,
}

#[derive(Debug)]
struct Subscribers {
    /// Stands for the channel in pushes. No other channel gets it later.
    number: u64,
    clients: usize,
    /// Those that have their reply, and have not lost anything.
    released: Option<ClientSet>,
    /// Counts how often publications were lost. Who has lost some gets nothing that follows: its topics have no successor.
    generation: u16,
    variants: [u32; Variant::COUNT],
    /// Whether a subscriber that takes deltas has begun without knowing the newest publication.
    lacks_base: bool,
    /// Those that hold what comes, until the client has its reply.
    beginnings: BTreeMap<BeginningId, Beginning>,
}

/// The variants that a channel's subscribers want.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    variants: [bool; Variant::COUNT],
    /// Whether deltas must be whole this time.
    pub(crate) lacks_base: bool,
    /// Whether it must also be [held](ChannelTable::hold) for a subscription that begins.
    pub(crate) is_held: bool,
    /// The channel's number.
    pub(crate) number: u64,
    /// That of the topics.
    pub(crate) generation: u16,
}

/// A subscription that was counted.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) beginning: BeginningId,
    /// The number that stands for the channel while it has subscribers.
    pub(crate) number: u64,
    /// That of the topics.
    pub(crate) generation: u16,
    /// The channel's name, in the memory that all its subscriptions share.
    pub(crate) name: ChannelName,
}

/// Where the table has a subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// The client has no reply yet.
    Beginning(BeginningId),
    /// It was released.
    Released(Uuid),
}

/// Those who have lost publications of a channel, and have to learn it.
#[derive(Debug)]
pub(crate) struct Losers {
    pub(crate) channel: ChannelName,
    /// That of their topics.
    pub(crate) generation: u16,
    pub(crate) clients: ClientSet,
}

/// Whether what was held for a subscription is released.
#[derive(Debug)]
pub(crate) enum Release {
    /// This was held.
    Held(Vec<Frame>),
    /// Publications were lost before it began. Its topics must be of this generation.
    Moved(u16),
    /// Something is missing.
    Incomplete,
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
        ChannelTable { hasher, shards, beginnings: AtomicU64::new(0), numbers: AtomicU64::new(1) }
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many shards as remainders")]
    fn shard(&self, channel: &ChannelName) -> MutexGuard<'_, HashMap<ChannelName, Subscribers>> {
        let shard = usize::try_from(self.hasher.hash_one(channel) % SHARDS).unwrap_or(0);
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a subscription, for which nothing is held until it [begins](Self::begin).
    pub(crate) fn enter(&self, channel: &ChannelName, new: NewSubscription) -> Entered {
        let id = BeginningId(self.beginnings.fetch_add(1, Ordering::Relaxed));
        let mut shard = self.shard(channel);
        let entry = shard.entry(channel.clone());
        let name = entry.key().clone();
        let subscribers = entry.or_insert_with(|| Subscribers {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            clients: 0,
            released: None,
            generation: 0,
            variants: [0; Variant::COUNT],
            lacks_base: false,
            beginnings: BTreeMap::new(),
        });
        subscribers.clients += 1;
        for variant in std::iter::once(new.publications).chain(new.joins) {
            if let Some(count) = subscribers.variants.get_mut(variant.index()) {
                *count += 1;
            }
        }
        subscribers.beginnings.insert(id, Beginning::new(new));
        let Subscribers { number, generation, .. } = *subscribers;
        Entered { beginning: id, number, generation, name }
    }

    /// Counts the end of a subscription.
    pub(crate) fn leave(
        &self,
        channel: &ChannelName,
        publications: Variant,
        joins: Option<Variant>,
        place: Place,
    ) {
        let mut shard = self.shard(channel);
        let Some(subscribers) = shard.get_mut(channel) else { return };
        subscribers.clients = subscribers.clients.saturating_sub(1);
        for variant in std::iter::once(publications).chain(joins) {
            if let Some(count) = subscribers.variants.get_mut(variant.index()) {
                *count = count.saturating_sub(1);
            }
        }
        match place {
            Place::Beginning(id) => drop(subscribers.beginnings.remove(&id)),
            Place::Released(client) => {
                subscribers.released.take_if(|released| released.remove(client));
            }
        }
        if subscribers.clients == 0 {
            shard.remove(channel);
        }
    }

    /// From now on, what comes for this subscription is held. Called at the point of the channel's order at which it begins,
    /// unless it has ended.
    pub(crate) fn begin(&self, channel: &ChannelName, id: BeginningId) {
        let mut shard = self.shard(channel);
        let Some(subscribers) = shard.get_mut(channel) else { return };
        let Subscribers { beginnings, lacks_base, .. } = subscribers;
        if let Some(beginning) = beginnings.get_mut(&id) {
            beginning.start();
            // The next publication must be whole for subscribers that take deltas.
            *lacks_base |= beginning.takes_deltas();
        }
    }

    /// Ends the holding for this client, whose topics are of this generation, and returns what was held. `start` is called at
    /// that point of the channel's order, if nothing is missing: nothing comes twice, and nothing is left out.
    pub(crate) fn release(
        &self,
        channel: &ChannelName,
        id: BeginningId,
        client: Uuid,
        generation: u16,
        start: impl FnOnce(),
    ) -> Release {
        let mut shard = self.shard(channel);
        let Some(subscribers) = shard.get_mut(channel) else { return Release::Incomplete };
        let Some(beginning) = subscribers.beginnings.remove(&id) else { return Release::Incomplete };
        if beginning.is_complete() && subscribers.generation != generation {
            subscribers.beginnings.insert(id, beginning);
            return Release::Moved(subscribers.generation);
        }
        let Some(held) = beginning.into_held() else { return Release::Incomplete };
        match &mut subscribers.released {
            Some(released) => released.insert(client),
            None => subscribers.released = Some(ClientSet::One(client)),
        }
        start();
        Release::Held(held)
    }

    /// Publications of a channel are missing. Subscriptions that begin will fail to be [released](Self::release), unless the
    /// broker begins them after this. The others get nothing any more, and are returned.
    pub(crate) fn lose(&self, channel: &ChannelName) -> Option<Losers> {
        let mut shard = self.shard(channel);
        let subscribers = shard.get_mut(channel)?;
        subscribers.beginnings.values_mut().for_each(Beginning::lose);
        let lost = subscribers.generation;
        subscribers.generation = lost.wrapping_add(1);
        let clients = subscribers.released.take()?;
        Some(Losers { channel: channel.clone(), generation: lost, clients })
    }

    /// Holds messages of a channel for the subscriptions that begin, and hands each to `publish`.
    pub(crate) fn hold(
        &self,
        channel: &ChannelName,
        messages: Vec<(Variant, Frame)>,
        publish: impl Fn(Variant, Frame),
    ) {
        // Under the lock, so that a subscription that is released meanwhile gets each message once.
        let mut shard = self.shard(channel);
        for (variant, frame) in messages {
            if let Some(subscribers) = shard.get_mut(channel) {
                subscribers.beginnings.values_mut().for_each(|beginning| beginning.hold(variant, &frame));
            }
            publish(variant, frame);
        }
    }

    /// What subscribers want of a publication; `None` without subscribers.
    pub(crate) fn wanted(&self, channel: &ChannelName) -> Option<Wanted> {
        let mut shard = self.shard(channel);
        let subscribers = shard.get_mut(channel)?;
        let lacks_base = std::mem::take(&mut subscribers.lacks_base);
        Some(Wanted { lacks_base, ..subscribers.wanted() })
    }

    /// What subscribers want of joins and leaves; `None` without subscribers.
    pub(crate) fn wanted_joins(&self, channel: &ChannelName) -> Option<Wanted> {
        let shard = self.shard(channel);
        shard.get(channel).map(Subscribers::wanted)
    }

    /// How many clients are subscribed to a channel.
    pub(crate) fn clients(&self, channel: &ChannelName) -> usize {
        self.shard(channel).get(channel).map_or(0, |subscribers| subscribers.clients)
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

impl Subscribers {
    fn wanted(&self) -> Wanted {
        let variants = self.variants.map(|count| count > 0);
        let is_held = !self.beginnings.is_empty();
        Wanted { variants, lacks_base: false, is_held, number: self.number, generation: self.generation }
    }
}
