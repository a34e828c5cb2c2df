//! How a connection ends, as its Close frames tell it.

use std::time::SystemTime;

use longwire::{CloseCode, Direction};

use super::recording::RecordedEnd;

/// The Close frames that have passed over a connection.
#[derive(Debug, Default)]
pub(crate) struct CloseFrames {
    first: Option<FirstClose>,
    is_answered: bool,
}

#[derive(Debug)]
struct FirstClose {
    by: Direction,
    at: SystemTime,
    code: CloseCode,
    reason: String,
}

impl CloseFrames {
    /// Takes note of a Close frame. `payload` is unmasked.
    pub(crate) fn seen(&mut self, direction: Direction, payload: &[u8]) {
        match &self.first {
            Some(first) => self.is_answered |= first.by != direction,
            None => {
                let (code, reason) = parsed(payload);
                self.first = Some(FirstClose { by: direction, at: SystemTime::now(), code, reason });
            }
        }
    }

    /// Whether there was one.
    pub(crate) fn is_begun(&self) -> bool {
        self.first.is_some()
    }

    /// How the connection has ended, and when. `why`: what ended the transport, in case that no Close frame did.
    pub(crate) fn end(&self, why: &str) -> (SystemTime, RecordedEnd) {
        match &self.first {
            Some(first) => {
                let (by, code, reason) = (Some(first.by), first.code, first.reason.clone());
                (first.at, RecordedEnd { by, code, reason, was_clean: self.is_answered })
            }
            None => (SystemTime::now(), RecordedEnd::lost(why)),
        }
    }
}

/// Code and reason of a Close frame (RFC 6455 §5.5.1).
pub(super) fn parsed(payload: &[u8]) -> (CloseCode, String) {
    match payload.split_first_chunk::<2>() {
        Some((code, reason)) => {
            (CloseCode::from(u16::from_be_bytes(*code)), String::from_utf8_lossy(reason).into_owned())
        }
        None => (CloseCode::NO_STATUS, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_close_frame_tells_who_closed_and_the_other_ends_answer_that_it_was_clean() {
        let mut frames = CloseFrames::default();
        assert_eq!(frames.end("reset").1.to_string(), "lost: 1006 (no closing handshake): reset");
        frames.seen(Direction::Received, b"\x0f\xa0bye");
        frames.seen(Direction::Received, b"\x03\xe8");
        assert_eq!(frames.end("reset").1.to_string(), "closed by the server, not answered: 4000: bye");
        frames.seen(Direction::Sent, b"");
        assert_eq!(frames.end("").1.to_string(), "closed by the server: 4000: bye");
    }
}
