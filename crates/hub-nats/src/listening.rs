//! Listening to channels.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use longwire_hub::{ChannelName, Record, StoreEvents};
use prost::Message as _;
use tokio::task::JoinHandle;

use crate::entry::Entry;
use crate::failure::Failure;
use crate::line::Line;
use crate::names::Names;

/// How many locks keep the order of channels.
const ORDERS: u64 = 64;

/// The channels that this node listens to.
pub(crate) struct Listening {
    line: Arc<Line>,
    names: Names,
    listeners: Mutex<HashMap<ChannelName, JoinHandle<()>>>,
    arrivals: Arc<Arrivals>,
}

/// Hands on what arrives.
pub(crate) struct Arrivals {
    events: Arc<dyn StoreEvents>,
    /// Held while something is handed on: a listener that is just stopped and the one that follows take turns.
    orders: Vec<Mutex<()>>,
    unknown: AtomicU64,
}

impl Listening {
    pub(crate) fn new(line: Arc<Line>, names: Names, arrivals: Arc<Arrivals>) -> Listening {
        Listening { line, names, listeners: Mutex::new(HashMap::new()), arrivals }
    }

    pub(crate) async fn listen(&self, channel: &ChannelName) -> Result<(), Failure> {
        if !self.has(channel) {
            let subscriber = self.line.client().subscribe(self.names.events(channel)).await;
            let subscriber = subscriber.map_err(|error| Failure::unavailable(&error))?;
            let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            if let MapEntry::Vacant(place) = listeners.entry(channel.clone()) {
                place.insert(tokio::spawn(listen(subscriber, channel.clone(), self.arrivals.clone())));
            }
        }
        // Also the second of two that listen at the same moment waits until the server knows it.
        Ok(self.line.pass().await?)
    }

    pub(crate) fn stop(&self, channel: &ChannelName) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = listeners.remove(channel) {
            listener.abort();
        }
    }

    fn has(&self, channel: &ChannelName) -> bool {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).contains_key(channel)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let listeners = self.listeners.get_mut().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.values() {
            listener.abort();
        }
    }
}

impl Arrivals {
    pub(crate) fn new(events: Arc<dyn StoreEvents>) -> Arrivals {
        let orders = (0..ORDERS).map(|_| Mutex::new(())).collect();
        Arrivals { events, orders, unknown: AtomicU64::new(0) }
    }

    pub(crate) fn events(&self) -> &dyn StoreEvents {
        &*self.events
    }

    /// How many messages were not understood.
    pub(crate) fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    fn arrived(&self, channel: &ChannelName, message: Message) {
        let Ok(entry) = Entry::decode(message.payload) else { return self.count_unknown() };
        let position = entry.position();
        // An entry without a record only keeps the state of a stream.
        let Some(record) = entry.record else { return };
        let Ok(record) = Record::decode(record) else { return self.count_unknown() };
        let mut hasher = DefaultHasher::new();
        channel.hash(&mut hasher);
        let order = usize::try_from(hasher.finish() % ORDERS).ok().and_then(|index| self.orders.get(index));
        let _one_at_a_time = order.map(|order| order.lock().unwrap_or_else(PoisonError::into_inner));
        self.events.arrived(channel, record, position);
    }

    fn count_unknown(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }
}

async fn listen(mut subscriber: Subscriber, channel: ChannelName, arrivals: Arc<Arrivals>) {
    while let Some(message) = subscriber.next().await {
        arrivals.arrived(&channel, message);
    }
}

/// Hands on what nodes tell one another.
pub(crate) async fn hear(mut subscriber: Subscriber, arrivals: Arc<Arrivals>) {
    while let Some(message) = subscriber.next().await {
        arrivals.events.told(message.payload);
    }
}
