//! The messages of a run: a few different ones, sent again and again, with their frames encoded once (RFC 6455 §5.2).
//!
//! The position in the series says which message an answer belongs to. An answer that skips, repeats or changes one is
//! therefore noticed, without a counter in the messages.

use std::ops::Range;

use longwire_proto::deflate::{Compression, Compressor, Deflate, Retain, WindowBits};
use longwire_proto::{ControlLen, ControlOpcode, DataOpcode, FrameKind, Header, ReservedBits};

use crate::plan_error::PlanError;

/// How messages travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Coding {
    /// As they are.
    #[default]
    Plain,
    /// Compressed by permessage-deflate, each by itself (RFC 7692 §7.1.1).
    Deflate,
    /// As frames of a client over plain TCP, without a handshake. The peer sends every byte back.
    Tcp,
}

/// Whether messages are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// Messages, which are sent again and again in this order.
#[derive(Debug)]
pub struct Series {
    /// The frames of the series twice, so that any part of up to its whole length is contiguous.
    encoded: Vec<u8>,
    /// Where each frame begins in `encoded`, and where the last one ends.
    starts: Vec<usize>,
    /// The length of each message.
    lengths: Vec<usize>,
    /// What comes back: in an echo, what was sent.
    replies: Vec<Vec<u8>>,
    kind: Kind,
    coding: Coding,
}

/// The longest series, in bytes of its messages.
const LONGEST: usize = 64 << 20;

impl Series {
    /// A series of messages that come back as they are.
    ///
    /// # Errors
    ///
    /// There is no message, or there are too many, or text is not UTF-8.
    pub fn new(messages: Vec<Vec<u8>>, kind: Kind, coding: Coding) -> Result<Series, PlanError> {
        Series::build(&messages.clone(), messages, kind, coding)
    }

    /// A series of text messages, each with the message that answers it.
    ///
    /// # Errors
    ///
    /// As [`Series::new`].
    pub fn with_replies(
        messages: &[Vec<u8>],
        replies: Vec<Vec<u8>>,
        coding: Coding,
    ) -> Result<Series, PlanError> {
        Series::build(messages, replies, Kind::Text, coding)
    }

    fn build(
        messages: &[Vec<u8>],
        replies: Vec<Vec<u8>>,
        kind: Kind,
        coding: Coding,
    ) -> Result<Series, PlanError> {
        let total = messages.iter().map(Vec::len).sum::<usize>();
        if messages.is_empty() || total > LONGEST {
            return Err(PlanError::new("the messages must be at least one, and at most 64 MiB together"));
        }
        if kind == Kind::Text && messages.iter().any(|message| std::str::from_utf8(message).is_err()) {
            return Err(PlanError::new("a message is not UTF-8, as text must be; send it as binary"));
        }
        let mut frames = Vec::with_capacity(messages.len());
        let mut compressor = compressor();
        for message in messages {
            let mut frame = Vec::with_capacity(message.len() + 14);
            let mut compressed = Vec::new();
            let (payload, reserved) = match coding {
                Coding::Deflate if compressor.compress(message, &mut compressed) == Compression::Applied => {
                    (&compressed, ReservedBits::RSV1)
                }
                _ => (message, ReservedBits::NONE),
            };
            encode(opcode(kind), reserved, payload, &mut frame);
            frames.push(frame);
        }
        let mut series = Series {
            encoded: Vec::with_capacity(2 * frames.iter().map(Vec::len).sum::<usize>()),
            starts: vec![0],
            lengths: messages.iter().map(Vec::len).collect(),
            replies,
            kind,
            coding,
        };
        for frame in frames.iter().chain(&frames) {
            series.encoded.extend_from_slice(frame);
            series.starts.push(series.encoded.len());
        }
        Ok(series)
    }

    /// The number of different messages.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lengths.len()
    }

    /// The place of this message of a run in the series.
    pub(crate) fn place(&self, number: u64) -> usize {
        let count = u64::try_from(self.count()).unwrap_or(u64::MAX).max(1);
        usize::try_from(number % count).unwrap_or(0)
    }

    /// The message behind this one.
    pub(crate) fn after(&self, number: usize) -> usize {
        let next = number + 1;
        if next >= self.count() { 0 } else { next }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }

    /// The frames of `count` messages from `first` on. `count` is at most [`Series::count`].
    pub(crate) fn frames(&self, first: usize, count: usize) -> &[u8] {
        let at = |number: usize| self.starts.get(number).copied().unwrap_or(self.encoded.len());
        let range: Range<usize> = at(first)..at(first + count);
        self.encoded.get(range).unwrap_or_default()
    }

    /// The length of a message.
    pub(crate) fn length(&self, number: usize) -> usize {
        self.lengths.get(number).copied().unwrap_or(0)
    }

    /// The length of the longest message.
    pub(crate) fn longest(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    /// The answer to a message.
    pub(crate) fn reply(&self, number: usize) -> &[u8] {
        self.replies.get(number).map(Vec::as_slice).unwrap_or_default()
    }

    /// The bytes of the answer to a message, if they are known before: a whole frame that is not compressed.
    pub(crate) fn reply_bytes(&self, number: usize) -> Vec<u8> {
        match self.coding {
            Coding::Tcp => self.frames(number, 1).to_vec(),
            Coding::Deflate => Vec::new(),
            Coding::Plain => {
                let payload = self.reply(number);
                let mut frame = Vec::with_capacity(payload.len() + 10);
                header(opcode(self.kind), ReservedBits::NONE, payload.len(), None).encode(&mut frame);
                frame.extend_from_slice(payload);
                frame
            }
        }
    }

    /// How far ahead of `expected` the series has this reply, if it has it: 0 if it is the expected one.
    pub(crate) fn ahead(&self, expected: usize, is_it: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let count = self.count();
        (0..count).find(|ahead| is_it(self.reply((expected + ahead) % count)))
    }
}

