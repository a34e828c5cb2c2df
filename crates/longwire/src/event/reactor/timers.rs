//! The times of all connections of a loop.

use std::cmp::Reverse;
use std::time::Instant;

use super::Reactor;
use crate::event::connection::Stage;
use crate::event::handler::Handler;
use crate::event::key::Key;
use crate::telemetry::{self, NotLetIn};

impl<H: Handler, L> Reactor<H, L> {
    /// When [`expire`](Reactor::expire) has to be called.
    pub(in crate::event) fn deadline(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Does what is overdue.
    pub(in crate::event) fn expire(&mut self) {
        while let Some(Reverse((at, key))) = self.timers.peek().copied()
            && at <= self.now
        {
            self.timers.pop();
            let Some(connection) = self.connections.get_mut(key) else { continue };
            if connection.timer != Some(at) {
                continue;
            }
            connection.timer = None;
            let _entered = self.spans.enter(key);
            match &mut connection.stage {
                Stage::Open(open) => {
                    telemetry::handle_timeout(&mut open.protocol, self.now);
                    open.is_watched = true;
                    self.after_events(key);
                    self.watch(key);
                }
                Stage::Opening(_) => {
                    tracing::debug!("the opening handshake took too long");
                    telemetry::refused(NotLetIn::HandshakeTimeout);
                    self.give_up(key);
                }
                Stage::Refused(_) => self.give_up(key),
                Stage::Http(_) | Stage::Gone => {}
            }
        }
    }

    /// Looks at a connection's deadlines again.
    pub(super) fn watch(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if let Stage::Open(open) = &mut connection.stage
            && let Some(at) = open.protocol.poll_timeout(now)
        {
            self.set_timer(key, at);
        }
    }

    /// Looks at a connection at `at`, if it is not looked at earlier. One that is put off stays in the heap until its
    /// time comes, and is put back then: most of the time something has arrived meanwhile, and nothing had to be done for
    /// that.
    pub(super) fn set_timer(&mut self, key: Key, at: Instant) {
        if let Some(connection) = self.connections.get_mut(key)
            && connection.timer.is_none_or(|set| at < set)
        {
            connection.timer = Some(at);
            self.timers.push(Reverse((at, key)));
        }
    }
}
