//! The topics of streams: which streams have subscribed to what.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use longwire_hub::centrifuge::Disconnect;
use longwire_hub::{Frame, Link, SlowPolicy, Start};

use super::outbox::Outbox;

/// The number of locks among which topics are divided.
const SHARDS: u64 = 64;

/// The subscriptions to one topic, by id.
type Subscribers = HashMap<u64, Arc<StreamSubscription>>;

/// The streams that have subscribed to each topic, beside the event loops' topics.
#[derive(Debug)]
pub(in crate::serve::hub) struct StreamTopics {
    hasher: RandomState,
    shards: Vec<RwLock<HashMap<Box<str>, Subscribers>>>,
    next_id: AtomicU64,
    /// How many subscriptions have started. Without any, which is so on many servers, publishing looks for none.
    started: AtomicUsize,
}

#[derive(Debug)]
struct StreamSubscription {
    id: u64,
    outbox: Arc<Outbox>,
    slow: SlowPolicy,
    /// Changed under the topic's lock.
    has_ended: AtomicBool,
}

impl StreamTopics {
    pub(in crate::serve::hub) fn new() -> StreamTopics {
        StreamTopics {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            next_id: AtomicU64::new(0),
            started: AtomicUsize::new(0),
        }
    }

    /// Hands a message to each stream whose subscription has started.
    pub(in crate::serve::hub) fn publish(&self, topic: &str, frame: &Frame) {
        if self.started.load(Ordering::Acquire) == 0 {
            return;
        }
        let shard = self.shard(topic).read().unwrap_or_else(PoisonError::into_inner);
        for subscription in shard.get(topic).into_iter().flat_map(HashMap::values) {
            subscription.outbox.deliver(subscription.id, subscription.slow, frame);
        }
    }

    fn start(&self, topic: &str, subscription: Arc<StreamSubscription>) {
        let mut shard = self.shard(topic).write().unwrap_or_else(PoisonError::into_inner);
        if subscription.has_ended.load(Ordering::Relaxed) {
            return;
        }
        subscription.outbox.begin(subscription.id);
        self.started.fetch_add(1, Ordering::Release);
        shard.entry(topic.into()).or_default().insert(subscription.id, subscription);
    }

    fn end(&self, topic: &str, subscription: &StreamSubscription) {
        let mut shard = self.shard(topic).write().unwrap_or_else(PoisonError::into_inner);
        subscription.has_ended.store(true, Ordering::Relaxed);
        if let Some(subscribers) = shard.get_mut(topic) {
            if subscribers.remove(&subscription.id).is_some() {
                self.started.fetch_sub(1, Ordering::Release);
            }
            if subscribers.is_empty() {
                shard.remove(topic);
            }
        }
        subscription.outbox.forget(subscription.id);
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many shards as remainders")]
    fn shard(&self, topic: &str) -> &RwLock<HashMap<Box<str>, Subscribers>> {
        &self.shards[usize::try_from(self.hasher.hash_one(topic) % SHARDS).unwrap_or(0)]
    }
}

/// A stream, as a session uses it. Dropping it ends its subscriptions.
pub(in crate::serve::hub) struct StreamLink {
    topics: Arc<StreamTopics>,
    outbox: Arc<Outbox>,
    /// The address of the client.
    peer: Option<SocketAddr>,
    subscriptions: HashMap<Box<str>, Arc<StreamSubscription>>,
}

impl StreamLink {
    pub(in crate::serve::hub) fn new(
        topics: Arc<StreamTopics>,
        outbox: Arc<Outbox>,
        peer: Option<SocketAddr>,
    ) -> StreamLink {
        StreamLink { topics, outbox, peer, subscriptions: HashMap::new() }
    }
}

impl Link for StreamLink {
    fn send(&mut self, frame: Frame) {
        self.outbox.send(frame);
    }

    fn subscribe_paused(&mut self, topic: &str, slow: SlowPolicy) -> Start {
        let id = self.topics.next_id.fetch_add(1, Ordering::Relaxed);
        let outbox = Arc::clone(&self.outbox);
        let subscription =
            Arc::new(StreamSubscription { id, outbox, slow, has_ended: AtomicBool::new(false) });
        let topic: Box<str> = topic.into();
        if let Some(earlier) = self.subscriptions.insert(topic.clone(), Arc::clone(&subscription)) {
            self.topics.end(&topic, &earlier);
        }
        let topics = Arc::clone(&self.topics);
        Box::new(move || topics.start(&topic, subscription))
    }

    fn unsubscribe(&mut self, topic: &str) {
        if let Some(subscription) = self.subscriptions.remove(topic) {
            self.topics.end(topic, &subscription);
        }
    }

    fn close(&mut self, why: &Disconnect) {
        self.outbox.end_for(why);
    }

    fn peer(&self) -> Option<String> {
        self.peer.map(|peer| peer.to_string())
    }
}

impl Drop for StreamLink {
    fn drop(&mut self) {
        for (topic, subscription) in self.subscriptions.drain() {
            self.topics.end(&topic, &subscription);
        }
    }
}

#[cfg(test)]
mod tests;
