//! Checks that replies equal the sent messages in length, content and order.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use longwire_wire::bits::{FIN, RSV1};
use longwire_wire::{Mask, RawFrame};

use crate::arguments::Speech;
use crate::deflate;
use crate::frames::Frames;

/// The expected replies of one connection.
#[derive(Debug)]
pub(crate) enum Replies {
    /// These bytes, repeatedly.
    Verbatim {
        series: Arc<[u8]>,
        /// The length of each reply.
        length: usize,
        /// The current position in the series.
        at: usize,
        interruption: Interruption,
    },
    /// These messages, compressed in any way.
    Compressed(Box<Compressed>),
}

/// A frame that may come between two replies, such as a ping of Engine.IO.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interruption {
    frame: &'static [u8],
    /// How many bytes of it are still to come.
    missing: usize,
}

#[derive(Debug)]
pub(crate) struct Compressed {
    frames: Arc<Frames>,
    /// Frames that were verified. Most later frames are equal to one of them.
    known: Vec<Vec<u8>>,
    /// The index of the next message.
    next: usize,
    /// The beginning of an incomplete frame.
    partial: Vec<u8>,
}

/// What all connections of a run share.
#[derive(Debug)]
pub(crate) struct Expected {
    frames: Arc<Frames>,
    series: Arc<[u8]>,
    speech: Speech,
    interruption: Interruption,
}

impl Expected {
    pub(crate) fn new(frames: Arc<Frames>, speech: Speech) -> Self {
        let interruption = Interruption { frame: &[], missing: 0 };
        Self { series: frames.replies(speech).into(), frames, speech, interruption }
    }

    /// Passes over this frame between two replies.
    pub(crate) fn interrupted_by(self, frame: &'static [u8]) -> Self {
        Self { interruption: Interruption { frame, missing: 0 }, ..self }
    }

    /// The replies to a connection that begins with the message `first`.
    pub(crate) fn from(&self, first: usize) -> Replies {
        let count = self.frames.count();
        match self.speech {
            Speech::Deflate => Replies::Compressed(Box::new(Compressed {
                frames: Arc::clone(&self.frames),
                known: vec![Vec::new(); count],
                next: first,
                partial: Vec::new(),
            })),
            Speech::Tcp | Speech::Ws | Speech::Wss => {
                let length = self.series.len() / count;
                Replies::Verbatim {
                    series: Arc::clone(&self.series),
                    length,
                    at: first * length,
                    interruption: self.interruption,
                }
            }
        }
    }
}

impl Replies {
    /// Checks received bytes and returns how many replies they complete.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Replies::Verbatim { series, length, at, interruption } => {
                let (before, mut rest) = (*at % *length, interruption.pass(bytes)?);
                let mut taken = before + rest.len();
                while !rest.is_empty() {
                    let expected = &series[*at..];
                    let (now, later) = rest.split_at(rest.len().min(expected.len()));
                    let same = now.iter().zip(expected).take_while(|(got, expected)| got == expected).count();
                    *at += same;
                    rest = if same == now.len() { later } else { &rest[same..] };
                    if same < now.len() {
                        let begun = *at % *length;
                        let reply = &series[*at - begun..*at];
                        let behind = interruption.begin(reply, rest)?;
                        let Some(behind) = behind else {
                            bail!("reply {} differs: {}", *at / *length, difference(rest, &series[*at..]));
                        };
                        taken -= begun + (rest.len() - behind.len());
                        *at -= begun;
                        rest = behind;
                    }
                    *at %= series.len();
                }
                Ok(taken / *length)
            }
            Replies::Compressed(compressed) => compressed.take(bytes),
        }
    }
}

impl Interruption {
    /// Passes over what is missing of the frame, and returns what is behind it.
    fn pass<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let (now, behind) = bytes.split_at(bytes.len().min(self.missing));
        let missing = &self.frame[self.frame.len() - self.missing..];
        ensure!(missing.starts_with(now), "between replies came {}", now.escape_ascii());
        self.missing -= now.len();
        Ok(behind)
    }

    /// Passes over the frame if it begins with `begun`, which was taken for the beginning of a reply, and continues with
    /// these bytes. Returns what is behind it.
    fn begin<'b>(&mut self, begun: &[u8], bytes: &'b [u8]) -> Result<Option<&'b [u8]>> {
        let Some(missing) = self.frame.strip_prefix(begun).filter(|missing| missing.first() == bytes.first())
        else {
            return Ok(None);
        };
        self.missing = missing.len();
        self.pass(bytes).map(Some)
    }
}

