//! A handle with which other threads reach a connection.

use std::fmt;
use std::sync::Arc;

use longwire_proto::{CloseFrame, InvalidClose};

use super::key::SocketId;
use super::mailbox::{Allowance, Mail, Mailbox, cost_of_message};
use crate::message::Outgoing;
use crate::send_status::SendStatus;

/// Reaches a connection of an event loop from any thread. It is cheap to clone and does not keep the connection open.
///
/// ```
/// use longwire::{Handler, MessageRef, Socket};
///
/// /// Answers later, from another thread, because the event loop must not wait.
/// fn on_message<H: Handler>(socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
///     let (remote, question) = (socket.remote(), message.to_message());
///     std::thread::spawn(move || {
///         // The answer is lost if the client has left.
///         remote.send(format!("you said {question}")).or_drop();
///     });
/// }
/// ```
#[derive(Clone)]
pub struct Remote {
    pub(super) id: SocketId,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) allowance: Arc<Allowance>,
    /// The bound on waiting bytes, counting each message's overhead: the connection's high-water mark.
    pub(super) ceiling: usize,
}

impl Remote {
    /// Sends a message. The connection's loop queues messages in the order of the calls. Never waits.
    ///
    /// [`Limits::high_water`](crate::Limits::high_water) bounds the messages that the loop has not taken yet. Each
    /// counts for its content plus some hundred bytes of overhead.
    pub fn send(&self, message: impl Into<Outgoing>) -> SendStatus {
        let message = message.into();
        if self.allowance.is_over() {
            return SendStatus::Closed;
        }
        if !self.allowance.take(cost_of_message(&message), self.ceiling) {
            return SendStatus::Full;
        }
        let allowance = Arc::clone(&self.allowance);
        self.mailbox.put(Mail::Send { to: self.id.key(), message, allowance });
        SendStatus::Queued
    }

    /// Begins the closing handshake (RFC 6455 §7.1.2) after the messages sent before.
    ///
    /// # Errors
    ///
    /// The code is one that must not be sent, or the reason is longer than 123 bytes.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), InvalidClose> {
        let frame = CloseFrame::new(code, reason)?;
        self.mailbox.put(Mail::Close { to: self.id.key(), frame: Some(frame) });
        Ok(())
    }

    /// Identifies the connection; see [`Socket::id`](crate::Socket::id).
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// Whether messages can be sent: the connection is not closing and has not ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.allowance.is_over()
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("id", &self.id)
            .field("is_open", &self.is_open())
            .finish_non_exhaustive()
    }
}
