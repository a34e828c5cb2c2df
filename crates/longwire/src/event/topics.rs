//! The topics of one event loop and their subscribers.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use longwire_proto::{Prepared, PreparedFrame, Protocol, SendError};
use slab::Slab;

use super::dropped::Dropped;
use super::key::Key;
use super::registry::{TopicRecord, TopicRegistry};
use super::slow::Slow;

/// While a message is being sent to a subscriber in pieces, at most this many messages of a topic wait before the
/// subscriber is disconnected. Their total size is bounded, too.
const WAITING_AMID_MESSAGE: usize = 256;

/// A topic that has subscribers on this loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TopicId(usize);

/// The topics of one event loop.
#[derive(Debug)]
pub(super) struct TopicTable {
    ids: HashMap<Arc<str>, TopicId>,
    topics: Slab<Topic>,
    /// The topics of all loops.
    registry: Arc<TopicRegistry>,
    /// The index of this loop, and the number of loops.
    event_loop: usize,
    loops: usize,
}

#[derive(Debug)]
pub(super) struct Topic {
    /// The topic's record, which all loops share.
    pub(super) record: Arc<TopicRecord>,
    /// Sorted by key, so that a publication walks through memory once.
    pub(super) subscribers: BTreeMap<Key, Subscriber>,
    /// Connections that have subscribed but receive nothing yet.
    paused: BTreeMap<Key, PausedSubscriber>,
    /// Whether this loop delivers all publications in the order of its mailbox, including those of its own handlers.
    /// Paused subscriptions begin at a point of that order.
    pub(super) is_ordered: bool,
}

#[derive(Debug)]
struct PausedSubscriber {
    slow: Slow,
    /// Distinguishes it from earlier paused subscriptions of the connection.
    number: u64,
}

/// Identifies a paused subscription of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PausedId {
    pub(super) topic: TopicId,
    number: u64,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    slow: Slow,
    /// The number of the last loss that was reported before it began.
    last_loss: u64,
    /// Messages that wait for room; not allocated while the subscriber keeps up.
    waiting: Option<Box<WaitingMessages>>,
}

/// Messages that wait for a slow subscriber.
#[derive(Debug, Default)]
struct WaitingMessages(VecDeque<Arc<Prepared>>);

/// The outcome of a message for one subscriber.
#[derive(Debug)]
pub(super) enum Fanout {
    Queued,
    /// It waits for room.
    Waits,
    /// It waits, and this older one has to be dropped for it.
    DroppedOldest(Arc<Prepared>),
    /// The subscriber is too slow and has to be disconnected.
    TooSlow,
    /// The connection is closing.
    Closed,
}

impl TopicTable {
    /// The table for the loop with this index.
    pub(super) fn new(registry: Arc<TopicRegistry>, event_loop: usize, loops: usize) -> TopicTable {
        TopicTable { ids: HashMap::new(), topics: Slab::new(), registry, event_loop, loops }
    }

    /// Subscribes, starts a paused subscription, or changes the policy of a subscriber. `Some` if it was not subscribed
    /// before. Losses up to `last_loss` do not concern the new subscription.
    pub(super) fn subscribe(&mut self, name: &str, key: Key, slow: Slow, last_loss: u64) -> Option<TopicId> {
        let id = self.count_in(name, key);
        let topic = self.topics.get_mut(id.0)?;
        let was_paused = topic.paused.remove(&key).is_some();
        if let Some(subscriber) = topic.subscribers.get_mut(&key) {
            subscriber.slow = slow;
            return None;
        }
        topic.subscribers.insert(key, Subscriber::new(slow, last_loss));
        (!was_paused).then_some(id)
    }

    /// Subscribes without receiving anything until the subscription is [started](TopicTable::start). A paused
    /// subscription is replaced; one that is not paused only gets the policy. `number` is unique in the loop. The second
    /// value is `Some` if the connection was not subscribed before.
    pub(super) fn subscribe_paused(
        &mut self,
        name: &str,
        key: Key,
        slow: Slow,
        number: u64,
    ) -> (PausedId, Option<TopicId>) {
        let topic = self.count_in(name, key);
        let id = PausedId { topic, number };
        let Some(entry) = self.topics.get_mut(topic.0) else { return (id, None) };
        if let Some(subscriber) = entry.subscribers.get_mut(&key) {
            subscriber.slow = slow;
            return (id, None);
        }
        entry.is_ordered = true;
        let replaced = entry.paused.insert(key, PausedSubscriber { slow, number });
        (id, replaced.is_none().then_some(topic))
    }

