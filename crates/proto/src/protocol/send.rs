//! What the application sends.

use bytes::Bytes;

use super::Protocol;
use crate::assembler::MessageKind;
use crate::error::SendError;
use crate::liveness::numbered;
use crate::opcode::ControlOpcode;
use crate::prepared::Prepared;
use crate::sending::Last;

impl Protocol {
    /// Queues a text message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] or [`SendError::MessageUnfinished`].
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.send_message(MessageKind::Text, text.as_bytes())
    }

    /// Queues a binary message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] or [`SendError::MessageUnfinished`].
    pub fn send_binary(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_message(MessageKind::Binary, payload)
    }

    /// Queues a message whose payload, if it is large (64 KiB, or 8 KiB if no buffer was
    /// [lent](Protocol::lend_buffer)), is not copied. The caller vouches that the bytes of a
    /// text message are UTF-8: the peer would fail the connection over them.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] or [`SendError::MessageUnfinished`].
    pub fn send_bytes(&mut self, kind: MessageKind, payload: Bytes) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.message_bytes(kind, payload, &self.config)?;
        self.liveness.message();
        Ok(())
    }

    /// Queues a message like [`send_bytes`](Protocol::send_bytes), and does not compress it: for content that is
    /// compressed already, or that must not shrink by what an attacker knows of it (RFC 7692 §9).
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] or [`SendError::MessageUnfinished`].
    pub fn send_uncompressed(&mut self, kind: MessageKind, payload: Bytes) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.uncompressed(kind, payload, &self.config)?;
        self.liveness.message();
        Ok(())
    }

    /// Queues a message that others are sent too. It is compressed once for all who compress with the same window;
    /// after it, the messages of this connection do not refer to those before it.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] or [`SendError::MessageUnfinished`].
    pub fn send_prepared(&mut self, message: &Prepared) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.prepared(message, &self.config)?;
        self.liveness.message();
        Ok(())
    }

    /// Queues one fragment of a message (RFC 6455 §5.4). The first one sets the kind, the others continue it; `last`
    /// ends the message. Pings and pongs may come between, other messages not.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn send_fragment(&mut self, kind: MessageKind, payload: &[u8], last: Last) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.fragment(kind, payload, last, &self.config);
        self.liveness.message();
        Ok(())
    }

    /// The kind of the message that [`send_fragment`](Protocol::send_fragment) has begun and not ended.
    #[must_use]
    pub fn unfinished_message(&self) -> Option<MessageKind> {
        self.sending.unfinished()
    }

    /// Queues a ping.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], or [`SendError::ControlTooLong`] for more than 125 bytes.
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.control(ControlOpcode::Ping, payload, &self.config)
    }

    /// Queues a ping whose payload is a number, which is given: when its pong has come,
    /// [`is_answered`](Protocol::is_answered) says so.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn send_numbered_ping(&mut self) -> Result<u32, SendError> {
        self.may_send()?;
        Ok(self.ping())
    }

    /// Whether the pong to this ping has come, or one to a later ping: a peer may answer only the newest (§5.5.3).
    #[must_use]
    pub fn is_answered(&self, number: u32) -> bool {
        self.liveness.is_answered(number)
    }

    pub(super) fn ping(&mut self) -> u32 {
        let number = self.liveness.next_number();
        // A number is short enough, so this cannot fail.
        let _fits = self.sending.control(ControlOpcode::Ping, &numbered(number), &self.config);
        number
    }

    /// Queues a pong that nobody asked for (§5.5.3). Pings are answered without it.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], or [`SendError::ControlTooLong`] for more than 125 bytes.
    pub fn send_pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.control(ControlOpcode::Pong, payload, &self.config)
    }

    // Beside what it calls, which is in another file: else a short message takes 3 % more instructions.
    #[inline(always)]
    fn send_message(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.message(kind, payload, &self.config)?;
        self.liveness.message();
        Ok(())
    }

    fn may_send(&self) -> Result<(), SendError> {
        if self.is_open() { Ok(()) } else { Err(SendError::Closed) }
    }
}
