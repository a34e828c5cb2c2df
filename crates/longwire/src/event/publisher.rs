//! The handle with which any thread publishes to topics.

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

/// The topics of a server that runs a [`Handler`](crate::Handler). From any thread, it publishes to them, counts their
/// subscribers and closes connections. Cheap to clone.
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

/// Resolves to the number of connections that [`Topics::close`] or [`Topics::close_where`] closes. They are closed
/// whether or not you await it.
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

    /// Sends a message to every subscriber of a topic. The message is encoded once, and compressed once for each
    /// negotiated window size. Never waits.
    ///
    /// Returns how many subscribers it was queued for: the subscribers that the topic has at this moment, except those
    /// on an event loop that is 64 MiB of publications behind. Closing connections do not count;
    /// [paused](crate::Socket::subscribe_paused) subscribers do. A subscriber that counts can still miss the message, if
    /// it is paused, or if its connection ends or is too slow for its [`Slow`](crate::Slow) policy.
    ///
    /// Each event loop delivers messages in the order of these calls, whichever threads make them. If two threads hold
    /// the same lock while they publish, all subscribers get their messages in the same order.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> usize {
        let Some(record) = self.registry().find(topic) else { return 0 };
        self.exchange.publish(&record, &prepared(message.into()), None)
    }

    /// How many subscribers a topic has on all event loops. A connection counts as soon as it has subscribed,
    /// [paused](crate::Socket::subscribe_paused) or not. Closing connections do not count.
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

    /// The connections that are subscribed to a topic, sorted. Each event loop answers for its own connections in its
    /// next round. A connection that subscribes or leaves before that may or may not be included. A handler must not
    /// block on this, since its own loop has to answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; it only asks.
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

    /// Begins the closing handshake (RFC 6455 §7.1.2) with every subscriber of a topic, after the messages that this
    /// thread has published before. Never waits.
    ///
    /// # Errors
    ///
    /// The code is one that must not be sent, or the reason is longer than 123 bytes; no connection was closed.
    pub fn close(&self, topic: &str, code: u16, reason: &str) -> Result<CloseCount, InvalidClose> {
        let frame = CloseFrame::new(code, reason)?;
        let answers = self.ask_subscribed(topic, |topic, answer| {
            let which = Selection::SubscribersOf(topic);
            Ask::Close(Box::new(CloseMany { which, frame: frame.clone(), answer }))
        });
        Ok(CloseCount { answers })
    }

    /// Begins the closing handshake with every open connection for which `filter` returns `true`, whether or not it is
    /// subscribed to a topic. Never waits.
    ///
    /// Each event loop calls `filter` for all its connections in one go, so it must be quick. If it panics, the
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

    /// How many messages have been dropped since the server started.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.registry().dropped()
    }

    /// How many messages of a topic have been dropped since it last got its first subscriber. When a topic loses its
    /// last subscriber, its counts are discarded; [`dropped`](Topics::dropped) still includes them.
    #[must_use]
    pub fn dropped_of(&self, topic: &str) -> Dropped {
        self.registry().find(topic).map(|record| record.dropped()).unwrap_or_default()
    }

    /// Asks every loop on which the topic has subscribers.
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
