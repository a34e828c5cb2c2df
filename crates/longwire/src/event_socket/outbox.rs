//! What was sent and has not left yet.

use std::collections::VecDeque;

use crate::message::Outgoing;

/// How many bytes are handed to the connection before what has left is counted again.
const BATCH: usize = 64 << 10;

/// How much may wait, unless the application says otherwise.
const MOST: usize = 64 << 20;

/// What was sent and has not left yet.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Outgoing>,
    /// Bytes of content: those that wait, those that are being written, and those that never will be.
    buffered: usize,
    most: usize,
}

/// Some messages on their way.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) messages: Vec<Outgoing>,
    pub(super) bytes: usize,
}

/// More waits than may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox { waiting: VecDeque::new(), buffered: 0, most: MOST }
    }
}

impl Outbox {
    /// Queues a message. It is counted either way.
    pub(super) fn push(&mut self, message: Outgoing) -> Result<(), Full> {
        self.count(&message);
        if self.buffered > self.most {
            return Err(Full);
        }
        self.waiting.push_back(message);
        Ok(())
    }

    /// Counts a message that will not leave.
    pub(super) fn count(&mut self, message: &Outgoing) {
        self.buffered = self.buffered.saturating_add(message.message.len());
    }

    pub(super) fn next_batch(&mut self) -> Option<Batch> {
        let mut batch = Batch { messages: Vec::new(), bytes: 0 };
        while batch.bytes < BATCH
            && let Some(message) = self.waiting.pop_front()
        {
            batch.bytes = batch.bytes.saturating_add(message.message.len());
            batch.messages.push(message);
        }
        (!batch.messages.is_empty()).then_some(batch)
    }

    /// A batch has left.
    pub(super) fn transmitted(&mut self, bytes: usize) {
        self.buffered = self.buffered.saturating_sub(bytes);
    }

    /// Lets go of what will not leave any more; it stays counted.
    pub(super) fn discard(&mut self) {
        self.waiting = VecDeque::new();
    }

    pub(super) fn buffered(&self) -> usize {
        self.buffered
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn set_most(&mut self, bytes: usize) {
        self.most = bytes;
    }
}
