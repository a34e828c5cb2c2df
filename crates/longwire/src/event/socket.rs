//! The methods with which a handler uses its connection.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use longwire_proto::{CloseFrame, InvalidClose, LARGE_PAYLOAD, MessageKind, SendError};

use super::handler::{Handler, Socket};
use super::key::SocketId;
use super::mailbox::Allowance;
use super::message_ref::{AsMessage, MessageRef};
use super::paused::PausedSubscription;
use super::publisher::{Topics, prepared};
use super::remote::Remote;
use super::slow::Slow;
use super::socket_traffic::SocketTraffic;
use crate::message::{Message, Outgoing};
use crate::send_status::SendStatus;

impl<H: Handler> Socket<'_, H> {
    /// The application's data for this connection.
    #[must_use]
    pub fn state(&self) -> &H::State {
        self.state
    }

    /// The application's data for this connection, mutable.
    pub fn state_mut(&mut self) -> &mut H::State {
        self.state
    }

    /// Sends a borrowed message. Its content is copied once, behind the frame header. A large message (64 KiB or more)
    /// is not copied if it is the received message or a part of it.
    ///
    /// The first message that a handler sends in answer to a received one always fits, because no message is delivered
    /// while the queue is full. To send more than that, continue in [`on_drain`](crate::Handler::on_drain):
    ///
    /// ```
    /// use longwire::{Handler, Socket};
    ///
    /// /// Sends lines until the queue is full; `on_drain` calls it again.
    /// fn go_on<H: Handler<State = std::vec::IntoIter<String>>>(socket: &mut Socket<'_, H>) {
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

    /// Sends an owned message: a large one is not copied, and it can ask [not to be compressed](Message::uncompressed).
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

    /// Sends a ping. You do not need it to keep the connection alive: see [`Keepalive`](crate::Keepalive).
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], or [`SendError::ControlTooLong`] for more than 125 bytes.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.open.protocol.send_ping(payload)
    }

    /// Begins the closing handshake (RFC 6455 §7.1.2). [`on_close`](crate::Handler::on_close) is called when it is
    /// done. If the handshake has already begun, this does nothing.
    ///
    /// # Errors
    ///
    /// The code is one that must not be sent, or the reason is longer than 123 bytes.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), InvalidClose> {
        self.open.protocol.close(Some(CloseFrame::new(code, reason)?));
        Ok(())
    }

    /// Subscribes to a topic. If the connection cannot keep up with its messages, it is closed with 1013; to choose
    /// otherwise, see [`subscribe_with`](Socket::subscribe_with).
    ///
    /// The topic cannot be borrowed from [`state`](Socket::state), since this call changes the connection. Clone it first,
    /// which is cheap for an `Arc<str>`:
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use longwire::{Handler, Socket};
    ///
    /// fn on_open<H: Handler<State = Arc<str>>>(socket: &mut Socket<'_, H>) {
    ///     let room = socket.state().clone();
    ///     socket.subscribe(&room);
    /// }
    /// ```
    pub fn subscribe(&mut self, topic: &str) {
        self.subscribe_with(topic, Slow::Disconnect);
    }

    /// Subscribes to a topic with a policy for messages that arrive while this connection's queue is full. If the
    /// connection is already subscribed, this changes the policy; a [paused](Socket::subscribe_paused) subscription
    /// begins at once.
    ///
    /// Messages that other threads published shortly before may still arrive; for an exact beginning, see
    /// [`subscribe_paused`](Socket::subscribe_paused). While the connection is closing, this does nothing.
    pub fn subscribe_with(&mut self, topic: &str, slow: Slow) {
        if !self.open.protocol.is_open() {
            return;
        }
        let last_loss = self.context.mailbox.last_loss(topic);
        if let Some(id) = self.context.topics.subscribe(topic, self.key, slow, last_loss) {
            self.open.add_subscription(id);
        }
    }

    /// Subscribes, but receives nothing until another thread, or this one, [starts](PausedSubscription::start) the
    /// subscription. It begins exactly there: messages that were published before do not arrive, and all later ones
    /// do, whichever thread or handler publishes them.
    ///
    /// From now on the connection [counts](crate::Topics::subscribers) as a subscriber, is listed and closed as one, and
    /// [`topics`](Socket::topics) has the topic. The subscription ends with the connection, with
    /// [`unsubscribe`](Socket::unsubscribe), or when the returned value is dropped. Starting it later does nothing.
    ///
    /// If the connection has subscribed before, that subscription goes on: this changes its policy, and the returned
    /// value does nothing. A paused subscription is replaced by the new one. While the connection is closing, this does
    /// nothing.
    pub fn subscribe_paused(&mut self, topic: &str, slow: Slow) -> PausedSubscription {
        let paused = self.open.protocol.is_open().then(|| {
            let number = self.context.next_number();
            let (paused, new) = self.context.topics.subscribe_paused(topic, self.key, slow, number);
            if let Some(topic) = new {
                self.open.add_subscription(topic);
            }
            paused
        });
        PausedSubscription::new(self.id(), Arc::clone(&self.context.mailbox), paused)
    }

    /// Ends a subscription, paused or not. Returns `false` if the connection was not subscribed.
    pub fn unsubscribe(&mut self, topic: &str) -> bool {
        let Some(id) = self.context.topics.find(topic) else { return false };
        if !self.open.remove_subscription(id) {
            return false;
        }
        drop(self.context.topics.unsubscribe(id, self.key));
        true
    }

    /// The topics that this connection is subscribed to, in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.context.topics.names(self.open.subscriptions())
    }

    /// Sends a message to every subscriber of a topic, including this connection if it is subscribed. Subscribers on
    /// the same event loop get it after the handler's method has returned.
    ///
    /// They may get it before messages that other threads published earlier. Once a connection of this loop has
    /// subscribed to the topic [paused](Socket::subscribe_paused), they get all messages in the order of the calls, until
    /// the topic has no subscriber on this loop.
    ///
    /// Returns how many subscribers it was queued for, as [`Topics::publish`](crate::Topics::publish) does: the
    /// subscribers that the topic has at this moment.
    pub fn publish(&mut self, topic: &str, message: impl Into<Message>) -> usize {
        self.context.publish(topic, prepared(message.into()), None)
    }

    /// Like [`publish`](Socket::publish), except that this connection neither gets the message nor counts.
    pub fn publish_to_others(&mut self, topic: &str, message: impl Into<Message>) -> usize {
        self.context.publish(topic, prepared(message.into()), Some(self.key))
    }

    /// A handle of the server's topics, such as for a task that publishes when it is done, whether this connection has
    /// ended meanwhile or not. A handler on a [`Stage`](crate::Stage) gets those of the stage.
    ///
    /// ```
    /// use longwire::{Handler, Socket};
    ///
    /// async fn save(line: &str) {} // in a database
    ///
    /// /// Called by `on_message`.
    /// fn save_and_publish<H: Handler<State = ()>>(socket: &mut Socket<'_, H>, line: String) {
    ///     let topics = socket.server_topics();
    ///     let saved = tokio::spawn(async move {
    ///         save(&line).await;
    ///         topics.publish("lobby", line);
    ///     });
    ///     // The task counts for `Server::spawned_per_connection`. If the connection ends, it goes on.
    ///     socket.spawn(saved, |_, _, _| ());
    /// }
    /// ```
    #[must_use]
    pub fn server_topics(&self) -> Topics {
        Topics::new(Arc::clone(&self.context.exchange))
    }

    /// How many bytes are queued and not yet written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.open.protocol.queued()
    }

    /// Whether messages can be sent: the closing handshake has not begun.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.protocol.is_open()
    }

    /// The negotiated subprotocol.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.open.extra.as_ref()?.subprotocol.as_deref()
    }

    /// What this connection has received and sent so far; `None` unless the server
    /// [counts that](crate::Server::count_traffic).
    #[must_use]
    pub fn traffic(&self) -> Option<SocketTraffic> {
        self.open.extra.as_ref()?.traffic.as_deref().copied()
    }

    /// The address of the client, as in [`Upgrade::peer_addr`](crate::Upgrade::peer_addr).
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer.get()
    }

    /// Identifies this connection for as long as it lives, for example in logs or as the key of a map.
    #[must_use]
    pub fn id(&self) -> SocketId {
        SocketId::new(self.context.number, self.key)
    }

    /// A handle with which any thread can reach this connection.
    pub fn remote(&mut self) -> Remote {
        let is_open = self.open.protocol.is_open();
        let allowance = self.open.extra().allowance.get_or_insert_with(Arc::<Allowance>::default);
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
                self.open.count(|traffic| traffic.messages_sent += 1);
                self.context.traffic.message_sent();
                SendStatus::Queued
            }
            Err(SendError::MessageUnfinished) => SendStatus::Unfinished,
            Err(_) => SendStatus::Closed,
        }
    }
}

impl<H: Handler<State: std::fmt::Debug>> std::fmt::Debug for Socket<'_, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id())
            .field("peer_addr", &self.peer_addr())
            .field("state", &self.state)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
