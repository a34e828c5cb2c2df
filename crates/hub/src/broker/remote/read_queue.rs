//! Which channels are read, in which order, and how many at once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::channel::ChannelName;

/// Channels that wait to be read. A channel asks only once until its turn, so there are not many more than channels.
#[derive(Debug, Default)]
pub(super) struct ReadQueue(Mutex<Turns>);

#[derive(Debug, Default)]
struct Turns {
    waiting: VecDeque<ChannelName>,
    /// The readers, each of which reads one channel after another.
    readers: usize,
}

impl ReadQueue {
    /// A channel asks to be read. Says whether a reader must begin.
    pub(super) fn ask(&self, channel: ChannelName, most: usize) -> bool {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.waiting.push_back(channel);
        let begins = turns.readers < most.max(1);
        turns.readers += usize::from(begins);
        begins
    }

    /// The next channel for a reader, which ends if there is none.
    pub(super) fn next(&self) -> Option<ChannelName> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = turns.waiting.pop_front();
        if next.is_none() {
            turns.readers = turns.readers.saturating_sub(1);
            turns.waiting = VecDeque::new();
        }
        next
    }

    /// A reader ends early.
    pub(super) fn reader_ends(&self) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.readers = turns.readers.saturating_sub(1);
    }
}
