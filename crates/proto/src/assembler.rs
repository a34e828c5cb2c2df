//! Assembles fragments into a message (RFC 6455 §5.4).

use std::borrow::Cow;

use bytes::BufMut;
use bytes::buf::Limit;

use crate::error::ProtocolError;
use crate::event::Event;
use crate::limits::Limits;
use crate::mask::Mask;
use crate::utf8::Utf8Text;

/// The least room for a payload that is read straight into its message.
const MIN_DIRECT: usize = 64 << 10;

/// At this many bytes, a part is delivered before more is read.
const FULL_PART: usize = 64 << 10;

/// Whether a message is text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// The encoding of a message's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    /// With permessage-deflate (RFC 7692 §6).
    Compressed,
}

/// How messages are delivered to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// As they arrive, so that nothing has to hold a whole message.
    InParts,
}

/// A message that is partly received. It holds the received bytes, and at most the same amount of free room.
#[derive(Debug)]
pub(crate) struct Assembly {
    content: Content,
    coding: Coding,
    /// The payload lengths of all frames, including the current one.
    declared: u64,
    fragments: u32,
}

#[derive(Debug)]
enum Content {
    Text(Utf8Text),
    Binary {
        bytes: Vec<u8>,
        /// How many of them are unmasked; the rest was read straight into `bytes`.
        unmasked: usize,
    },
}

impl Assembly {
    pub(crate) fn new(kind: MessageKind, coding: Coding) -> Assembly {
        let content = match kind {
            MessageKind::Text => Content::Text(Utf8Text::default()),
            MessageKind::Binary => Content::Binary { bytes: Vec::new(), unmasked: 0 },
        };
        Assembly { content, coding, declared: 0, fragments: 0 }
    }

    /// Admits another frame of `len` bytes, before any of its payload is read. `longest` is the limit for the message.
    #[inline]
    pub(crate) fn begin_frame(
        &mut self,
        len: u64,
        longest: usize,
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        self.fragments += 1;
        if self.fragments > limits.fragments {
            return Err(ProtocolError::TooManyFragments { limit: limits.fragments });
        }
        self.declared = self.declared.saturating_add(len);
        within_limit(self.declared, self.coding, longest)
    }

    /// How many bytes it has allocated.
    pub(crate) fn held(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.capacity(),
            Content::Binary { bytes, .. } => bytes.capacity(),
        }
    }

    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }

    /// Appends the next piece of the content.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        match &mut self.content {
            Content::Text(text) => text.push(piece).map_err(|_| ProtocolError::TextNotUtf8),
            Content::Binary { bytes, unmasked } => {
                bytes.extend_from_slice(piece);
                *unmasked = bytes.len();
                Ok(())
            }
        }
    }

    /// Room at the end of a binary message for at most `remaining` bytes, to read its payload into.
    ///
    /// The room grows with the bytes received, never with the declared length.
    pub(crate) fn room(&mut self, remaining: usize) -> Option<Limit<&mut Vec<u8>>> {
        let (Content::Binary { bytes, .. }, Coding::Plain) = (&mut self.content, self.coding) else {
            return None;
        };
        if bytes.len() == bytes.capacity() {
            bytes.reserve_exact(remaining.min(bytes.len().max(MIN_DIRECT)));
        }
        let room = bytes.capacity() - bytes.len();
        Some(bytes.limit(remaining.min(room)))
    }

    /// Unmasks the bytes that were read straight into the message since the last call, and returns how many they were.
    #[inline]
    pub(crate) fn unmask_direct(&mut self, mask: &mut Option<Mask>) -> usize {
        let Content::Binary { bytes, unmasked } = &mut self.content else { return 0 };
        let arrived = bytes.get_mut(*unmasked..).unwrap_or_default();
        if let Some(mask) = mask {
            mask.apply(arrived);
        }
        let count = arrived.len();
        *unmasked = bytes.len();
        count
    }

    /// Whether enough has arrived to deliver a part before reading on. A compressed payload may inflate to a thousand
    /// times the bytes read.
    pub(crate) fn is_full_part(&self, delivery: Delivery) -> bool {
        delivery == Delivery::InParts && self.len() >= FULL_PART
    }

    /// Takes the bytes that have arrived since the last part; `None` if there are none.
    pub(crate) fn take_part<'b>(&mut self) -> Option<Event<'b>> {
        if !self.has_part() {
            return None;
        }
        self.fragments = 0;
        Some(match &mut self.content {
            Content::Text(text) => Event::TextPart(Cow::Owned(text.take())),
            Content::Binary { bytes, unmasked } => {
                *unmasked = 0;
                Event::BinaryPart(Cow::Owned(part_of(std::mem::take(bytes))))
            }
        })
    }

    /// Whether something has arrived since the last part.
    pub(crate) fn has_part(&self) -> bool {
        self.len() > 0
    }

    fn len(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.len(),
            Content::Binary { bytes, .. } => bytes.len(),
        }
    }

    /// The message, or the rest of it after its parts, once its last frame is complete.
    pub(crate) fn finish<'b>(self) -> Result<Event<'b>, ProtocolError> {
        match self.content {
            Content::Text(text) => {
                let text = text.finish().map_err(|_| ProtocolError::TextNotUtf8)?;
                Ok(Event::Text(Cow::Owned(text)))
            }
            Content::Binary { bytes, .. } => Ok(Event::Binary(Cow::Owned(bytes))),
        }
    }
}

