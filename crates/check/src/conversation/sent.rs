//! What was sent, as far as it decides how an answer is judged.

use longwire_wire::RawFrame;
use longwire_wire::bits::{CLOSE, CONTINUATION, PING};

use crate::step::Step;

/// What was sent on a connection.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The length of the message that was sent last, without compression.
    message: usize,
    /// The longest message.
    longest: usize,
    has_close: bool,
    /// The payloads of pings that no pong has answered.
    pings: Vec<Vec<u8>>,
}

impl Sent {
    /// Notes what a step sends.
    pub(super) fn note(&mut self, step: &Step) {
        match step {
            Step::Send(frame) | Step::SendInHalves(frame) => self.note_frame(frame),
            Step::SendTogether(frames) | Step::SendCut(frames, _) => {
                frames.iter().for_each(|frame| self.note_frame(frame));
            }
            Step::SendCompressed(messages) => {
                messages.iter().for_each(|message| self.longest = self.longest.max(message.len()));
            }
            _ => {}
        }
    }

    pub(super) fn note_frame(&mut self, frame: &RawFrame) {
        match frame.opcode {
            CLOSE => self.has_close = true,
            PING => self.pings.push(frame.payload.clone()),
            CONTINUATION => self.message = self.message.saturating_add(frame.payload.len()),
            opcode if opcode < 8 => self.message = frame.payload.len(),
            _ => {}
        }
        self.longest = self.longest.max(self.message);
    }

    /// Whether a Close frame was sent.
    pub(super) fn has_close(&self) -> bool {
        self.has_close
    }

    /// The length of the longest message.
    pub(super) fn longest_message(&self) -> usize {
        self.longest
    }

    /// Whether a pong answers a ping. Others may come at any time (RFC 6455 §5.5.3).
    pub(super) fn is_answered_by(&mut self, pong: &[u8]) -> bool {
        let place = self.pings.iter().position(|ping| ping == pong);
        place.map(|place| self.pings.swap_remove(place)).is_some()
    }
}
