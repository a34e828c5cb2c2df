//! What a node hears.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use longwire_hub::{ChannelName, Data, Record, StoreEvents, StreamPosition};
use tokio::sync::Notify;

/// More than enough for anything that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Something that a node heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Arrived(String, Box<Record>, Option<StreamPosition>),
    Told(Bytes),
    Interrupted,
    Restored,
}

/// Keeps what a node hears until the test asks.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    events: Mutex<VecDeque<Event>>,
    changed: Notify,
}

impl Heard {
    fn push(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
        self.changed.notify_one();
    }

    /// The next event.
    pub(crate) async fn next(&self) -> Event {
        let next = async {
            loop {
                if let Some(event) = self.events.lock().unwrap().pop_front() {
                    return event;
                }
                self.changed.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("nothing is heard")
    }

    /// The text and the offset of the next event, which must be a publication; 0 without history.
    pub(crate) async fn next_text(&self) -> (String, u64) {
        match self.next().await {
            Event::Arrived(_, record, position) => {
                (text(&record), position.map_or(0, |position| position.offset))
            }
            other => panic!("{other:?} is no publication"),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.lock().unwrap().is_empty()
    }
}

pub(crate) fn text(record: &Record) -> String {
    match record {
        Record::Publication(publication) => text_of(&publication.data),
        other => panic!("{other:?} is no publication"),
    }
}

pub(crate) fn text_of(data: &Data) -> String {
    match data {
        Data::Json(text) | Data::Text(text) => text.to_string(),
        other => panic!("{other:?} is no text"),
    }
}

impl StoreEvents for Heard {
    fn arrived(&self, channel: &ChannelName, record: Record, position: Option<StreamPosition>) {
        self.push(Event::Arrived(channel.to_string(), Box::new(record), position));
    }

    fn told(&self, message: Bytes) {
        self.push(Event::Told(message));
    }

    fn interrupted(&self, channels: &dyn Fn(&ChannelName) -> bool) {
        assert!(channels(&"any".parse().unwrap()));
        self.push(Event::Interrupted);
    }

    fn restored(&self, channels: &dyn Fn(&ChannelName) -> bool) {
        assert!(channels(&"any".parse().unwrap()));
        self.push(Event::Restored);
    }
}