    /// Lets a paused subscription receive publications.
    pub(super) fn start(&mut self, id: PausedId, key: Key) {
        let Some(topic) = self.topics.get_mut(id.topic.0).filter(|topic| topic.is_paused(id, key)) else {
            return;
        };
        if let Some(paused) = topic.paused.remove(&key) {
            // Earlier losses were reported before this.
            topic.subscribers.insert(key, Subscriber::new(paused.slow, 0));
        }
    }

    /// Whether this subscription is still paused: it was neither replaced nor ended.
    pub(super) fn is_paused(&self, id: PausedId, key: Key) -> bool {
        self.get(id.topic).is_some_and(|topic| topic.is_paused(id, key))
    }

    /// Finds or adds a topic, and counts the connection unless it is subscribed.
    fn count_in(&mut self, name: &str, key: Key) -> TopicId {
        let Some(id) = self.find(name) else { return self.enter(name) };
        if let Some(topic) = self.get(id).filter(|topic| !topic.contains(key)) {
            topic.record.count_in(self.event_loop);
        }
        id
    }

    /// Adds a topic and counts its first subscriber on this loop.
    fn enter(&mut self, name: &str) -> TopicId {
        let record = self.registry.enter(name, self.event_loop, self.loops);
        let name = Arc::clone(record.name());
        let id = TopicId(self.topics.insert(Topic::new(record)));
        self.ids.insert(name, id);
        id
    }

    /// Ends a subscription, and returns it unless it was paused. A topic without subscribers is removed.
    pub(super) fn unsubscribe(&mut self, id: TopicId, key: Key) -> Option<Subscriber> {
        let topic = self.topics.get_mut(id.0)?;
        let subscriber = topic.subscribers.remove(&key);
        if subscriber.is_none() {
            topic.paused.remove(&key)?;
        }
        if topic.len() == 0 {
            let topic = self.topics.remove(id.0);
            self.ids.remove(topic.record.name());
            self.registry.leave(&topic.record, self.event_loop);
        } else {
            topic.record.count_out(self.event_loop);
        }
        subscriber
    }

    /// The topic of this name, if it has subscribers on this loop.
    pub(super) fn find(&self, name: &str) -> Option<TopicId> {
        self.ids.get(name).copied()
    }

    pub(super) fn get(&self, id: TopicId) -> Option<&Topic> {
        self.topics.get(id.0)
    }

    pub(super) fn get_mut(&mut self, id: TopicId) -> Option<&mut Topic> {
        self.topics.get_mut(id.0)
    }

    /// The names of these topics.
    pub(super) fn names<'a>(&'a self, ids: &'a [TopicId]) -> impl Iterator<Item = &'a str> {
        ids.iter().filter_map(|id| self.get(*id)).map(|topic| &**topic.record.name())
    }
}

/// When a loop ends, the topics lose its subscribers.
impl Drop for TopicTable {
    fn drop(&mut self) {
        for topic in self.topics.drain() {
            self.registry.leave(&topic.record, self.event_loop);
        }
    }
}

impl Topic {
    fn new(record: Arc<TopicRecord>) -> Topic {
        Topic { record, subscribers: BTreeMap::new(), paused: BTreeMap::new(), is_ordered: false }
    }

    /// How many subscribers it has on this loop, paused ones included.
    pub(super) fn len(&self) -> usize {
        self.subscribers.len() + self.paused.len()
    }

    /// Whether a connection is subscribed, paused or not.
    pub(super) fn contains(&self, key: Key) -> bool {
        self.subscribers.contains_key(&key) || self.paused.contains_key(&key)
    }

    /// The subscribers on this loop, paused ones included.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.subscribers.keys().chain(self.paused.keys()).copied()
    }

    fn is_paused(&self, id: PausedId, key: Key) -> bool {
        self.paused.get(&key).is_some_and(|paused| paused.number == id.number)
    }

    pub(super) fn subscriber(&mut self, key: Key) -> Option<&mut Subscriber> {
        self.subscribers.get_mut(&key)
    }
}

impl Subscriber {
    fn new(slow: Slow, last_loss: u64) -> Subscriber {
        Subscriber { slow, last_loss, waiting: None }
    }

    /// Whether the subscriber must be closed since a message was lost.
    pub(super) fn must_not_lose(&self, loss: u64) -> bool {
        self.slow.keeps().is_none() && self.last_loss < loss
    }

