//! Messages of one short frame that is complete in the buffer.
//!
//! A busy connection mostly exchanges such messages. Reading one step by step, as [`decoder`](crate::decoder) does,
//! takes longer than all of its checks; so does sending one by way of a [`Header`](crate::Header). Anything else,
//! including any invalid frame, is left to those modules: this one only recognizes valid short messages.

use std::borrow::Cow;

use crate::assembler::MessageKind;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::limits::Limits;
use crate::mask::Mask;
use crate::received::Received;
use crate::short_text;
use crate::utf8::{self, InvalidUtf8};

/// The first two bytes of a frame with a short length (RFC 6455 §5.2), and a masking key.
const MASKED_HEADER: usize = 6;
const HEADER: usize = 2;
const MASK_BIT: u8 = 0x80;

/// A message of a client.
#[inline(always)]
pub(crate) fn masked<'b>(
    received: &mut Received<'b>,
    limits: &Limits,
) -> Option<Result<Event<'b>, ProtocolError>> {
    let [first, second] = *received.peek().first_chunk::<2>()?;
    let (kind, len) = whole_and_short(first, second ^ MASK_BIT, limits)?;
    let frame = received.take_exact(MASKED_HEADER + len)?;
    let (&mut [_, _, a, b, c, d], payload) = frame.split_first_chunk_mut::<MASKED_HEADER>()?;
    let key = [a, b, c, d];
    Some(match kind {
        MessageKind::Text => text(short_text::unmasked(key, payload)),
        MessageKind::Binary => {
            Mask::new(key).apply(payload);
            Ok(Event::Binary(Cow::Borrowed(payload)))
        }
    })
}

/// A message of a server.
#[inline(always)]
pub(crate) fn unmasked<'b>(
    received: &mut Received<'b>,
    limits: &Limits,
) -> Option<Result<Event<'b>, ProtocolError>> {
    let [first, second] = *received.peek().first_chunk::<2>()?;
    let (kind, len) = whole_and_short(first, second, limits)?;
    let payload = received.take_exact(HEADER + len)?.get(HEADER..)?;
    Some(match kind {
        MessageKind::Text => text(utf8::whole(payload)),
        MessageKind::Binary => Ok(Event::Binary(Cow::Borrowed(payload))),
    })
}

/// The header of a server's message in one short frame; `None` if it is not short.
#[inline]
pub(crate) fn header(kind: MessageKind, len: usize) -> Option<[u8; HEADER]> {
    let first = match kind {
        MessageKind::Text => 0x81,
        MessageKind::Binary => 0x82,
    };
    let len = u8::try_from(len).ok().filter(|len| *len <= 125)?;
    Some([first, len])
}

/// Parses the first two bytes of a frame, without the mask bit: FIN, no reserved bit, text or binary, and the length.
#[inline]
fn whole_and_short(first: u8, second: u8, limits: &Limits) -> Option<(MessageKind, usize)> {
    let kind = match first {
        0x81 => MessageKind::Text,
        0x82 => MessageKind::Binary,
        _ => return None,
    };
    let len = usize::from(second);
    (len <= 125 && len <= limits.message).then_some((kind, len))
}

#[inline]
fn text(text: Result<&str, InvalidUtf8>) -> Result<Event<'_>, ProtocolError> {
    match text {
        Ok(text) => Ok(Event::Text(Cow::Borrowed(text))),
        Err(InvalidUtf8) => Err(ProtocolError::TextNotUtf8),
    }
}
