//! The answers that a socket awaits.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::protocol::Arguments;

/// The answers that a socket awaits from its client, by number.
#[derive(Debug, Default)]
pub(super) struct Acks {
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<Arguments>>,
}

impl Acks {
    /// The number for an event, and where its answer will arrive. `None`: `limit` answers are awaited.
    pub(super) fn expect(&mut self, limit: usize) -> Option<(u64, oneshot::Receiver<Arguments>)> {
        if self.waiting.len() >= limit {
            return None;
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(id, sender);
        Some((id, receiver))
    }

    /// The client's answer. One that nobody awaits is dropped.
    pub(super) fn answer(&mut self, id: u64, arguments: Arguments) {
        if let Some(sender) = self.waiting.remove(&id) {
            // The waiting call may have been dropped.
            drop(sender.send(arguments));
        }
    }

    pub(super) fn forget(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    /// Ends all waiting calls.
    pub(super) fn clear(&mut self) {
        self.waiting = HashMap::new();
    }
}
