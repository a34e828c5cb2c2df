//! Delivery: to WebSockets by the topics of the event loops, and to streams by their own.

use std::sync::Arc;

use longwire::{Message, Topics, Utf8Bytes};
use longwire_hub::{BoxFuture, Delivery, Frame, HubEvent};
use tokio::runtime::Handle;

use super::event_log::EventLog;
use super::outlet::topics::StreamTopics;

pub(super) struct TopicDelivery {
    topics: Topics,
    streams: Arc<StreamTopics>,
    runtime: Handle,
    log: EventLog,
}

impl TopicDelivery {
    /// Must be called within a runtime, on which it runs what the hub does not wait for.
    pub(super) fn new(topics: Topics, streams: Arc<StreamTopics>) -> TopicDelivery {
        TopicDelivery { topics, streams, runtime: Handle::current(), log: EventLog::default() }
    }
}

impl Delivery for TopicDelivery {
    fn publish(&self, topic: &str, frame: Frame) {
        self.streams.publish(topic, &frame);
        self.topics.publish(topic, message(frame));
    }

    fn spawn(&self, work: BoxFuture<()>) {
        self.runtime.spawn(work);
    }

    fn report(&self, event: &HubEvent<'_>) {
        self.log.write(event);
    }
}

/// The message of a frame, without a copy.
pub(super) fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => {
            let bytes = text.into_bytes();
            // A frame's text is UTF-8, so the second case does not occur.
            Utf8Bytes::try_from(bytes.clone()).map_or_else(|_| bytes.into(), Message::Text)
        }
        Frame::Binary(bytes) => Message::Binary(bytes),
    }
}
