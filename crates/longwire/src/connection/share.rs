//! How much a connection may receive before other tasks run.

use std::future::Future;
use std::pin::pin;
use std::task::Context;

use tokio::task::yield_now;

/// How many messages and control frames are received before the task yields.
const FRAMES: u32 = 256;

/// How many bytes are received before the task yields: on the wire or inflated, whichever are more. A longer message is
/// received whole.
const BYTES: usize = 512 << 10;

/// What may still be received before other tasks run. One read can contain tens of thousands of empty messages, or data
/// that inflates to a hundred megabytes.
#[derive(Debug)]
pub(super) struct Share {
    frames: u32,
    bytes: usize,
    /// How many replies may be sent without yielding to other tasks.
    answers: u32,
}

impl Default for Share {
    fn default() -> Share {
        Share { frames: FRAMES, bytes: BYTES, answers: FRAMES }
    }
}

impl Share {
    /// Counts a received frame of `bytes` bytes.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) {
        self.frames = self.frames.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    #[inline]
    pub(super) fn is_used_up(&self) -> bool {
        self.frames == 0 || self.bytes == 0
    }

    /// Whether a message counts as a reply to a received one, which is sent without yielding. There are as many replies
    /// as received messages; a task that sends more, or sends while the receiver yields, yields itself.
    #[inline]
    pub(super) fn take_answer(&mut self) -> bool {
        let is_left = self.answers > 0;
        self.answers = self.answers.saturating_sub(1);
        is_left
    }

    /// Starts a new share and wakes the task after other tasks have run.
    pub(super) fn rest(&mut self, cx: &mut Context<'_>) {
        *self = Share::default();
        // `yield_now` lets the runtime poll I/O first; waking the task at once would not.
        let _pending = pin!(yield_now()).poll(cx);
    }

    /// Starts a new share, because the task waits anyway.
    #[inline]
    pub(super) fn renew(&mut self) {
        *self = Share::default();
    }
}
