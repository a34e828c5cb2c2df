//! Messages that wait for a connection.

use std::collections::VecDeque;

use super::policy::WhileDisconnected;
use crate::message::Outgoing;

/// Messages that wait for a connection, in order of arrival.
#[derive(Debug)]
pub(super) struct Queue {
    messages: VecDeque<Outgoing>,
    /// The total size of the messages in bytes.
    bytes: usize,
    bound: WhileDisconnected,
}

impl Queue {
    pub(super) fn new(bound: WhileDisconnected) -> Queue {
        Queue { messages: VecDeque::new(), bytes: 0, bound }
    }

    /// Queues a message. `false` if there is no room for it.
    pub(super) fn push(&mut self, message: Outgoing) -> bool {
        let WhileDisconnected::Queue { bytes, messages } = self.bound else { return false };
        let with_it = self.bytes.saturating_add(message.message.len());
        if with_it > bytes || self.messages.len() >= messages {
            return false;
        }
        self.bytes = with_it;
        self.messages.push_back(message);
        true
    }

    pub(super) fn first(&self) -> Option<&Outgoing> {
        self.messages.front()
    }

    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.message.len();
        Some(message)
    }

    pub(super) fn clear(&mut self) {
        self.messages = VecDeque::new();
        self.bytes = 0;
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    #[test]
    fn the_queue_is_bounded_in_bytes_and_in_messages() {
        let mut queue = Queue::new(WhileDisconnected::Queue { bytes: 4, messages: 3 });
        assert!(queue.push("four".into()));
        assert!(!queue.push("5".into()));
        assert!(queue.push("".into()) && queue.push("".into()));
        assert!(!queue.push("".into()));
        assert_eq!(queue.first(), Some(&"four".into()));
        assert_eq!(queue.pop(), Some("four".into()));
        assert!(queue.push("abcd".into()));
        queue.clear();
        assert_eq!((queue.len(), queue.pop()), (0, None));
        assert!(queue.push(Message::from("new!").uncompressed()));
    }

    #[test]
    fn a_queue_for_nothing_takes_nothing() {
        assert!(!Queue::new(WhileDisconnected::Fail).push("".into()));
    }
}
