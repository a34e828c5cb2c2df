//! Rounds of the loop, and each connection's share of a round.
//!
//! A loop serves all its connections fairly, however fast one of them sends. After a connection has used up its share
//! of a round, it is not read from, and its unparsed bytes wait for the next round.

use std::time::Instant;

use super::Reactor;
use crate::event::application::Application;
use crate::event::key::Key;

impl<A: Application, L> Reactor<A, L> {
    /// Begins a round of the loop after it was woken. Returns the connections that ran out of their share in the last
    /// round, to call [`go_on`](Reactor::go_on) for.
    pub(in crate::event) fn begin_round(&mut self, now: Instant) -> Vec<Key> {
        self.tick(now);
        self.round = self.round.wrapping_add(1);
        std::mem::take(&mut self.resting)
    }

    /// Whether another round has work to do, whatever happens.
    pub(in crate::event) fn has_more(&self) -> bool {
        !self.resting.is_empty() || !self.mail.is_empty()
    }

    /// Continues with a connection that ran out of its share in the last round. It may be read from again after this.
    pub(in crate::event) fn go_on(&mut self, key: Key) {
        let _entered = self.spans.enter(key);
        if let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) {
            open.is_resting = false;
            self.guarded(key, |reactor| reactor.take_unparsed(key));
        }
    }

    /// Leaves the connection's unparsed bytes to the next round.
    pub(super) fn rest(&mut self, key: Key) {
        if let Some(mut visit) = self.visit(key) {
            visit.rest();
        }
    }
}
