//! Events: the output of reading.

use std::borrow::Cow;

use crate::close_frame::CloseFrame;

/// Something that arrived. Events come in the order of arrival.
///
/// A message or payload that is complete in the read buffer borrows from it. One that arrived in pieces is owned and
/// can be taken without a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'b> {
    /// A text message.
    Text(Cow<'b, str>),
    /// A binary message.
    Binary(Cow<'b, [u8]>),
    /// A part of an incomplete text message; only from [`Protocol::next_part`](crate::Protocol::next_part). Further
    /// parts follow, and finally a [`Text`](Event::Text) with the rest of the message, which may be empty. If a Close
    /// frame or an error comes first, the message remains incomplete.
    TextPart(Cow<'b, str>),
    /// A part of an incomplete binary message, like [`TextPart`](Event::TextPart).
    BinaryPart(Cow<'b, [u8]>),
    /// A ping. Its pong has been queued already (RFC 6455 §5.5.2).
    Ping(Cow<'b, [u8]>),
    /// A pong, solicited or not (§5.5.3).
    Pong(Cow<'b, [u8]>),
    /// The peer's Close frame; `None` if it has no code. The last event of a connection. If this end has not sent a
    /// Close frame, its answer is queued already (§5.5.1).
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
