//! A connection in the hands of a handler.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use longwire_proto::{CloseFrame, InvalidClose, LARGE_PAYLOAD, MessageKind, Prepared, SendError};

use super::connection::Open;
use super::key::{Key, LoopNumber, SocketId};
use super::mailbox::{Allowance, Exchange, Mailbox};
use super::message_ref::{AsMessage, MessageRef};
use super::publisher::prepared;
use super::remote::Remote;
use super::topics::{Slow, TopicTable};
use crate::message::{Message, Outgoing};
use crate::send_status::SendStatus;
use crate::telemetry::Traffic;

/// A connection in the hands of a [`Handler`](crate::Handler). `S` is the handler's state.
///
/// Nothing here waits: what is sent is queued, and written when the loop has handled everything that arrived.
///
/// ```
/// use longwire::{MessageRef, Socket};
///
/// /// Counts the messages of each connection, and tells everybody in the room.
/// fn on_message(socket: &mut Socket<'_, u64>, message: MessageRef<'_>) {
///     *socket.state_mut() += 1;
///     let count = format!("{} messages", socket.state());
///     socket.send(message).or_drop();
///     socket.publish("room", count);
/// }
/// ```
pub struct Socket<'a, S> {
    pub(super) open: &'a mut Open<S>,
    pub(super) context: &'a mut LoopContext,
    pub(super) key: Key,
    pub(super) peer_addr: SocketAddr,
}

/// What the connections of a loop share.
pub(super) struct LoopContext {
    /// Which loop this is.
    pub(super) number: LoopNumber,
    pub(super) topics: TopicTable,
    /// What the handler has published and is to be given out when it returns.
    pub(super) publications: VecDeque<Publication>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) exchange: Arc<Exchange>,
    /// What the connections have moved since it was last counted.
    pub(super) traffic: Traffic,
    /// When the loop last looked at the clock.
    pub(super) now: Instant,
    /// How many futures run at a time for a connection.
    pub(super) max_spawned: usize,
    /// What the next timer or future is told from others by.
    pub(super) next_number: u64,
    /// The message that the handler is being lent, if it is a large one: what is sent back of it need not be copied.
    pub(super) lent: Bytes,
}

impl LoopContext {
    /// Publishes to the other loops at once, and to this one when the handler returns; gives for how many subscribers.
    fn publish(&mut self, topic: &str, message: Arc<Prepared>, but: Option<Key>) -> usize {
        let own = self.topics.find(topic).and_then(|id| self.topics.get(id));
        let queued = match own {
            Some(own) => {
                let left_out = but.is_some_and(|but| own.subscribers.contains_key(&but));
                let others = self.exchange.publish(&own.record, &message, Some(&self.mailbox));
                own.subscribers.len() - usize::from(left_out) + others
            }
            None => match self.exchange.registry().find(topic) {
                Some(record) => self.exchange.publish(&record, &message, Some(&self.mailbox)),
                None => 0,
            },
        };
        self.publications.push_back(Publication { topic: topic.into(), message, but });
        queued
    }

    /// A number that no other timer or future of the loop has.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Queues what waits for room, as far as there is some: of the topics of a connection, and of other threads.
    pub(super) fn catch_up<S>(&mut self, open: &mut Open<S>, key: Key) {
        for topic in &open.subscriptions {
            if let Some(subscriber) = self.topics.get_mut(*topic).and_then(|topic| topic.subscriber(key)) {
                subscriber.catch_up(&mut open.protocol);
            }
        }
        open.unpark(&mut self.traffic);
    }
}

/// The loop has ended.
impl Drop for LoopContext {
    fn drop(&mut self) {
        self.mailbox.end();
    }
}

pub(super) struct Publication {
    pub(super) topic: Arc<str>,
    pub(super) message: Arc<Prepared>,
    /// A subscriber that does not get it.
    pub(super) but: Option<Key>,
}

