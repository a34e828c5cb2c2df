//! The answers that a socket awaits.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::protocol::Arguments;

/// The answers that a socket awaits from its client, by number. The numbers are those of the namespace.
#[derive(Debug, Default)]
pub(super) struct Acks {
    waiting: HashMap<u64, oneshot::Sender<Arguments>>,
}

/// Where an answer arrives.
pub(super) type AwaitedAck = oneshot::Receiver<Arguments>;

impl Acks {
    /// Awaits the answer to the event of this number. `None`: `limit` answers are awaited.
    pub(super) fn expect(&mut self, id: u64, limit: usize) -> Option<AwaitedAck> {
        if self.waiting.len() >= limit {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(id, sender);
        Some(receiver)
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
