//! Messages to clients.

use bytes::Bytes;
use longwire::{Message, MessageRef, Utf8Bytes};

/// A message to a client, encoded once for all its receivers: a clone shares the bytes.
///
/// ```
/// use longwire_socketio::engine::EngineMessage;
///
/// let event = EngineMessage::text_with(32, |text| text.push_str(r#"2["news","rain"]"#));
/// assert_eq!(event, EngineMessage::text(r#"2["news","rain"]"#));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineMessage {
    /// The content of the WebSocket message: text behind the packet's type, binary as it is.
    packet: Message,
}

impl EngineMessage {
    /// The type of a packet that carries text.
    pub(crate) const MESSAGE: char = '4';

    /// A text message. The text is copied once, behind the type of the packet.
    #[must_use]
    pub fn text(content: &str) -> EngineMessage {
        EngineMessage::text_with(content.len(), |text| text.push_str(content))
    }

    /// A text message that `write` appends to the string it gets, without another copy. `capacity` is the expected length in
    /// bytes.
    #[must_use]
    pub fn text_with(capacity: usize, write: impl FnOnce(&mut String)) -> EngineMessage {
        let mut text = String::with_capacity(capacity.saturating_add(1));
        text.push(Self::MESSAGE);
        write(&mut text);
        EngineMessage::of_packet(text)
    }

    /// A binary message.
    #[must_use]
    pub fn binary(content: impl Into<Bytes>) -> EngineMessage {
        EngineMessage { packet: Message::Binary(content.into()) }
    }

    /// The content: what the client's application receives.
    #[must_use]
    pub fn content(&self) -> MessageRef<'_> {
        match &self.packet {
            Message::Text(text) => MessageRef::Text(text.strip_prefix(Self::MESSAGE).unwrap_or_default()),
            Message::Binary(bytes) => MessageRef::Binary(bytes),
        }
    }

    /// A text message, as a WebSocket carries it: `packet` begins with [`EngineMessage::MESSAGE`].
    pub(crate) fn of_packet(packet: String) -> EngineMessage {
        EngineMessage { packet: Message::Text(Utf8Bytes::from(packet)) }
    }

    /// The message as a WebSocket carries it.
    pub(crate) fn into_packet(self) -> Message {
        self.packet
    }
}

impl From<MessageRef<'_>> for EngineMessage {
    fn from(content: MessageRef<'_>) -> EngineMessage {
        match content {
            MessageRef::Text(text) => EngineMessage::text(text),
            MessageRef::Binary(bytes) => EngineMessage::binary(Bytes::copy_from_slice(bytes)),
        }
    }
}
