//! The state that the connections of an event loop share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use longwire_proto::Prepared;

use super::connection::Open;
use super::key::{Key, LoopNumber};
use super::mailbox::{Exchange, Mailbox};
use super::topics::TopicTable;
use crate::telemetry::Traffic;

/// The state that the connections of a loop share.
pub(super) struct LoopContext {
    /// The number of this loop.
    pub(super) number: LoopNumber,
    pub(super) topics: TopicTable,
    /// The handler's publications, delivered when it returns.
    pub(super) publications: VecDeque<Publication>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) exchange: Arc<Exchange>,
    /// The traffic of the connections since it was last counted.
    pub(super) traffic: Traffic,
    /// When the loop last read the clock.
    pub(super) now: Instant,
    pub(super) clock: LoopClock,
    /// How many futures run at a time for a connection.
    pub(super) max_spawned: usize,
    /// Identifies the next timer, future or paused subscription.
    pub(super) next_number: u64,
    /// The message that the handler is borrowing, if it is a large one. Parts of it can be sent back without a copy.
    pub(super) lent: Bytes,
}

/// The clock of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopClock {
    /// The system's clock.
    System,
    /// A clock that only the driver moves, as on a stage.
    Manual,
}

impl LoopContext {
    /// The current time.
    pub(super) fn time(&self) -> Instant {
        match self.clock {
            LoopClock::System => Instant::now().max(self.now),
            LoopClock::Manual => self.now,
        }
    }

    /// Publishes to the other loops at once, and to this one when the handler returns. If this loop keeps the topic
    /// [ordered](super::topics::Topic::is_ordered), the message goes through its mailbox instead. Returns for how many
    /// subscribers the message was queued.
    pub(super) fn publish(&mut self, topic: &str, message: Arc<Prepared>, except: Option<Key>) -> usize {
        let own = self.topics.find(topic).and_then(|id| self.topics.get(id));
        let queued = match own {
            Some(own) => {
                let left_out = except.is_some_and(|key| own.contains(key));
                let receivers = own.len() - usize::from(left_out);
                let others = self.exchange.publish(&own.record, &message, Some(&self.mailbox));
                if own.is_ordered {
                    let (exchange, mailbox) = (&self.exchange, &self.mailbox);
                    return others + exchange.publish_to(mailbox, &own.record, message, except, receivers);
                }
                receivers + others
            }
            None => match self.exchange.registry().find(topic) {
                Some(record) => self.exchange.publish(&record, &message, Some(&self.mailbox)),
                None => 0,
            },
        };
        self.publications.push_back(Publication { topic: topic.into(), message, except });
        queued
    }

    /// A number that no other timer, future or paused subscription of the loop has.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Queues messages of topics and of other threads that have waited for room, while there is room.
    pub(super) fn catch_up(&mut self, open: &mut Open, key: Key) {
        for topic in open.extra.iter().flat_map(|extra| &extra.subscriptions) {
            if let Some(subscriber) = self.topics.get_mut(*topic).and_then(|topic| topic.subscriber(key)) {
                subscriber.catch_up(&mut open.protocol);
            }
        }
        open.unpark(&mut self.traffic);
    }
}

/// Closes the mailbox of the loop.
impl Drop for LoopContext {
    fn drop(&mut self) {
        self.mailbox.end();
    }
}

pub(super) struct Publication {
    pub(super) topic: Arc<str>,
    pub(super) message: Arc<Prepared>,
    /// A subscriber that does not get it.
    pub(super) except: Option<Key>,
}
