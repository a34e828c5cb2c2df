//! Messages that were sent but not written yet.

use std::collections::VecDeque;
use std::fmt;

use crate::message::Outgoing;

/// How many bytes are passed to the connection before the written ones are counted again.
const BATCH: usize = 64 << 10;

/// How many messages are passed to the connection before that: even an empty message takes memory.
const BATCH_MESSAGES: usize = 1024;

/// The default limit of buffered bytes.
const MOST: usize = 64 << 20;

/// How many messages may wait, whatever their size: about 50 MiB if all are empty.
pub(super) const MOST_MESSAGES: usize = 1 << 20;

/// Messages that were sent but not written yet.
#[derive(Debug)]
pub(super) struct SendQueue {
    waiting: VecDeque<Outgoing>,
    /// Bytes of content: waiting, being written, and lost.
    buffered: usize,
    most: usize,
}

/// Messages that are being written.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) messages: Vec<Outgoing>,
    pub(super) bytes: usize,
}

/// The limit that the waiting messages exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueFull {
    /// A limit of this many bytes.
    Bytes(usize),
    /// The limit [`MOST_MESSAGES`].
    Messages,
}

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueueFull::Bytes(most) => write!(f, "more than {most} bytes wait to be written"),
            QueueFull::Messages => write!(f, "more than {MOST_MESSAGES} messages wait to be written"),
        }
    }
}

impl Default for SendQueue {
    fn default() -> SendQueue {
        SendQueue { waiting: VecDeque::new(), buffered: 0, most: MOST }
    }
}

impl SendQueue {
    /// Queues a message. It is counted even if it is not queued.
    pub(super) fn push(&mut self, message: Outgoing) -> Result<(), QueueFull> {
        self.count(&message);
        if self.buffered > self.most {
            return Err(QueueFull::Bytes(self.most));
        }
        if self.waiting.len() >= MOST_MESSAGES {
            return Err(QueueFull::Messages);
        }
        self.waiting.push_back(message);
        Ok(())
    }

    /// Counts a message that will not be written.
    pub(super) fn count(&mut self, message: &Outgoing) {
        self.buffered = self.buffered.saturating_add(message.message.len());
    }

    pub(super) fn next_batch(&mut self) -> Option<Batch> {
        let mut batch = Batch { messages: Vec::new(), bytes: 0 };
        while batch.bytes < BATCH
            && batch.messages.len() < BATCH_MESSAGES
            && let Some(message) = self.waiting.pop_front()
        {
            batch.bytes = batch.bytes.saturating_add(message.message.len());
            batch.messages.push(message);
        }
        (!batch.messages.is_empty()).then_some(batch)
    }

    /// A batch was written.
    pub(super) fn transmitted(&mut self, bytes: usize) {
        self.buffered = self.buffered.saturating_sub(bytes);
    }

    /// Drops messages that will not be written. They stay counted.
    pub(super) fn discard(&mut self) {
        self.waiting = VecDeque::new();
    }

    pub(super) fn buffered(&self) -> usize {
        self.buffered
    }

    pub(super) fn set_most(&mut self, bytes: usize) {
        self.most = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_messages_are_bounded_too() {
        let mut outbox = SendQueue::default();
        for _ in 0..MOST_MESSAGES {
            assert_eq!(outbox.push("".into()), Ok(()));
        }
        assert_eq!(outbox.push("".into()), Err(QueueFull::Messages));
        assert_eq!(outbox.next_batch().unwrap().messages.len(), BATCH_MESSAGES);
        assert_eq!(outbox.push("".into()), Ok(()));
    }
}
