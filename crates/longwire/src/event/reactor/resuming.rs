//! Callbacks of timers and of spawned futures.

use super::Reactor;
use crate::event::application::{Application, HandlerCall};
use crate::event::connection::WriteSide;
use crate::event::deferred::discard;
use crate::event::key::Key;
use crate::event::resumption::Resumption;
use crate::event::spawned::SpawnOutcome;

impl<A: Application, L> Reactor<A, L> {
    /// Runs the due timers of a connection. Timers that their callbacks set run later.
    pub(super) fn run_timers(&mut self, key: Key) {
        let bound = self.context.next_number();
        while let Some(resumption) = self.take_due(key, bound) {
            self.resume(key, resumption);
        }
    }

    fn take_due(&mut self, key: Key, bound: u64) -> Option<Resumption> {
        let open = self.connections.get_mut(key)?.open_mut()?;
        let due = open.known_deferred()?.take_due(self.now, bound);
        open.free_deferred();
        due
    }

    /// Calls the handler if a connection's alarm is due.
    pub(super) fn ring_alarm(&mut self, key: Key) {
        let now = self.now;
        let open = self.connections.get_mut(key).and_then(|connection| connection.open_mut());
        if open.is_some_and(|open| open.take_alarm(|at| at <= now)) {
            self.call(key, HandlerCall::Alarm);
            self.deliver_publications();
        }
    }

    /// Handles the outcome of a future that a connection has spawned.
    pub(super) fn take_outcome(&mut self, key: Key, number: u64, outcome: SpawnOutcome) {
        let _entered = self.spans.enter(key);
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        let Some(deferred) = open.known_deferred() else { return };
        deferred.finished(number, outcome);
        self.run_outcomes(key);
        self.after_events(key);
    }

    /// Passes the outcomes of a connection's futures to the handler, while there is room for the answers, and starts
    /// the futures that have waited.
    pub(super) fn run_outcomes(&mut self, key: Key) {
        while let Some(outcome) = self.next_outcome(key) {
            match outcome {
                Ok(resumption) => self.resume(key, resumption),
                Err(payload) => self.panicked(key, &*payload),
            }
        }
        let most = self.context.max_spawned;
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        let Some(deferred) = open.known_deferred() else { return };
        deferred.start(key, &self.context.mailbox, most);
        let is_busy = deferred.is_busy(most);
        open.free_deferred();
        if !is_busy && open.is_stalled() {
            // Deliver the messages that have waited.
            self.rest(key);
        }
    }

    fn next_outcome(&mut self, key: Key) -> Option<SpawnOutcome> {
        let connection = self.connections.get_mut(key)?;
        let may_write = connection.writing == WriteSide::Works;
        let open = connection.open_mut()?;
        if open.known_deferred()?.has_outcome() && may_write && open.protocol.is_above_high_water() {
            open.fill();
            return None;
        }
        open.known_deferred()?.take_outcome()
    }

    /// Runs a callback of the handler, and delivers what it publishes.
    pub(super) fn resume(&mut self, key: Key, resumption: Resumption) {
        self.call(key, HandlerCall::Resume(resumption));
        self.deliver_publications();
    }

    /// Cancels the alarm, the timers and the futures of a connection that has ended.
    pub(super) fn forget_deferred(&mut self, key: Key) {
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        open.set_alarm(None);
        if let Some(deferred) = open.extra.as_mut().and_then(|extra| extra.deferred.take()) {
            discard(deferred);
        }
    }
}

#[cfg(test)]
mod tests;
