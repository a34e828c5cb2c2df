//! The events of a client that wait for their handlers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::queue::Freed;
use crate::engine::{EngineConnection, Pause};

/// Counts the events of a client that wait for their handlers, in all namespaces. While they are many, the client is not read.
#[derive(Debug)]
pub(super) struct Backlog {
    limits: BacklogLimits,
    state: Mutex<BacklogState>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct BacklogLimits {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
struct BacklogState {
    events: usize,
    bytes: usize,
    pause: Option<Pause>,
}

impl Backlog {
    pub(super) fn new(limits: BacklogLimits) -> Backlog {
        Backlog { limits, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BacklogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event of this many bytes begins to wait.
    pub(super) fn enter(&self, bytes: usize, connection: &EngineConnection) {
        let mut state = self.lock();
        state.events = state.events.saturating_add(1);
        state.bytes = state.bytes.saturating_add(bytes);
        if state.pause.is_none() && (state.events >= self.limits.events || state.bytes >= self.limits.bytes) {
            state.pause = Some(connection.pause());
        }
    }

    /// Events wait no longer. The client is read again when half of the bounds is free, so that it does not stop for every event.
    pub(super) fn leave(&self, freed: Freed) {
        if freed.events == 0 {
            return;
        }
        let mut state = self.lock();
        state.events = state.events.saturating_sub(freed.events);
        state.bytes = state.bytes.saturating_sub(freed.bytes);
        let has_room = state.events <= self.limits.events / 2 && state.bytes <= self.limits.bytes / 2;
        let ended = state.pause.take_if(|_| has_room);
        drop(state);
        drop(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_not_read_from_the_bound_until_half_of_it_is_free() {
        let backlog = Backlog::new(BacklogLimits { events: 4, bytes: 100 });
        let connection = EngineConnection::without_transport();
        for waiting in 1..=4 {
            assert!(!connection.link().is_paused());
            backlog.enter(1, &connection);
            assert_eq!(connection.link().is_paused(), waiting == 4);
        }
        backlog.leave(Freed { events: 1, bytes: 1 });
        assert!(connection.link().is_paused());
        backlog.leave(Freed { events: 1, bytes: 1 });
        assert!(!connection.link().is_paused(), "two of four wait");
        backlog.enter(500, &connection);
        assert!(connection.link().is_paused(), "an event that is larger than the bound waits, and no other");
        backlog.leave(Freed { events: 1, bytes: 500 });
        assert!(!connection.link().is_paused());
    }
}