/// What this end of a connection says about compression: each message of either side stands alone.
pub(crate) fn deflate() -> Deflate {
    Deflate::default()
        .level(6)
        .threshold(0)
        .window(WindowBits::MAX.get())
        .peer_window(WindowBits::MAX.get())
        .retain(Retain::Nothing)
        .peer_takeover(longwire_proto::deflate::Takeover::No)
}

fn compressor() -> Compressor {
    use longwire_proto::deflate::{Agreement, Context, Takeover};

    let context = Context { window: WindowBits::MAX, takeover: Takeover::No };
    Compressor::new(&Agreement { compress: Some(context), inflate: context }, &deflate())
}

fn opcode(kind: Kind) -> DataOpcode {
    match kind {
        Kind::Text => DataOpcode::Text,
        Kind::Binary => DataOpcode::Binary,
    }
}

fn header(opcode: DataOpcode, reserved: ReservedBits, length: usize, key: Option<[u8; 4]>) -> Header {
    let kind = FrameKind::Data { opcode, fin: true, len: u64::try_from(length).unwrap_or(u64::MAX) };
    Header { kind, reserved, masking_key: key }
}

/// A frame of a client. The masking key is random, and used again with each sending of the series.
fn encode(opcode: DataOpcode, reserved: ReservedBits, payload: &[u8], out: &mut Vec<u8>) {
    let key: [u8; 4] = rand::random();
    header(opcode, reserved, payload.len(), Some(key)).encode(out);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// A text frame of a client.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(text.len() + 14);
    encode(DataOpcode::Text, ReservedBits::NONE, text.as_bytes(), &mut frame);
    frame
}

/// A control frame of a client. A payload that is too long is cut.
pub(crate) fn control_frame(opcode: ControlOpcode, payload: &[u8], out: &mut Vec<u8>) {
    let payload = payload.get(..payload.len().min(ControlLen::MAX)).unwrap_or_default();
    let Some(len) = ControlLen::new(payload.len()) else { return };
    let key: [u8; 4] = rand::random();
    let kind = FrameKind::Control { opcode, len };
    Header { kind, reserved: ReservedBits::NONE, masking_key: Some(key) }.encode(out);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;

    fn series(count: usize, size: usize, coding: Coding) -> Series {
        let messages = (0..count).map(|number| Content::Json.message(number, size)).collect();
        Series::new(messages, Kind::Text, coding).unwrap()
    }

    #[test]
    fn a_part_that_goes_over_the_end_begins_again() {
        let series = series(4, 200, Coding::Plain);
        let last_and_first = series.frames(3, 2);
        assert_eq!(last_and_first, [series.frames(3, 1), series.frames(0, 1)].concat());
        assert_eq!(last_and_first.len(), 2 * 208);
    }

    #[test]
    fn a_frame_is_masked_and_its_reply_is_not() {
        let series = series(2, 100, Coding::Plain);
        let [first, second, frame @ ..] = series.frames(0, 1) else { panic!("a header") };
        assert_eq!((*first, *second), (0x81, 0x80 | 100));
        let (key, masked) = frame.split_at(4);
        let payload: Vec<u8> = masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(series.reply_bytes(0), [&[0x81, 100], payload.as_slice()].concat());
    }

    #[test]
    fn a_compressed_frame_is_shorter_and_has_rsv1() {
        let series = series(2, 1000, Coding::Deflate);
        let frame = series.frames(0, 1);
        assert_eq!(frame.first(), Some(&0xc1));
        assert!(frame.len() < 600, "{}", frame.len());
        assert!(series.reply_bytes(0).is_empty());
    }

    #[test]
    fn the_place_of_a_reply_is_found() {
        let series = series(8, 100, Coding::Plain);
        let seventh = Content::Json.message(6, 100);
        assert_eq!(series.ahead(5, |reply| reply == seventh), Some(1));
        assert_eq!(series.ahead(7, |reply| reply == seventh), Some(7));
        assert_eq!(series.ahead(0, |reply| reply == b"?"), None);
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert!(Series::new(Vec::new(), Kind::Text, Coding::Plain).is_err());
        assert!(Series::new(vec![vec![0xff]], Kind::Text, Coding::Plain).is_err());
        assert!(Series::new(vec![vec![0xff]], Kind::Binary, Coding::Plain).is_ok());
    }
}
