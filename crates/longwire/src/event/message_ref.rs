//! Borrowed messages.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use crate::message::{Message, Utf8Bytes};

/// A borrowed message, still in the buffer that it was read into.
///
/// ```
/// use longwire::MessageRef;
///
/// /// The first word of a text message.
/// fn command(message: MessageRef<'_>) -> Option<&str> {
///     message.as_text()?.split_whitespace().next()
/// }
///
/// assert_eq!(command("join tea".into()), Some("join"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRef<'a> {
    /// Text.
    Text(&'a str),
    /// Any bytes.
    Binary(&'a [u8]),
}

impl<'a> MessageRef<'a> {
    /// The text, if this is a text message.
    #[must_use]
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            MessageRef::Text(text) => Some(text),
            MessageRef::Binary(_) => None,
        }
    }

    /// The content as bytes, for either kind.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            MessageRef::Text(text) => text.as_bytes(),
            MessageRef::Binary(bytes) => bytes,
        }
    }

    /// An owned copy.
    #[must_use]
    pub fn to_message(self) -> Message {
        match self {
            MessageRef::Text(text) => Message::Text(text.into()),
            MessageRef::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
        }
    }
}

impl<'a> From<&'a str> for MessageRef<'a> {
    fn from(text: &'a str) -> MessageRef<'a> {
        MessageRef::Text(text)
    }
}

impl<'a> From<&'a String> for MessageRef<'a> {
    fn from(text: &'a String) -> MessageRef<'a> {
        MessageRef::Text(text)
    }
}

impl<'a> From<&'a [u8]> for MessageRef<'a> {
    fn from(bytes: &'a [u8]) -> MessageRef<'a> {
        MessageRef::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for MessageRef<'a> {
    fn from(bytes: &'a Vec<u8>) -> MessageRef<'a> {
        MessageRef::Binary(bytes)
    }
}

impl<'a> From<&'a Message> for MessageRef<'a> {
    fn from(message: &'a Message) -> MessageRef<'a> {
        match message {
            Message::Text(text) => MessageRef::Text(text),
            Message::Binary(bytes) => MessageRef::Binary(bytes),
        }
    }
}

/// A message that [`Socket::send`](crate::Socket::send) can send: text or bytes of any type, owned or borrowed, or a
/// message. An owned one is dropped after it was sent.
///
/// ```
/// use longwire::{Handler, MessageRef, Socket};
///
/// fn answer<H: Handler<State = u32>>(socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
///     socket.send(message).or_drop();
///     socket.send("text").or_drop();
///     socket.send(format!("{} messages", socket.state())).or_drop();
///     socket.send([0xca, 0xfe]).or_drop();
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent: a message is text or bytes",
    note = "convert it to text, for example with `.to_string()` or `serde_json::to_string(&it)?`; to send an `.uncompressed()` message, use `Socket::send_message`"
)]
pub trait AsMessage {
    /// The message, borrowed.
    fn as_message(&self) -> MessageRef<'_>;
}

impl<T: AsMessage + ?Sized> AsMessage for &T {
    fn as_message(&self) -> MessageRef<'_> {
        T::as_message(self)
    }
}

impl AsMessage for MessageRef<'_> {
    fn as_message(&self) -> MessageRef<'_> {
        *self
    }
}

impl AsMessage for Message {
    fn as_message(&self) -> MessageRef<'_> {
        self.into()
    }
}

macro_rules! as_message {
    ($($kind:ident: $($type:ty),*;)*) => {
        $($(impl AsMessage for $type {
            fn as_message(&self) -> MessageRef<'_> {
                MessageRef::$kind(self)
            }
        })*)*
    };
}

as_message! {
    Text: str, String, Box<str>, Cow<'_, str>, Utf8Bytes;
    Binary: [u8], Vec<u8>, Box<[u8]>, Bytes, BytesMut;
}

impl<const N: usize> AsMessage for [u8; N] {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Binary(self)
    }
}

impl From<MessageRef<'_>> for Message {
    fn from(message: MessageRef<'_>) -> Message {
        message.to_message()
    }
}
