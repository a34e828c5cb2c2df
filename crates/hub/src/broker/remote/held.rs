//! What has arrived and cannot be delivered yet.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::publication::{Publication, StreamPosition};

/// What a publication takes beside its content, in bytes.
const OVERHEAD: usize = 256;

/// What a channel may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) publications: usize,
    pub(super) bytes: usize,
}

/// A publication that has arrived. Its position is `None` if it is not part of the stream.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub(super) struct Arrival {
    pub(super) publication: Arc<Publication>,
    pub(super) position: Option<StreamPosition>,
}

/// Arrivals that wait for what precedes them, in the order in which they came.
#[derive(Debug, Clone, Default)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub(super) struct HeldArrivals {
    arrivals: VecDeque<Arrival>,
    bytes: usize,
    /// How many of the first ones came before the read that runs.
    before_read: usize,
}

/// There is no room for what has come.
pub(super) struct NoRoom;

/// The memory that a publication takes.
pub(super) fn cost(publication: &Publication) -> usize {
    publication.content_len().saturating_add(OVERHEAD)
}

impl HeldArrivals {
    pub(super) fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, arrival: Arrival, room: Room) -> Result<(), NoRoom> {
        let bytes = self.bytes.saturating_add(cost(&arrival.publication));
        if self.arrivals.len() >= room.publications || bytes > room.bytes {
            return Err(NoRoom);
        }
        self.bytes = bytes;
        self.arrivals.push_back(arrival);
        Ok(())
    }

    pub(super) fn front(&self) -> Option<&Arrival> {
        self.arrivals.front()
    }

    pub(super) fn pop(&mut self) -> Option<Arrival> {
        let arrival = self.arrivals.pop_front()?;
        self.bytes = self.bytes.saturating_sub(cost(&arrival.publication));
        self.before_read = self.before_read.saturating_sub(1);
        if self.arrivals.is_empty() {
            self.arrivals = VecDeque::new();
        }
        Some(arrival)
    }

    /// A read begins, which shows all that has come.
    pub(super) fn read_begins(&mut self) {
        self.before_read = self.arrivals.len();
    }

    /// Whether the first one came before the read that runs.
    pub(super) fn front_is_old(&self) -> bool {
        self.before_read > 0
    }

    pub(super) fn clear(&mut self) {
        *self = HeldArrivals::default();
    }
}
