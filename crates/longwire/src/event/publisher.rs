//! Topics, as other threads see them.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use longwire_proto::{CloseFrame, InvalidClose, MessageKind, Prepared};
use tokio::sync::oneshot;

use super::ask::{Ask, CloseMany, Selection};
use super::dropped::Dropped;
use super::key::SocketId;
use super::mailbox::{Exchange, Mail, Mailbox};
use super::registry::TopicRegistry;
use super::view::SocketView;
use crate::message::Message;

/// The topics of a server that runs a [`Handler`](crate::Handler): publishes to them, counts their subscribers, and closes
/// connections, from any thread. Cheap to clone.
///
/// Before the server runs and after it has ended, topics have no subscribers.
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

/// How many connections [`Topics::close`] or [`Topics::close_where`] closes: await it to know. They are closed whether it
/// is awaited or not.
///
/// ```no_run
/// use longwire::Topics;
///
/// async fn end_game(topics: &Topics, game: &str) -> Result<(), longwire::InvalidClose> {
///     let players = topics.close(game, 1000, "the game is over")?.await;
///     println!("{players} players have left");
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct CloseCount {
    answers: Vec<oneshot::Receiver<usize>>,
}

impl Topics {
    pub(crate) fn new(exchange: Arc<Exchange>) -> Topics {
        Topics { exchange }
    }

    /// Sends a message to every subscriber of a topic. It is encoded once, and compressed once for each window size that
    /// was agreed on. Never waits.
    ///
    /// Returns for how many subscribers it was queued: those that the topic has at this moment, except for those of an event
    /// loop that has fallen 64 MiB of publications behind. Connections that are closing do not count. A subscriber that
    /// counts can still miss the message: its connection may end, or be too slow for its [`Slow`](crate::Slow) policy.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> usize {
        let Some(record) = self.registry().find(topic) else { return 0 };
        self.exchange.publish(&record, &prepared(message.into()), None)
    }

    /// How many subscribers a topic has, on all event loops. Connections that are closing do not count.
    #[must_use]
    pub fn subscribers(&self, topic: &str) -> usize {
        self.registry().find(topic).map_or(0, |record| record.subscribers())
    }

    /// How many topics have subscribers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.registry().len()
    }

    /// The topics that have subscribers, in no particular order.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        self.registry().names()
    }

    /// The connections that have subscribed to a topic, sorted. Each event loop answers for its own when it comes to it: one
    /// that subscribes or leaves meanwhile may or may not be among them. A handler must not block on this, since its own
    /// loop has to answer.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped; it only asks.
    pub async fn members(&self, topic: &str) -> Vec<SocketId> {
        let answers = self.ask_subscribed(topic, |topic, answer| Ask::Members { topic, answer });
        let mut members = Vec::new();
        for answer in answers {
            // A loop that has ended has no connections.
            members.extend(answer.await.unwrap_or_default());
        }
        members.sort_unstable();
        members
    }

    /// Begins the closing handshake (RFC 6455 §7.1.2) with every subscriber of a topic, behind what this thread has
    /// published before. Never waits.
    ///
    /// # Errors
    ///
    /// The code must not be sent, or the reason is longer than 123 bytes; nothing was closed then.
    pub fn close(&self, topic: &str, code: u16, reason: &str) -> Result<CloseCount, InvalidClose> {
        let frame = CloseFrame::new(code, reason)?;
        let answers = self.ask_subscribed(topic, |topic, answer| {
            let which = Selection::SubscribersOf(topic);
            Ask::Close(Box::new(CloseMany { which, frame: frame.clone(), answer }))
        });
        Ok(CloseCount { answers })
    }

    /// Begins the closing handshake with every open connection that `filter` returns `true` for, subscribed to a topic or
    /// not. Never waits.
    ///
    /// Each event loop calls `filter` for all of its connections in one go, so it must be quick. If it panics, the
    /// connections of that loop stay open.
    ///
    /// # Errors
    ///
    /// As for [`close`](Topics::close).
    pub fn close_where(
        &self,
        code: u16,
        reason: &str,
        filter: impl Fn(&SocketView<'_>) -> bool + Send + Sync + 'static,
    ) -> Result<CloseCount, InvalidClose> {
        let frame = CloseFrame::new(code, reason)?;
        let which = Selection::Where(Arc::new(filter));
        let mailboxes = self.exchange.mailboxes().iter();
        let answers = mailboxes.map(|mailbox| {
            let (which, frame) = (which.clone(), frame.clone());
            ask(mailbox, |answer| Ask::Close(Box::new(CloseMany { which, frame, answer })))
        });
        Ok(CloseCount { answers: answers.collect() })
    }

    /// How many messages were dropped since the server began.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.registry().dropped()
    }

    /// How many messages of a topic were dropped since it last got its first subscriber. With its last subscriber, a topic
    /// and its counts are forgotten; [`dropped`](Topics::dropped) still has them.
    #[must_use]
    pub fn dropped_of(&self, topic: &str) -> Dropped {
        self.registry().find(topic).map(|record| record.dropped()).unwrap_or_default()
    }

    /// Asks every loop in which a topic has subscribers.
    fn ask_subscribed<T>(
        &self,
        topic: &str,
        question: impl Fn(Arc<str>, oneshot::Sender<T>) -> Ask,
    ) -> Vec<oneshot::Receiver<T>> {
        let Some(record) = self.registry().find(topic) else { return Vec::new() };
        let subscribed = self.exchange.mailboxes_of(&record);
        subscribed.map(|mailbox| ask(mailbox, |answer| question(Arc::clone(record.name()), answer))).collect()
    }

    fn registry(&self) -> &TopicRegistry {
        self.exchange.registry()
    }
}

/// Asks one loop.
fn ask<T>(mailbox: &Mailbox, question: impl FnOnce(oneshot::Sender<T>) -> Ask) -> oneshot::Receiver<T> {
    let (answer, receiver) = oneshot::channel();
    mailbox.put(Mail::Ask(question(answer)));
    receiver
}

impl IntoFuture for CloseCount {
    type Output = usize;
    type IntoFuture = Pin<Box<dyn Future<Output = usize> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async {
            let mut count = 0;
            for answer in self.answers {
                // A loop that has ended has no connections.
                count += answer.await.unwrap_or_default();
            }
            count
        })
    }
}

/// Encodes a message for many receivers.
pub(super) fn prepared(message: Message) -> Arc<Prepared> {
    let kind = if message.is_text() { MessageKind::Text } else { MessageKind::Binary };
    Arc::new(Prepared::new(kind, message.into_bytes()))
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics")
            .field("count", &self.count())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
