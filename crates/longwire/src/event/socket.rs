//! What a handler can do with a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use longwire_proto::{CloseFrame, InvalidClose, LARGE_PAYLOAD, MessageKind, SendError};

use super::handler::{Handler, Socket};
use super::key::SocketId;
use super::mailbox::Allowance;
use super::message_ref::{AsMessage, MessageRef};
use super::publisher::prepared;
use super::remote::Remote;
use super::topics::Slow;
use crate::message::{Message, Outgoing};
use crate::send_status::SendStatus;

impl<H: Handler> Socket<'_, H> {
    /// What the application keeps of this connection.
    #[must_use]
    pub fn state(&self) -> &H::State {
        self.state
    }

    /// What the application keeps of this connection, to change it.
    pub fn state_mut(&mut self) -> &mut H::State {
        self.state
    }

    /// Sends a message that is lent, as the answers to a message mostly are. Its content is copied once, behind its
    /// header; that of a large message (64 KiB) is not if it is the one that was received, or a part of it.
    ///
    /// What a handler sends in answer to one message always finds room for the first of it, since no message is
    /// delivered while the queue is full. Where one sends more than that, it goes on in
    /// [`on_drain`](crate::Handler::on_drain):
    ///
    /// ```
    /// use longwire::{Handler, Socket};
    ///
    /// /// Sends lines until the client is behind; `on_drain` calls it again.
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

impl<H: Handler<State: std::fmt::Debug>> std::fmt::Debug for Socket<'_, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id())
            .field("peer_addr", &self.peer_addr)
            .field("state", &self.state)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
