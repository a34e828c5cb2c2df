//! The topics of one event loop: who has subscribed to what.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use longwire_proto::{Prepared, Protocol, SendError};
use slab::Slab;

use super::key::Key;

/// What happens to a message of a topic for a subscriber whose queue is above its high-water mark.
///
/// ```
/// use longwire::{Slow, Socket};
///
/// fn on_open(socket: &mut Socket<'_, ()>) {
///     socket.subscribe_with("prices", Slow::Latest);
///     socket.subscribe_with("chat", Slow::DropOldest { keep: 100 });
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Slow {
    /// The connection is closed with 1013 (try again later).
    #[default]
    Disconnect,
    /// Up to `keep` messages wait until there is room; beyond that the oldest is dropped.
    DropOldest {
        /// How many wait.
        keep: usize,
    },
    /// Only the newest message waits until there is room: for values that replace each other, such as prices.
    Latest,
}

impl Slow {
    /// How many messages may wait for a slow subscriber; `None`: it is disconnected instead.
    fn keeps(self) -> Option<usize> {
        match self {
            Slow::Disconnect => None,
            Slow::DropOldest { keep } => Some(keep),
            Slow::Latest => Some(1),
        }
    }
}

/// How many messages of a topic wait for a subscriber, to which a message is being sent in pieces, before it is
/// disconnected. It may be disconnected for what they have in them, too.
const WAITING_AMID_MESSAGE: usize = 256;

/// A topic that somebody in this loop has subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TopicId(usize);

/// The topics of one event loop.
#[derive(Debug, Default)]
pub(super) struct TopicTable {
    ids: HashMap<Arc<str>, TopicId>,
    topics: Slab<Topic>,
}

#[derive(Debug)]
pub(super) struct Topic {
    name: Arc<str>,
    /// In the order of their places in the loop, so that a publication walks through memory once.
    pub(super) subscribers: BTreeMap<Key, Subscriber>,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    slow: Slow,
    /// What waits until there is room; holds nothing while the subscriber keeps up.
    waiting: VecDeque<Arc<Prepared>>,
}

/// What became of a message for one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fanout {
    Queued,
    /// It waits for room.
    Waits,
    /// It waits, and an older one was dropped for it.
    DroppedOldest,
    /// The subscriber is too slow and is to be disconnected.
    TooSlow,
    /// The connection is closing.
    Closed,
}

impl TopicTable {
    /// Subscribes, or changes what happens when the subscriber is slow. `Some`: it was not subscribed before.
    pub(super) fn subscribe(&mut self, name: &str, key: Key, slow: Slow) -> Option<TopicId> {
        let id = match self.ids.get(name) {
            Some(id) => *id,
            None => {
                let name: Arc<str> = name.into();
                let topic = Topic { name: Arc::clone(&name), subscribers: BTreeMap::new() };
                let id = TopicId(self.topics.insert(topic));
                self.ids.insert(name, id);
                id
            }
        };
        let subscribers = &mut self.topics.get_mut(id.0)?.subscribers;
        match subscribers.get_mut(&key) {
            Some(subscriber) => {
                subscriber.slow = slow;
                None
            }
            None => {
                subscribers.insert(key, Subscriber { slow, waiting: VecDeque::new() });
                Some(id)
            }
        }
    }

    /// Ends a subscription; a topic without subscribers is forgotten.
    pub(super) fn unsubscribe(&mut self, id: TopicId, key: Key) {
        let Some(topic) = self.topics.get_mut(id.0) else { return };
        topic.subscribers.remove(&key);
        if topic.subscribers.is_empty() {
            let topic = self.topics.remove(id.0);
            self.ids.remove(&topic.name);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// The topic of this name, if somebody has subscribed to it.
    pub(super) fn find(&self, name: &str) -> Option<TopicId> {
        self.ids.get(name).copied()
    }

    pub(super) fn get_mut(&mut self, id: TopicId) -> Option<&mut Topic> {
        self.topics.get_mut(id.0)
    }
}

impl Topic {
    pub(super) fn subscriber(&mut self, key: Key) -> Option<&mut Subscriber> {
        self.subscribers.get_mut(&key)
    }
}

impl Subscriber {
    /// Queues a message for the subscriber, or does what is to be done if it is slow.
    pub(super) fn offer(&mut self, protocol: &mut Protocol, message: &Arc<Prepared>) -> Fanout {
        if self.waiting.is_empty() && !protocol.is_above_high_water() {
            match protocol.send_prepared(message) {
                Ok(()) => return Fanout::Queued,
                // It waits for the end of that message.
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
        let full = self.waiting.len() >= keep.max(1);
        if full {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Arc::clone(message));
        if full { Fanout::DroppedOldest } else { Fanout::Waits }
    }

    /// Whether a message of a topic that must not lose any may wait until another one, which is sent in pieces, is
    /// finished.
    #[cold]
    fn may_wait_amid_message(&self, protocol: &Protocol) -> bool {
        let waiting: usize = self.waiting.iter().map(|message| message.len()).sum();
        protocol.unfinished_message().is_some()
            && self.waiting.len() < WAITING_AMID_MESSAGE
            && waiting < protocol.config().limits.high_water
    }

    /// Queues what waits, as far as there is room, unless another message is to be finished first.
    pub(super) fn catch_up(&mut self, protocol: &mut Protocol) {
        while !protocol.is_above_high_water()
            && protocol.unfinished_message().is_none()
            && let Some(message) = self.waiting.pop_front()
        {
            if protocol.send_prepared(&message).is_err() {
                self.waiting.clear();
            }
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
        let mut topics = TopicTable::default();
        let id = topics.subscribe("news", a, Slow::Disconnect).unwrap();
        assert_eq!(topics.subscribe("news", b, Slow::Latest), Some(id));
        assert_eq!(topics.subscribe("news", b, Slow::Disconnect), None);
        topics.unsubscribe(id, a);
        assert_eq!(topics.find("news"), Some(id));
        topics.unsubscribe(id, b);
        assert_eq!(topics.find("news"), None);
        assert!(topics.ids.is_empty() && topics.is_empty());
    }
}
