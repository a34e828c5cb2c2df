//! What arrives.

use std::borrow::Cow;

use crate::close_frame::CloseFrame;

/// What arrived, in the order it arrived.
///
/// A message or payload that lies whole in the buffer it was read into is lent from there; one that came in pieces is
/// owned and can be taken without a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'b> {
    /// A text message.
    Text(Cow<'b, str>),
    /// A binary message.
    Binary(Cow<'b, [u8]>),
    /// A part of a text message that is not whole, from [`Protocol::next_part`](crate::Protocol::next_part) only. The rest
    /// of the message follows, in further parts and at last a [`Text`](Event::Text), which may be empty; unless a Close
    /// frame or an error comes before, and the message is never whole.
    TextPart(Cow<'b, str>),
    /// A part of a binary message that is not whole, as [`TextPart`](Event::TextPart) is one of a text.
    BinaryPart(Cow<'b, [u8]>),
    /// A ping. Its pong has been queued already (RFC 6455 §5.5.2).
    Ping(Cow<'b, [u8]>),
    /// A pong, asked for or not (§5.5.3).
    Pong(Cow<'b, [u8]>),
    /// The peer's Close frame; `None` if it has no code. The last event of a connection. If it was the first Close frame
    /// of the two, the answer to it has been queued (§5.5.1).
    Close(Option<CloseFrame>),
}

impl Event<'_> {
    /// The same event, independent of the buffer it arrived in.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Event::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
            Event::Binary(payload) => Event::Binary(Cow::Owned(payload.into_owned())),
            Event::TextPart(text) => Event::TextPart(Cow::Owned(text.into_owned())),
            Event::BinaryPart(payload) => Event::BinaryPart(Cow::Owned(payload.into_owned())),
            Event::Ping(payload) => Event::Ping(Cow::Owned(payload.into_owned())),
            Event::Pong(payload) => Event::Pong(Cow::Owned(payload.into_owned())),
            Event::Close(frame) => Event::Close(frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owned_event_equals_the_lent_one() {
        let frame = CloseFrame::new(1000, "bye").ok();
        let events = [
            Event::Text("a".into()),
            Event::Binary(b"b"[..].into()),
            Event::TextPart("a".into()),
            Event::BinaryPart(b"b"[..].into()),
            Event::Ping(b"c"[..].into()),
            Event::Pong(b"d"[..].into()),
            Event::Close(frame),
        ];
        for event in events {
            assert_eq!(event.clone().into_owned(), event);
        }
    }
}