    /// The subscriber's policy.
    pub(super) fn slow(&self) -> Slow {
        self.slow
    }

    /// Counts a message that the subscriber misses.
    pub(super) fn count_dropped(&self, dropped: &mut Dropped) {
        match self.slow {
            Slow::Disconnect | Slow::Close { .. } => dropped.disconnect += 1,
            Slow::DropOldest { .. } => dropped.drop_oldest += 1,
            Slow::Latest => dropped.latest += 1,
        }
    }

    /// Queues a message for the subscriber, or applies its policy if it is slow. `frame` is that of the message.
    pub(super) fn offer(
        &mut self,
        protocol: &mut Protocol,
        message: &Arc<Prepared>,
        frame: &PreparedFrame<'_>,
    ) -> Fanout {
        if self.waiting.is_none() && !protocol.is_above_high_water() {
            match protocol.send_prepared_frame(frame) {
                Ok(()) => return Fanout::Queued,
                // It waits until the message in pieces is finished.
                Err(SendError::MessageUnfinished) => {}
                Err(_) => return Fanout::Closed,
            }
        }
        if !protocol.is_open() {
            return Fanout::Closed;
        }
        let keep = match self.slow.keeps() {
            Some(keep) => keep,
            None if self.may_wait_amid_message(protocol) => usize::MAX,
            None => return Fanout::TooSlow,
        };
        let WaitingMessages(waiting) = &mut **self.waiting.get_or_insert_default();
        let full = waiting.len() >= keep.max(1);
        let oldest = if full { waiting.pop_front() } else { None };
        waiting.push_back(Arc::clone(message));
        oldest.map_or(Fanout::Waits, Fanout::DroppedOldest)
    }

    /// Whether a message of a lossless topic may wait until the message in pieces is finished.
    #[cold]
    fn may_wait_amid_message(&self, protocol: &Protocol) -> bool {
        let waiting = self.waiting.iter().flat_map(|waiting| &waiting.0);
        let (count, bytes) =
            waiting.fold((0, 0), |(count, bytes), message| (count + 1, bytes + message.len()));
        protocol.unfinished_message().is_some()
            && count < WAITING_AMID_MESSAGE
            && bytes < protocol.config().limits.high_water
    }

    /// Queues the waiting messages while there is room, unless a message in pieces is unfinished.
    pub(super) fn catch_up(&mut self, protocol: &mut Protocol) {
        let Some(WaitingMessages(waiting)) = self.waiting.as_deref_mut() else { return };
        while !protocol.is_above_high_water()
            && protocol.unfinished_message().is_none()
            && let Some(message) = waiting.pop_front()
        {
            if protocol.send_prepared(&message).is_err() {
                waiting.clear();
            }
        }
        if waiting.is_empty() {
            self.waiting = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_forgotten_with_its_last_subscriber() {
        let mut keys = slotmap::SlotMap::<Key, ()>::with_key();
        let (a, b) = (keys.insert(()), keys.insert(()));
        let registry = Arc::<TopicRegistry>::default();
        let mut topics = TopicTable::new(Arc::clone(&registry), 1, 2);
        let id = topics.subscribe("news", a, Slow::Disconnect, 0).unwrap();
        assert_eq!(topics.subscribe("news", b, Slow::Latest, 0), Some(id));
        assert_eq!(topics.subscribe("news", b, Slow::Disconnect, 0), None);
        assert_eq!(registry.find("news").unwrap().subscribers_in(1), 2);
        assert!(topics.unsubscribe(id, a).is_some());
        assert!(topics.unsubscribe(id, a).is_none());
        assert_eq!(topics.find("news"), Some(id));
        assert_eq!(registry.find("news").unwrap().subscribers(), 1);
        assert!(topics.unsubscribe(id, b).is_some());
        assert_eq!(topics.find("news"), None);
        assert!(topics.ids.is_empty() && topics.topics.is_empty());
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn a_loop_that_ends_takes_its_subscribers_out_of_the_server() {
        let key = slotmap::SlotMap::<Key, ()>::with_key().insert(());
        let registry = Arc::<TopicRegistry>::default();
        let mut tables = [0, 1].map(|index| TopicTable::new(Arc::clone(&registry), index, 2));
        for table in &mut tables {
            table.subscribe("news", key, Slow::Disconnect, 0);
        }
        let [first, second] = tables;
        drop(first);
        assert_eq!(registry.find("news").unwrap().subscribers(), 1);
        drop(second);
        assert_eq!(registry.len(), 0);
    }
}
