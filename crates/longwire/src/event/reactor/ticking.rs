//! The periodic call of the handler for all connections of a loop.

use std::time::Instant;

use super::{Life, Reactor};
use crate::event::application::{Application, HandlerCall};

impl<A: Application, L> Reactor<A, L> {
    /// When the next tick is due.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.ticks.filter(|_| self.life == Life::Runs).map(|ticks| ticks.next)
    }

    /// Calls the handler for each open connection, if a tick is due.
    pub(super) fn tick_if_due(&mut self) {
        let now = self.now;
        if self.life != Life::Runs || !self.ticks.as_mut().is_some_and(|ticks| ticks.is_due(now)) {
            return;
        }
        for key in self.keys() {
            let open = self.connections.get_mut(key).and_then(|connection| connection.open_mut());
            if open.is_none_or(|open| open.end_was_reported) {
                continue;
            }
            let _entered = self.spans.enter(key);
            self.guarded(key, |reactor| {
                reactor.call(key, HandlerCall::Tick);
                reactor.deliver_publications();
                reactor.after_events(key);
            });
        }
    }
}
