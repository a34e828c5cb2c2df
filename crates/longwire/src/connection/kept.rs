//! Messages that a closing sink has read for the stream.

use std::collections::VecDeque;

use crate::message::Message;

/// How many bytes of messages a closing sink keeps for the stream, including a fixed cost per message.
const KEPT: usize = 64 << 10;

/// Messages that another task has read; the receiver gets them first.
#[derive(Debug, Default)]
pub(super) struct Kept {
    messages: VecDeque<Message>,
    size: usize,
}

impl Kept {
    pub(super) fn is_full(&self) -> bool {
        self.size >= KEPT
    }

    pub(super) fn push(&mut self, message: Message) {
        self.size = self.size.saturating_add(cost(&message));
        self.messages.push_back(message);
    }

    pub(super) fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.size = self.size.saturating_sub(cost(&message));
        Some(message)
    }
}

fn cost(message: &Message) -> usize {
    size_of::<Message>().saturating_add(message.len())
}
