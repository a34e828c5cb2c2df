//! What the connections of an event loop share.

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

/// What the connections of a loop share.
pub(super) struct LoopContext {
    /// Which loop this is.
    pub(super) number: LoopNumber,
    pub(super) topics: TopicTable,
    /// What the handler has published and is to be given out when it returns.
    pub(super) publications: VecDeque<Publication>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) exchange: Arc<Exchange>,
    /// What the connections have moved since it was last counted.
    pub(super) traffic: Traffic,
    /// When the loop last looked at the clock.
    pub(super) now: Instant,
    pub(super) clock: LoopClock,
    /// How many futures run at a time for a connection.
    pub(super) max_spawned: usize,
    /// What the next timer or future is told from others by.
    pub(super) next_number: u64,
    /// The message that the handler is being lent, if it is a large one: what is sent back of it need not be copied.
    pub(super) lent: Bytes,
}

/// Where a loop has the time from, when a round has taken some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopClock {
    /// The clock of the system.
    System,
    /// It is only what the loop is told, as on a stage.
    Told,
}

impl LoopContext {
    /// The time at this moment.
    pub(super) fn time(&self) -> Instant {
        match self.clock {
            LoopClock::System => Instant::now().max(self.now),
            LoopClock::Told => self.now,
        }
    }

    /// Publishes to the other loops at once, and to this one when the handler returns; gives for how many subscribers.
    pub(super) fn publish(&mut self, topic: &str, message: Arc<Prepared>, but: Option<Key>) -> usize {
        let own = self.topics.find(topic).and_then(|id| self.topics.get(id));
        let queued = match own {
            Some(own) => {
                let left_out = but.is_some_and(|but| own.subscribers.contains_key(&but));
                let others = self.exchange.publish(&own.record, &message, Some(&self.mailbox));
                own.subscribers.len() - usize::from(left_out) + others
            }
            None => match self.exchange.registry().find(topic) {
                Some(record) => self.exchange.publish(&record, &message, Some(&self.mailbox)),
                None => 0,
            },
        };
        self.publications.push_back(Publication { topic: topic.into(), message, but });
        queued
    }

    /// A number that no other timer or future of the loop has.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Queues what waits for room, as far as there is some: of the topics of a connection, and of other threads.
    pub(super) fn catch_up(&mut self, open: &mut Open, key: Key) {
        for topic in &open.subscriptions {
            if let Some(subscriber) = self.topics.get_mut(*topic).and_then(|topic| topic.subscriber(key)) {
                subscriber.catch_up(&mut open.protocol);
            }
        }
        open.unpark(&mut self.traffic);
    }
}

/// The loop has ended.
impl Drop for LoopContext {
    fn drop(&mut self) {
        self.mailbox.end();
    }
}

pub(super) struct Publication {
    pub(super) topic: Arc<str>,
    pub(super) message: Arc<Prepared>,
    /// A subscriber that does not get it.
    pub(super) but: Option<Key>,
}