impl Compressed {
    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut partial = std::mem::take(&mut self.partial);
        let mut rest = bytes;
        if !partial.is_empty() {
            partial.extend_from_slice(bytes);
            rest = &partial;
        }
        let mut whole = 0;
        while let Some(length) = self.first(rest)? {
            self.next = (self.next + 1) % self.frames.count();
            whole += 1;
            rest = &rest[length..];
        }
        self.partial = rest.to_vec();
        Ok(whole)
    }

    /// The length of the first frame, which is the next reply, or `None` if it is incomplete.
    fn first(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        let known = &mut self.known[self.next];
        if !known.is_empty() && bytes.starts_with(known) {
            return Ok(Some(known.len()));
        }
        let Ok((frame, length)) = RawFrame::parse(bytes) else { return Ok(None) };
        let message = &self.frames.messages[self.next];
        let text_or_binary = FIN | self.frames.opcode;
        let reply = match frame.first_byte() {
            _ if frame.mask != Mask::Absent => bail!("a masked frame"),
            first if first == text_or_binary | RSV1 => deflate::inflate(&frame.payload, message.len())?,
            first if first == text_or_binary => frame.payload,
            other => bail!("a frame that begins with {other:#04x}"),
        };
        ensure!(reply == *message, "reply {} differs: {}", self.next, difference(&reply, message));
        *known = bytes[..length].to_vec();
        Ok(Some(length))
    }
}

fn difference(got: &[u8], expected: &[u8]) -> String {
    let at = got.iter().zip(expected).take_while(|(got, expected)| got == expected).count();
    let part =
        |bytes: &[u8]| bytes.get(at..).unwrap_or_default().iter().take(16).copied().collect::<Vec<_>>();
    format!("after {at} bytes {:02x?} instead of {:02x?}", part(got), part(expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Content, MessageShape};

    fn expected(speech: Speech) -> Expected {
        let shape = MessageShape { size: 300, content: Content::Json };
        Expected::new(Arc::new(Frames::new(shape, 4, speech).unwrap()), speech)
    }

    #[test]
    fn replies_are_counted_however_they_are_cut() {
        for cut in [1, 7, 304, 1000] {
            let expected = expected(Speech::Ws);
            let mut replies = expected.from(0);
            let twice = [&expected.series[..], &expected.series[..]].concat();
            let counted: usize = twice.chunks(cut).map(|part| replies.take(part).unwrap()).sum();
            assert_eq!(counted, 2 * expected.frames.count(), "cut into {cut}");
        }
    }

    #[test]
    fn a_ping_between_replies_is_passed_over_however_it_is_cut() {
        const PING: &[u8] = b"\x81\x012";

        let frames =
            Frames::with_replies(&[b"1".to_vec(), b"2".to_vec()], vec![vec![b'x'; 70], vec![b'y'; 70]]);
        let expected = Expected::new(Arc::new(frames), Speech::Ws).interrupted_by(PING);
        let (one, other) = expected.series.split_at(72);
        let stream = [PING, one, PING, other, one, other, PING, PING].concat();
        for cut in 1..stream.len() {
            let mut replies = expected.from(0);
            let counted: usize = stream.chunks(cut).map(|part| replies.take(part).unwrap()).sum();
            assert_eq!(counted, 4, "cut into {cut}");
        }
        assert!(expected.from(0).take(b"\x81\x013").is_err());
        let within = [&one[..10], PING, &one[10..]].concat();
        assert!(expected.from(0).take(&within).is_err());
    }

    #[test]
    fn a_reply_out_of_order_or_changed_is_seen() {
        let expected = expected(Speech::Ws);
        assert!(expected.from(1).take(&expected.series).is_err());
        let mut changed = expected.series.to_vec();
        changed[100] ^= 1;
        assert!(expected.from(0).take(&changed).is_err());
    }

    #[test]
    fn compressed_replies_are_inflated_however_they_are_cut() {
        let expected = expected(Speech::Deflate);
        let mut stream = Vec::new();
        for message in expected.frames.messages.iter().chain(&expected.frames.messages) {
            let payload = deflate::compress(message).unwrap();
            stream.extend_from_slice(&[0xc1, 126]);
            stream.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            stream.extend_from_slice(&payload);
        }
        for cut in [1, 5, 100, 4000] {
            let mut replies = expected.from(0);
            let counted: usize = stream.chunks(cut).map(|part| replies.take(part).unwrap()).sum();
            assert_eq!(counted, 2 * expected.frames.count(), "cut into {cut}");
        }
        assert!(expected.from(1).take(&stream).is_err());
    }
}
