//! The frames that a connection sends repeatedly: a few different messages, masked and encoded once (RFC 6455 §5.2).

use std::ops::Range;
use std::sync::Arc;

use anyhow::Result;
use longwire_wire::bits::{BINARY, FIN, RSV1, TEXT};
use longwire_wire::{Mask, RawFrame, Role};

use crate::arguments::{Content, MessageShape, Speech};
use crate::deflate;

/// The series of messages, which is sent repeatedly.
#[derive(Debug)]
pub(crate) struct Frames {
    /// The series twice, so that any part of it up to its whole length is contiguous.
    encoded: Arc<[u8]>,
    /// The offset of each frame in `encoded`, and the end of the last.
    starts: Vec<usize>,
    /// The messages that come back: in an echo, those that are sent.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) opcode: u8,
}

impl Frames {
    /// Makes at least as many messages as may be unanswered at a time, to detect lost, repeated or reordered replies.
    pub(crate) fn new(shape: MessageShape, outstanding: usize, speech: Speech) -> Result<Self> {
        /// Limits the series so that it fits into the processor's caches.
        const SERIES_BYTES: usize = 64 * 1024;

        let count = outstanding.max((SERIES_BYTES / shape.size.max(1)).clamp(2, 8));
        let messages: Vec<Vec<u8>> = (0..count).map(|number| shape.message(number)).collect();
        let opcode = if shape.content == Content::Binary { BINARY } else { TEXT };
        let payloads = match speech {
            Speech::Deflate => {
                messages.iter().map(|message| deflate::compress(message)).collect::<Result<_>>()?
            }
            Speech::Tcp | Speech::Ws | Speech::Wss => messages.clone(),
        };
        let first_byte = if speech == Speech::Deflate { FIN | RSV1 | opcode } else { FIN | opcode };
        Ok(Self::encode(first_byte, &payloads, messages))
    }

    /// Text messages, each with its reply. All replies are of the same length.
    pub(crate) fn with_replies(sent: &[Vec<u8>], replies: Vec<Vec<u8>>) -> Self {
        Self::encode(FIN | TEXT, sent, replies)
    }

    fn encode(first_byte: u8, payloads: &[Vec<u8>], messages: Vec<Vec<u8>>) -> Self {
        let mut encoded = Vec::new();
        let mut starts = vec![0];
        for (number, payload) in payloads.iter().enumerate().chain(payloads.iter().enumerate()) {
            let mask = (0x9e37_79b9_u32.wrapping_mul(number as u32 + 1)).to_be_bytes();
            let frame = RawFrame::new(first_byte, payload.as_slice());
            encoded.extend(frame.masked(Mask::Key(mask)).encode(Role::Client));
            starts.push(encoded.len());
        }
        Self { encoded: encoded.into(), starts, messages, opcode: first_byte & !(FIN | RSV1) }
    }

    /// The number of different messages.
    pub(crate) fn count(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn encoded(&self) -> &Arc<[u8]> {
        &self.encoded
    }

    /// The range of `count` frames from `first` on. `count` is at most [`Frames::count`].
    pub(crate) fn range(&self, first: usize, count: usize) -> Range<usize> {
        self.starts[first]..self.starts[first + count]
    }

    /// The replies of a server that echoes every message in one frame: the whole series, once.
    pub(crate) fn replies(&self, speech: Speech) -> Vec<u8> {
        match speech {
            Speech::Tcp => self.encoded[self.range(0, self.count())].to_vec(),
            Speech::Ws | Speech::Wss | Speech::Deflate => {
                let reply = |message: &Vec<u8>| RawFrame::new(FIN | self.opcode, message.as_slice());
                self.messages.iter().flat_map(|message| reply(message).encode(Role::Server)).collect()
            }
        }
    }
}

impl MessageShape {
    fn message(&self, number: usize) -> Vec<u8> {
        match self.content {
            Content::Binary => (0..self.size).map(|at| (at * 31 + number * 17 + at / 251) as u8).collect(),
            Content::Text => {
                text(&format!("{number} "), "The quick brown fox – größer, быстрее, 速い. ", self.size)
            }
            Content::Json => json(number, self.size),
        }
    }
}

/// `beginning`, followed by repetitions of `sentence`, padded where the last character would not fit.
fn text(beginning: &str, sentence: &str, size: usize) -> Vec<u8> {
    let mut text = String::new();
    for character in beginning.chars().chain(sentence.chars().cycle()) {
        if text.len() + character.len_utf8() > size {
            break;
        }
        text.push(character);
    }
    let mut text = text.into_bytes();
    text.resize(size, b'.');
    text
}

/// A list of quotes of the given size.
fn json(number: usize, size: usize) -> Vec<u8> {
    let mut json = String::from(r#"{"type":"quotes","items":["#);
    for item in number * 1000.. {
        let price = item * 7919 % 99_991;
        let quote = format!(
            r#"{{"id":{item},"symbol":"{}","price":{}.{:02},"volume":{},"open":{}}},"#,
            ["ACME", "GLOBEX", "INITECH", "UMBRELLA"][item % 4],
            price / 100,
            price % 100,
            item * 104_729 % 10_007,
            item % 3 == 0,
        );
        if json.len() + quote.len() + 2 > size {
            break;
        }
        json.push_str(&quote);
    }
    json.pop();
    json.push_str("]}");
    let mut json = json.into_bytes();
    json.resize(size, b' ');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(size: usize, content: Content, outstanding: usize) -> Frames {
        Frames::new(MessageShape { size, content }, outstanding, Speech::Ws).unwrap()
    }

    #[test]
    fn a_reply_is_one_unmasked_frame() {
        let frames = frames(3, Content::Binary, 1);
        let replies = frames.replies(Speech::Ws);
        assert_eq!(replies[..2], [0x82, 3]);
        assert_eq!(replies[2..5], frames.messages[0]);
        assert_eq!(replies.len(), frames.count() * 5);
    }

    #[test]
    fn messages_have_their_size_and_text_is_utf8() {
        for (content, sizes) in [
            (Content::Binary, [1, 16, 125, 16 * 1024]),
            (Content::Text, [4, 16, 125, 16 * 1024]),
            (Content::Json, [125, 256, 1024, 16 * 1024]),
        ] {
            for size in sizes {
                let frames = frames(size, content, 1);
                for message in &frames.messages {
                    assert_eq!(message.len(), size);
                    assert!(content == Content::Binary || std::str::from_utf8(message).is_ok());
                }
                assert_ne!(frames.messages[0], frames.messages[1]);
            }
        }
    }

    #[test]
    fn a_part_that_goes_over_the_end_begins_again() {
        let frames = frames(200, Content::Text, 32);
        assert_eq!(frames.count(), 32);
        let last_and_first = frames.range(31, 2);
        assert_eq!(last_and_first.len(), 2 * 208);
        assert_eq!(
            frames.encoded()[last_and_first.start + 208..][..208],
            frames.encoded()[frames.range(0, 1)]
        );
    }
}
