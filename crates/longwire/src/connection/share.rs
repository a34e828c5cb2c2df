//! How much is taken of what was read before other tasks have their turn.

use std::future::Future;
use std::pin::pin;
use std::task::Context;

use tokio::task::yield_now;

/// How many messages and control frames are taken in a turn.
const FRAMES: u32 = 256;

/// How many bytes are taken in a turn, on the wire or inflated, whichever are more. A message that is longer is taken whole.
const BYTES: usize = 512 << 10;

/// What may be taken until other tasks have their turn. One read brings tens of thousands of empty messages, or what
/// inflates to a hundred megabytes.
#[derive(Debug)]
pub(super) struct Share {
    frames: u32,
    bytes: usize,
    /// How many answers to what is taken may be sent without a thought of other tasks.
    answers: u32,
}

impl Default for Share {
    fn default() -> Share {
        Share { frames: FRAMES, bytes: BYTES, answers: FRAMES }
    }
}

impl Share {
    /// A frame of so many bytes was taken.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) {
        self.frames = self.frames.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    #[inline]
    pub(super) fn is_used_up(&self) -> bool {
        self.frames == 0 || self.bytes == 0
    }

    /// Whether a message may be sent as an answer to what is taken, so that its sender need not take turns by itself: as many
    /// as are taken. Whoever sends more, or while the receiver rests, does take turns.
    #[inline]
    pub(super) fn take_answer(&mut self) -> bool {
        let is_left = self.answers > 0;
        self.answers = self.answers.saturating_sub(1);
        is_left
    }

    /// Begins the next turn, in which the task is woken when the others have had theirs.
    pub(super) fn rest(&mut self, cx: &mut Context<'_>) {
        *self = Share::default();
        // Not at once: the runtime looks for input and output before.
        let _pending = pin!(yield_now()).poll(cx);
    }

    /// The task waits, so its turn is over.
    #[inline]
    pub(super) fn renew(&mut self) {
        *self = Share::default();
    }
}
