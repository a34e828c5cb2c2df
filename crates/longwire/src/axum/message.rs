//! Messages in axum's form, which include control frames.

use axum_core::Error;
use bytes::Bytes;
use longwire_proto::{CloseFrame as FrameToSend, Closed, InvalidClose};

pub use crate::message::Utf8Bytes;

/// The number that says why a connection was closed (RFC 6455 §7.4). [`close_code`](super::close_code) names the
/// common ones.
///
/// ```
/// use longwire::axum::{CloseCode, close_code};
///
/// let code: CloseCode = close_code::AWAY;
/// assert_eq!(code, 1001);
/// ```
pub type CloseCode = u16;

/// The content of a Close frame (RFC 6455 §5.5.1).
///
/// ```
/// use longwire::axum::{CloseFrame, Message, WebSocket, close_code};
///
/// async fn leave(mut socket: WebSocket) {
///     let frame = CloseFrame { code: close_code::NORMAL, reason: "goodbye".into() };
///     let _ = socket.send(Message::Close(Some(frame))).await;
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    /// The reason as a number.
    pub code: CloseCode,
    /// The reason in words: at most 123 bytes; may be empty.
    pub reason: Utf8Bytes,
}

/// A message, or a control frame.
///
/// ```
/// use longwire::axum::Message;
///
/// let message = Message::text("Hello");
/// assert_eq!(message.to_text().ok(), Some("Hello"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(Utf8Bytes),
    /// Any bytes.
    Binary(Bytes),
    /// A ping, with at most 125 bytes. A received ping has already been answered.
    Ping(Bytes),
    /// A pong, with at most 125 bytes.
    Pong(Bytes),
    /// A Close frame. Sending one begins the closing handshake. A received one has already been answered and is the
    /// last message. `None`: without a code.
    Close(Option<CloseFrame>),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Utf8Bytes>) -> Message {
        Message::Text(text.into())
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Message {
        Message::Binary(bytes.into())
    }

    /// Returns the content as bytes; of a Close frame, the reason.
    #[must_use]
    pub fn into_data(self) -> Bytes {
        match self {
            Message::Text(text) => text.into_bytes(),
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes,
            Message::Close(frame) => frame.map(|frame| frame.reason.into_bytes()).unwrap_or_default(),
        }
    }

    /// Returns the content as text; of a Close frame, the reason.
    ///
    /// # Errors
    ///
    /// The content is not UTF-8.
    pub fn into_text(self) -> Result<Utf8Bytes, Error> {
        match self {
            Message::Text(text) => Ok(text),
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => {
                Utf8Bytes::try_from(bytes).map_err(Error::new)
            }
            Message::Close(frame) => Ok(frame.map(|frame| frame.reason).unwrap_or_default()),
        }
    }

    /// Borrows the content as text; of a Close frame, the reason.
    ///
    /// # Errors
    ///
    /// The content is not UTF-8.
    pub fn to_text(&self) -> Result<&str, Error> {
        match self {
            Message::Text(text) => Ok(text),
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => {
                std::str::from_utf8(bytes).map_err(Error::new)
            }
            Message::Close(frame) => Ok(frame.as_ref().map_or("", |frame| &frame.reason)),
        }
    }
}

impl CloseFrame {
    /// The Close frame of the peer, if the connection was closed cleanly and the frame had a code.
    pub(super) fn of_peer(closed: &Closed) -> Option<CloseFrame> {
        (closed.code != longwire_proto::CloseCode::NO_STATUS)
            .then(|| CloseFrame { code: closed.code.get(), reason: closed.reason.as_str().into() })
    }

    /// The frame to send, if its code and reason are valid.
    pub(super) fn to_send(&self) -> Result<FrameToSend, InvalidClose> {
        FrameToSend::new(self.code, self.reason.as_str())
    }
}

impl From<crate::message::Message> for Message {
    fn from(message: crate::message::Message) -> Message {
        match message {
            crate::message::Message::Text(text) => Message::Text(text),
            crate::message::Message::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message::Text(text.into())
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message::Text(text.into())
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Message {
        Message::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Message {
        Message::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Message {
        Message::Binary(bytes.into())
    }
}

impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Vec<u8> {
        message.into_data().into()
    }
}
