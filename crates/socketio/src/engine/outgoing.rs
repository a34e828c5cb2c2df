//! The packets that wait for a client.

use std::collections::VecDeque;
use std::sync::Arc;

use longwire::Message;

use super::budget::Budget;
use super::message::EngineMessage;

/// What each packet costs beside its content, in bytes: its place in a queue that may be half empty, and its allocation.
const OVERHEAD: usize = 2 * size_of::<Message>() + 64;

/// The packets that wait for a client, bounded in bytes.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The packet in front. It has a place of its own, so that the one packet of most turns needs no queue.
    front: Option<Message>,
    /// Those behind it. Empty if there is none in front.
    later: VecDeque<Message>,
    queued: usize,
    most: usize,
    budget: Arc<Budget>,
}

impl Outgoing {
    pub(crate) fn new(most: usize, budget: Arc<Budget>) -> Outgoing {
        Outgoing { front: None, later: VecDeque::new(), queued: 0, most, budget }
    }

    /// Queues messages one after the other. `false`: there is no room for all of them, so the session must end, which
    /// [clears](Outgoing::clear) the queue.
    #[must_use]
    pub(crate) fn push_all(&mut self, messages: impl IntoIterator<Item = EngineMessage>) -> bool {
        messages.into_iter().all(|message| {
            let packet = message.into_packet();
            let cost = cost(&packet);
            let fits = self.queued.saturating_add(cost) <= self.most && self.budget.take(cost);
            if fits {
                self.queued = self.queued.saturating_add(cost);
                self.push(packet);
            }
            fits
        })
    }

    /// Queues a packet of the session itself, which is small and not bounded.
    pub(crate) fn push_own(&mut self, packet: Message) {
        let cost = cost(&packet);
        self.budget.take_anyway(cost);
        self.queued = self.queued.saturating_add(cost);
        self.push(packet);
    }

    fn push(&mut self, packet: Message) {
        if self.front.is_none() {
            self.front = Some(packet);
        } else {
            self.later.push_back(packet);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Message> {
        let packet = std::mem::replace(&mut self.front, self.later.pop_front())?;
        let cost = cost(&packet);
        self.queued = self.queued.saturating_sub(cost);
        self.budget.give_back(cost);
        if self.front.is_none() {
            // An idle session holds no queue.
            self.later = VecDeque::new();
        }
        Some(packet)
    }

    /// The packet that is next.
    pub(crate) fn front(&self) -> Option<&Message> {
        self.front.as_ref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// How many bytes wait, with what each packet costs beside its content.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    pub(crate) fn clear(&mut self) {
        (self.front, self.later) = (None, VecDeque::new());
        self.budget.give_back(self.queued);
        self.queued = 0;
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.budget.give_back(self.queued);
    }
}

fn cost(packet: &Message) -> usize {
    packet.len().saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_leave_in_their_order_and_an_idle_session_holds_no_queue() {
        let budget = Arc::new(Budget::new(10_000));
        let mut outgoing = Outgoing::new(10_000, Arc::clone(&budget));
        let messages = ["a", "b", "c"].map(EngineMessage::text);
        assert!(outgoing.push_all(messages.clone()));
        for message in messages {
            assert_eq!(outgoing.front(), Some(&message.clone().into_packet()));
            assert_eq!(outgoing.pop(), Some(message.into_packet()));
        }
        assert!(outgoing.is_empty() && outgoing.front().is_none() && outgoing.pop().is_none());
        assert_eq!((outgoing.later.capacity(), outgoing.queued(), budget.used()), (0, 0, 0));
    }
}