impl<S> Socket<'_, S> {
    /// What the application keeps of this connection.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.open.state
    }

    /// What the application keeps of this connection, to change it.
    pub fn state_mut(&mut self) -> &mut S {
        &mut self.open.state
    }

    /// Sends a message that is lent, as the answers to a message mostly are. Its content is copied once, behind its
    /// header; that of a large message (64 KiB) is not if it is the one that was received, or a part of it.
    ///
    /// What a handler sends in answer to one message always finds room for the first of it, since no message is
    /// delivered while the queue is full. Where one sends more than that, it goes on in
    /// [`on_drain`](crate::Handler::on_drain):
    ///
    /// ```
    /// use longwire::Socket;
    ///
    /// /// Sends lines until the client is behind; `on_drain` calls it again.
    /// fn go_on(socket: &mut Socket<'_, std::vec::IntoIter<String>>) {
    ///     while let Some(line) = socket.state().as_slice().first().cloned() {
    ///         if !socket.send(line).is_queued() {
    ///             return;
    ///         }
    ///         socket.state_mut().next();
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn send(&mut self, message: impl AsMessage) -> SendStatus {
        if self.open.protocol.is_above_high_water() {
            return self.full();
        }
        let message = message.as_message();
        let sent = match message {
            _ if message.as_bytes().len() >= LARGE_PAYLOAD => self.send_large(message),
            MessageRef::Text(text) => self.open.protocol.send_text(text),
            MessageRef::Binary(bytes) => self.open.protocol.send_binary(bytes),
        };
        self.status(&sent)
    }

    /// Sends a message that is given away: a large one is not copied, and it may ask
    /// [not to be compressed](Message::uncompressed).
    pub fn send_message(&mut self, message: impl Into<Outgoing>) -> SendStatus {
        if !self.open.protocol.is_open() {
            return SendStatus::Closed;
        }
        if self.open.protocol.is_above_high_water() {
            return self.full();
        }
        let sent = self.open.queue(message.into());
        self.status(&sent)
    }

    /// Sends a ping. Keeping the connection alive is done without it: see [`Keepalive`](crate::Keepalive).
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], or [`SendError::ControlTooLong`] for more than 125 bytes.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.open.protocol.send_ping(payload)
    }

    /// Begins the closing handshake (RFC 6455 §7.1.2); [`on_close`](crate::Handler::on_close) tells when it is done. If
    /// it has begun already, nothing happens.
    ///
    /// # Errors
    ///
    /// The code must not be sent, or the reason is longer than 123 bytes.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), InvalidClose> {
        self.open.protocol.close(Some(CloseFrame::new(code, reason)?));
        Ok(())
    }

    /// Subscribes to a topic. If the connection does not take its messages as fast as they come, it is closed with 1013;
    /// see [`subscribe_with`](Socket::subscribe_with).
    pub fn subscribe(&mut self, topic: &str) {
        self.subscribe_with(topic, Slow::Disconnect);
    }

    /// Subscribes to a topic, with what happens to its messages while this connection's queue is full. For a topic that
    /// it has subscribed to already, this changes.
    pub fn subscribe_with(&mut self, topic: &str, slow: Slow) {
        if !self.open.protocol.is_open() {
            return;
        }
        if let Some(id) = self.context.topics.subscribe(topic, self.key, slow) {
            self.open.subscriptions.push(id);
        }
    }

    /// Ends a subscription. `false`: there was none.
    pub fn unsubscribe(&mut self, topic: &str) -> bool {
        let found = self.context.topics.find(topic);
        let Some(place) = self.open.subscriptions.iter().position(|id| Some(*id) == found) else {
            return false;
        };
        let id = self.open.subscriptions.swap_remove(place);
        drop(self.context.topics.unsubscribe(id, self.key));
        true
    }

    /// The topics that this connection has subscribed to, in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.context.topics.names(&self.open.subscriptions)
    }

    /// Sends a message to every subscriber of a topic, this connection included if it is one. To connections of the same
    /// event loop it goes out when the handler's method has returned.
    ///
    /// Returns for how many subscribers it was queued, as [`Topics::publish`](crate::Topics::publish) does: those that the
    /// topic has at this moment.
    pub fn publish(&mut self, topic: &str, message: impl Into<Message>) -> usize {
        self.context.publish(topic, prepared(message.into()), None)
    }

    /// As [`publish`](Socket::publish), but not to this connection, which does not count then.
    pub fn publish_to_others(&mut self, topic: &str, message: impl Into<Message>) -> usize {
        self.context.publish(topic, prepared(message.into()), Some(self.key))
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.open.protocol.queued()
    }

    /// Whether messages can be sent: the closing handshake has not begun.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.protocol.is_open()
    }

    /// The subprotocol that was agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.open.subprotocol.as_deref()
    }

    /// The address of the client, or of the proxy before it.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer_addr
    }

    /// What names this connection for as long as it lives, in logs and as a key of maps.
    #[must_use]
    pub fn id(&self) -> SocketId {
        SocketId::new(self.context.number, self.key)
    }

    /// A handle that reaches this connection from any thread.
    pub fn remote(&mut self) -> Remote {
        let is_open = self.open.protocol.is_open();
        let allowance = self.open.backlog().allowance.get_or_insert_with(Arc::<Allowance>::default);
        if !is_open {
            allowance.end();
        }
        Remote {
            id: SocketId::new(self.context.number, self.key),
            mailbox: Arc::clone(&self.context.mailbox),
            allowance: Arc::clone(allowance),
            ceiling: self.open.protocol.config().limits.high_water,
        }
    }

    #[cold]
    fn send_large(&mut self, message: MessageRef<'_>) -> Result<(), SendError> {
        let (kind, bytes) = match message {
            MessageRef::Text(text) => (MessageKind::Text, text.as_bytes()),
            MessageRef::Binary(bytes) => (MessageKind::Binary, bytes),
        };
        let (lent, part) = (self.context.lent.as_ptr_range(), bytes.as_ptr_range());
        let payload = if lent.start <= part.start && part.end <= lent.end {
            self.context.lent.slice_ref(bytes)
        } else {
            Bytes::copy_from_slice(bytes)
        };
        self.open.protocol.send_bytes(kind, payload)
    }

    #[cold]
    fn full(&mut self) -> SendStatus {
        if !self.open.protocol.is_open() {
            return SendStatus::Closed;
        }
        self.open.fill();
        SendStatus::Full
    }

    #[inline]
    fn status(&mut self, sent: &Result<(), SendError>) -> SendStatus {
        match sent {
            Ok(()) => {
                self.context.traffic.message_sent();
                SendStatus::Queued
            }
            Err(SendError::MessageUnfinished) => SendStatus::Unfinished,
            Err(_) => SendStatus::Closed,
        }
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for Socket<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id())
            .field("peer_addr", &self.peer_addr)
            .field("state", &self.open.state)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