/// Shrinks a part that fills less than half of its buffer: an application that keeps parts would otherwise keep many
/// times the bytes that the peer sent.
fn part_of(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() < bytes.capacity() / 2 {
        bytes.shrink_to_fit();
    }
    bytes
}

/// The longest accepted message, in bytes.
#[inline]
pub(crate) fn longest(delivery: Delivery, limits: &Limits) -> usize {
    match delivery {
        Delivery::Whole => limits.message,
        Delivery::InParts => limits.message.max(limits.streamed),
    }
}

/// Checks the length of a message, or of its frames up to now, against the [longest].
#[inline]
pub(crate) fn within_limit(len: u64, coding: Coding, longest: usize) -> Result<(), ProtocolError> {
    let most = match coding {
        Coding::Plain => longest,
        // Incompressible content grows: by an eighth where each byte takes nine bits (RFC 1951 §3.2.6). Inflating shows
        // whether the content is too long.
        Coding::Compressed => longest.saturating_add(longest / 8).saturating_add(64),
    };
    match usize::try_from(len) {
        Ok(len) if len <= most => Ok(()),
        _ => Err(ProtocolError::MessageTooBig { limit: longest }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_become_one_message() {
        let mut text = Assembly::new(MessageKind::Text, Coding::Plain);
        for piece in [&b"caf"[..], b"\xc3", b"", b"\xa9"] {
            text.begin_frame(piece.len() as u64, 10, &Limits::default()).unwrap();
            text.push(piece).unwrap();
        }
        assert_eq!(text.finish(), Ok(Event::Text("café".into())));

        let mut binary = Assembly::new(MessageKind::Binary, Coding::Plain);
        binary.push(b"\xff\0").unwrap();
        binary.push(b"\x01").unwrap();
        assert_eq!(binary.finish(), Ok(Event::Binary(b"\xff\0\x01"[..].into())));
    }

    #[test]
    fn text_fails_at_the_first_byte_that_is_not_utf8() {
        let mut text = Assembly::new(MessageKind::Text, Coding::Plain);
        assert_eq!(text.push(b"caf\xc3"), Ok(()));
        assert_eq!(text.push(b"\x28"), Err(ProtocolError::TextNotUtf8));

        let mut text = Assembly::new(MessageKind::Text, Coding::Plain);
        text.push(b"caf\xc3").unwrap();
        assert_eq!(text.finish(), Err(ProtocolError::TextNotUtf8));
    }

    #[test]
    fn limits_count_what_is_declared_and_empty_fragments_too() {
        let limits = Limits::default().message(10).fragments(3);
        let mut message = Assembly::new(MessageKind::Binary, Coding::Plain);
        assert_eq!(message.begin_frame(10, 10, &limits), Ok(()));
        assert_eq!(message.begin_frame(0, 10, &limits), Ok(()));
        assert_eq!(message.begin_frame(1, 10, &limits), Err(ProtocolError::MessageTooBig { limit: 10 }));
        assert_eq!(message.begin_frame(0, 10, &limits), Err(ProtocolError::TooManyFragments { limit: 3 }));

        let mut message = Assembly::new(MessageKind::Binary, Coding::Plain);
        message.begin_frame(9, 10, &limits).unwrap();
        let wrapping = message.begin_frame(u64::MAX, 10, &limits);
        assert_eq!(wrapping, Err(ProtocolError::MessageTooBig { limit: 10 }));
    }

    #[test]
    fn room_follows_what_arrived_not_what_was_declared() {
        let mut message = Assembly::new(MessageKind::Binary, Coding::Plain);
        let room = message.room(1 << 40).unwrap().remaining_mut();
        assert_eq!(room, MIN_DIRECT);

        let mut arrived = 0;
        while arrived < 1 << 20 {
            let mut room = message.room(1 << 40).unwrap();
            let count = room.remaining_mut();
            assert!(count <= arrived.max(MIN_DIRECT), "room for {count} bytes when {arrived} have arrived");
            room.put_bytes(0, count);
            assert_eq!(message.unmask_direct(&mut None), count);
            arrived += count;
        }
        assert!(Assembly::new(MessageKind::Text, Coding::Plain).room(1).is_none());
        assert!(Assembly::new(MessageKind::Binary, Coding::Compressed).room(1).is_none());
    }

    #[test]
    fn what_is_read_straight_into_the_message_is_unmasked_once() {
        let key = [1, 2, 3, 4];
        let mut mask = Some(Mask::new(key));
        let mut message = Assembly::new(MessageKind::Binary, Coding::Plain);
        let mut first = *b"\x01\x03\x01";
        mask.as_mut().unwrap().apply(&mut first);
        message.push(&first).unwrap();
        message.room(3).unwrap().put_slice(&[4, 1, 2]);
        assert_eq!(message.unmask_direct(&mut mask), 3);
        assert_eq!(message.unmask_direct(&mut mask), 0);
        assert_eq!(message.finish(), Ok(Event::Binary(b"\x00\x01\x02\x00\x00\x00"[..].into())));
        assert_eq!(Assembly::new(MessageKind::Text, Coding::Plain).unmask_direct(&mut None), 0);
    }

    #[test]
    fn room_never_reaches_past_the_frame() {
        let mut message = Assembly::new(MessageKind::Binary, Coding::Plain);
        assert_eq!(message.room(5).unwrap().remaining_mut(), 5);
        assert_eq!(message.room(3).unwrap().remaining_mut(), 3);
    }
}
