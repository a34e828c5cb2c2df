//! Rounds of the loop, and the share that each connection has of one.
//!
//! A loop belongs to all of its connections, however fast one of them sends. A connection that has had its share of a round
//! is not read from, and what of it was read already waits; the next round goes on with it.

use std::time::Instant;

use super::Reactor;
use crate::event::application::Application;
use crate::event::key::Key;

impl<A: Application, L> Reactor<A, L> {
    /// Begins a round of the loop, once it is woken; gives the connections that are to [go on](Reactor::go_on) with what
    /// they had no share left for.
    pub(in crate::event) fn begin_round(&mut self, now: Instant) -> Vec<Key> {
        self.tick(now);
        self.round = self.round.wrapping_add(1);
        std::mem::take(&mut self.resting)
    }

    /// Whether there is something to be done in another round, whatever happens.
    pub(in crate::event) fn has_more(&self) -> bool {
        !self.resting.is_empty() || !self.mail.is_empty()
    }

    /// Goes on with a connection that has had its share of the round before. It may be read from again after this.
    pub(in crate::event) fn go_on(&mut self, key: Key) {
        let _entered = self.spans.enter(key);
        if let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) {
            open.share.is_resting = false;
            self.guarded(key, |reactor| reactor.take_unparsed(key));
        }
    }

    /// The next round goes on with what of a connection is not parsed.
    pub(super) fn rest(&mut self, key: Key) {
        if let Some(mut visit) = self.visit(key) {
            visit.rest();
        }
    }
}
