//! What a store reports.

use std::sync::Arc;

use bytes::Bytes;
use longwire_hub::{
    BrokerError, ChannelName, Data, HistoryOptions, HistoryPage, HistoryQuery, Millis, NewPublication,
    PublishOutcome, Record, Store as _, StoreEvents, StreamPosition,
};
use longwire_hub_redis::{RedisOptions, RedisStore};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::server::PATIENCE;

/// What has been reported.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the largest kind")]
pub(crate) enum Event {
    Arrived(String, Record, Option<StreamPosition>),
    Told(Bytes),
    Interrupted(Vec<String>),
    Restored(Vec<String>),
}

/// Records what a store reports of some channels.
pub(crate) struct Recorder {
    channels: Vec<ChannelName>,
    events: watch::Sender<Vec<Event>>,
    /// Called with each event.
    hook: Box<dyn Fn(&Event) + Send + Sync>,
}

/// A node: a store with its events.
pub(crate) struct Node {
    pub(crate) store: RedisStore,
    pub(crate) recorder: Arc<Recorder>,
}

impl Node {
    pub(crate) async fn connect(options: RedisOptions, channels: &[&str]) -> Node {
        Node::with_hook(options, channels, Box::new(|_| ())).await
    }

    pub(crate) async fn with_hook(
        options: RedisOptions,
        channels: &[&str],
        hook: Box<dyn Fn(&Event) + Send + Sync>,
    ) -> Node {
        let channels = channels.iter().map(|name| channel(name)).collect();
        let recorder = Arc::new(Recorder { channels, events: watch::Sender::default(), hook });
        let store = RedisStore::connect(options, recorder.clone()).await.unwrap();
        Node { store, recorder }
    }

    pub(crate) async fn listen(&self, name: &str) {
        self.store.listen(&channel(name)).await.unwrap();
    }

    pub(crate) async fn publish(&self, name: &str, text: &str) -> Result<PublishOutcome, BrokerError> {
        self.store.publish(&channel(name), new(text), &kept(), Millis(1)).await
    }

    /// The position after publishing.
    pub(crate) async fn published(&self, name: &str, text: &str) -> StreamPosition {
        self.publish(name, text).await.unwrap().position.unwrap()
    }

    /// All of history.
    pub(crate) async fn page(&self, name: &str) -> Result<HistoryPage, BrokerError> {
        self.store.history(&channel(name), everything(), &kept(), Millis(1)).await
    }

    pub(crate) async fn contents(&self, name: &str) -> Vec<String> {
        self.page(name).await.unwrap().publications.iter().map(|found| text(&found.data)).collect()
    }
}

impl Recorder {
    fn record(&self, event: Event) {
        (self.hook)(&event);
        self.events.send_modify(|events| events.push(event));
    }

    fn covered(&self, covers: &dyn Fn(&ChannelName) -> bool) -> Vec<String> {
        self.channels.iter().filter(|channel| covers(channel)).map(ToString::to_string).collect()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    /// Waits until the events are as wanted.
    pub(crate) async fn until(&self, is_wanted: impl Fn(&[Event]) -> bool) -> Vec<Event> {
        let mut changes = self.events.subscribe();
        let wanted = timeout(PATIENCE, changes.wait_for(|events| is_wanted(events))).await;
        match wanted {
            Ok(events) => events.unwrap().clone(),
            Err(_) => panic!("it never came: {:?}", self.events()),
        }
    }

    /// Waits for an interruption of a channel and its end. What was recorded before is dropped.
    pub(crate) async fn until_restored(&self, name: &str) {
        self.until(|events| {
            let mut later = events.iter().skip_while(|event| !names(event).0.contains(&name.to_owned()));
            later.any(|event| names(event).1.contains(&name.to_owned()))
        })
        .await;
    }

    /// Waits for a publication with this text.
    pub(crate) async fn until_published(&self, name: &str, wanted: &str) -> Option<StreamPosition> {
        let found = |events: &[Event]| {
            events.iter().find_map(|event| match event {
                Event::Arrived(channel, Record::Publication(publication), position)
                    if channel == name && text(&publication.data) == wanted =>
                {
                    Some(position.clone())
                }
                _ => None,
            })
        };
        found(&self.until(|events| found(events).is_some()).await).unwrap()
    }

    /// The offsets of the publications of a channel, as they arrived.
    pub(crate) fn offsets(&self, name: &str) -> Vec<u64> {
        let offset = |event: &Event| match event {
            Event::Arrived(channel, Record::Publication(_), position) if channel == name => {
                position.as_ref().map(|position| position.offset)
            }
            _ => None,
        };
        self.events().iter().filter_map(offset).collect()
    }
}

/// The channels that are interrupted, and those that are restored.
fn names(event: &Event) -> (&[String], &[String]) {
    match event {
        Event::Interrupted(names) => (names, &[]),
        Event::Restored(names) => (&[], names),
        _ => (&[], &[]),
    }
}

impl StoreEvents for Recorder {
    fn arrived(&self, channel: &ChannelName, record: Record, position: Option<StreamPosition>) {
        self.record(Event::Arrived(channel.to_string(), record, position));
    }

    fn told(&self, message: Bytes) {
        self.record(Event::Told(message));
    }

    fn interrupted(&self, channels: &dyn Fn(&ChannelName) -> bool) {
        self.record(Event::Interrupted(self.covered(channels)));
    }

    fn restored(&self, channels: &dyn Fn(&ChannelName) -> bool) {
        self.record(Event::Restored(self.covered(channels)));
    }
}

pub(crate) fn channel(name: &str) -> ChannelName {
    name.parse().unwrap()
}

pub(crate) fn new(text: &str) -> NewPublication {
    NewPublication::new(Data::from_text(text.to_owned()))
}

pub(crate) fn text(data: &Data) -> String {
    String::from_utf8(data.as_bytes().to_vec()).unwrap()
}

/// A history of a thousand publications and a minute.
pub(crate) fn kept() -> HistoryOptions {
    let mut history = HistoryOptions::default();
    history.size = 1_000;
    history.ttl = std::time::Duration::from_secs(60);
    history
}

pub(crate) fn everything() -> HistoryQuery {
    HistoryQuery { limit: 10_000, since: None, reverse: false }
}
