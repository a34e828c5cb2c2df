//! Publishing from outside of the event loops.

use std::fmt;
use std::sync::Arc;

use longwire_proto::{MessageKind, Prepared};

use super::mailbox::Exchange;
use crate::message::Message;

/// Publishes to the topics of a server that runs a [`Handler`](crate::Handler), from any thread. Cheap to clone.
///
/// ```no_run
/// # use longwire::{Handler, Server};
/// # async fn serve(handler: impl Handler) -> longwire::Result<()> {
/// let (server, topics) = Server::bind("127.0.0.1:8080").await?.topics();
/// std::thread::spawn(move || topics.publish("news", "It rains."));
/// server.run(handler).await
/// # }
/// ```
#[derive(Clone)]
pub struct Topics {
    exchange: Arc<Exchange>,
}

impl Topics {
    pub(crate) fn new(exchange: Arc<Exchange>) -> Topics {
        Topics { exchange }
    }

    /// Sends a message to everybody who has subscribed to a topic. It is encoded once, and compressed once for each
    /// window size that was agreed on. Never waits; before the server runs, nobody has subscribed.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) {
        self.exchange.publish(&topic.into(), &prepared(message.into()), None);
    }

    /// How many messages were dropped in all: because a subscriber was slow and its policy allows it, once for each such
    /// subscriber; or because they were published faster than an event loop could take them, once for each such loop.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.exchange.dropped()
    }
}

/// Encodes a message for many receivers.
pub(super) fn prepared(message: Message) -> Arc<Prepared> {
    let kind = if message.is_text() { MessageKind::Text } else { MessageKind::Binary };
    Arc::new(Prepared::new(kind, message.into_bytes()))
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}
