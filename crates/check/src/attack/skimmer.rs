//! Reads what an endpoint sends during an attack, and keeps only how it answers.

use longwire_wire::bits::{CLOSE, PONG};

/// The longest start of a head that is kept.
const HEAD: usize = 256;

/// Reads heads or frames.
#[derive(Debug)]
pub(crate) struct Skimmer {
    awaits: Awaits,
    buffer: Vec<u8>,
    /// How many bytes of a payload are still to come.
    to_skip: u64,
    /// The status line, or the Close frame.
    pub(crate) answer: Option<String>,
    /// Whether a pong came.
    pub(crate) has_pong: bool,
    /// Whether a frame with data came.
    pub(crate) has_data: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// A response of HTTP.
    Head,
    Frames,
    /// Nothing that is looked at: the answer is known.
    Nothing,
}

impl Skimmer {
    pub(crate) fn new(awaits: Awaits) -> Skimmer {
        Skimmer { awaits, buffer: Vec::new(), to_skip: 0, answer: None, has_pong: false, has_data: false }
    }

    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        if self.awaits == Awaits::Nothing {
            return;
        }
        if self.to_skip > 0 {
            let skipped = usize::try_from(self.to_skip).unwrap_or(usize::MAX).min(bytes.len());
            self.to_skip -= skipped as u64;
            bytes = bytes.get(skipped..).unwrap_or_default();
        }
        self.buffer.extend_from_slice(bytes);
        match self.awaits {
            Awaits::Head => self.read_head(),
            Awaits::Frames => while self.read_frame().is_some() {},
            Awaits::Nothing => {}
        }
    }

    fn read_head(&mut self) {
        let end = self.buffer.iter().position(|byte| *byte == b'\r');
        if end.is_some() || self.buffer.len() > HEAD {
            let line = self.buffer.get(..end.unwrap_or(HEAD)).unwrap_or_default();
            self.answer = Some(String::from_utf8_lossy(line).into_owned());
            self.awaits = Awaits::Nothing;
        }
    }

    /// Reads the header of a frame, and skips its payload unless it is a Close frame's. `None` until more arrives.
    fn read_frame(&mut self) -> Option<()> {
        let (&first, &second) = (self.buffer.first()?, self.buffer.get(1)?);
        let (len, header) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(self.buffer.get(2..10)?.try_into().ok()?), 10),
            len => (u64::from(len), 2),
        };
        match first & 0xf {
            CLOSE => {
                self.answer = Some(match self.buffer.get(header..).unwrap_or_default().first_chunk() {
                    Some(code) => format!("CLOSE {}", u16::from_be_bytes(*code)),
                    None if len >= 2 => return None,
                    None => "CLOSE without a code".to_owned(),
                });
                self.awaits = Awaits::Nothing;
                return None;
            }
            PONG => self.has_pong = true,
            opcode if opcode < 8 => self.has_data = true,
            _ => {}
        }
        let there = self.buffer.len().saturating_sub(header);
        let skipped = usize::try_from(len).unwrap_or(usize::MAX).min(there);
        self.buffer.drain(..header + skipped);
        self.to_skip = len.saturating_sub(skipped as u64);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use longwire_wire::{RawFrame, Role};

    use super::*;

    #[test]
    fn frames_are_skipped_until_a_close_frame_whatever_reads_cut() {
        let frames = [
            RawFrame::binary(vec![8; 300]),
            RawFrame::pong("x"),
            RawFrame::text(vec![b'a'; 70_000]),
            RawFrame::close(1009),
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.encode(Role::Server)).collect();
        for piece in [1, 7, 1000, bytes.len()] {
            let mut skimmer = Skimmer::new(Awaits::Frames);
            bytes.chunks(piece).for_each(|piece| skimmer.read(piece));
            assert_eq!(skimmer.answer.as_deref(), Some("CLOSE 1009"), "{piece}");
            assert!(skimmer.has_pong && skimmer.has_data && skimmer.buffer.len() < 300, "{piece}");
        }
    }

    #[test]
    fn a_status_line_is_the_answer() {
        let mut skimmer = Skimmer::new(Awaits::Head);
        skimmer.read(b"HTTP/1.1 431 Request Header");
        assert_eq!(skimmer.answer, None);
        skimmer.read(b" Fields Too Large\r\n\r\n");
        assert_eq!(skimmer.answer.as_deref(), Some("HTTP/1.1 431 Request Header Fields Too Large"));
    }
}
