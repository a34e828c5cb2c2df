//! Sending for the application.

use bytes::Bytes;

use super::Protocol;
use crate::assembler::MessageKind;
use crate::error::SendError;
use crate::liveness::numbered;
use crate::opcode::ControlOpcode;
use crate::prepared::{Prepared, PreparedFrame};
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

    /// Queues a message without copying its payload, if it is large: 64 KiB, or 8 KiB if no buffer was
    /// [lent](Protocol::lend_buffer). The caller must make sure that a text message is valid UTF-8: otherwise the peer
    /// fails the connection.
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

    /// Queues a message like [`send_bytes`](Protocol::send_bytes), without compression: for content that is compressed
    /// already, or whose compressed length must not reveal anything to an attacker (RFC 7692 §9).
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

    /// Queues a message that goes to several connections. It is compressed once for all connections that use the same
    /// window. The next message of this connection does not refer to the messages before this one.
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

    /// Queues a message like [`send_prepared`](Protocol::send_prepared). If nothing else waits to be written, and the
    /// connection neither masks nor compresses, it shares the encoded frame.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] or [`SendError::MessageUnfinished`].
    pub fn send_prepared_frame(&mut self, frame: &PreparedFrame<'_>) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.prepared_frame(frame, &self.config)?;
        self.liveness.message();
        Ok(())
    }

    /// Queues one fragment of a message (RFC 6455 §5.4). The first fragment sets the kind, the others continue the
    /// message, and `last` ends it. Pings and pongs may be sent between fragments, other messages may not.
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

    /// The kind of the message that [`send_fragment`](Protocol::send_fragment) has begun but not finished.
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

    /// Queues a ping whose payload is a number, and returns the number. [`is_answered`](Protocol::is_answered) reports
    /// whether its pong has arrived.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn send_numbered_ping(&mut self) -> Result<u32, SendError> {
        self.may_send()?;
        Ok(self.ping())
    }

    /// Whether the pong to this ping, or to a later one, has arrived: a peer may answer only the newest ping (§5.5.3).
    #[must_use]
    pub fn is_answered(&self, number: u32) -> bool {
        self.liveness.is_answered(number)
    }

    pub(super) fn ping(&mut self) -> u32 {
        let number = self.liveness.next_number();
        // The payload is short enough, so this cannot fail.
        let _fits = self.sending.control(ControlOpcode::Ping, &numbered(number), &self.config);
        number
    }

    /// Queues an unsolicited pong (§5.5.3). Pings are answered automatically.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], or [`SendError::ControlTooLong`] for more than 125 bytes.
    pub fn send_pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.may_send()?;
        self.sending.control(ControlOpcode::Pong, payload, &self.config)
    }

    // Inlined, because the functions that it calls are in another file: otherwise a short message takes 3 % more
    // instructions.
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
