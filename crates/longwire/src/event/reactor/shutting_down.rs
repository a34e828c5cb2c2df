//! The shutdown of a loop: its connections are closed one after another, spread over a time.

use std::time::{Duration, Instant};

use longwire_proto::{CloseCode, CloseFrame};

use super::{Life, Reactor};
use crate::event::application::{Application, HandlerCall};
use crate::event::connection::Lifecycle;
use crate::event::gradual_close::GradualClose;
use crate::event::key::Key;

impl<A: Application, L> Reactor<A, L> {
    /// Accepts no more connections, and closes those that are open within a time.
    pub(super) fn shut_down(&mut self, spread: Duration) {
        self.life = Life::ShutsDown;
        let mut open = Vec::new();
        for key in self.keys() {
            match self.connections.get(key).map(|connection| &connection.stage) {
                Some(Lifecycle::Open(_)) => open.push(key),
                Some(Lifecycle::Opening(_) | Lifecycle::Deciding(_)) => self.give_up(key),
                _ => {}
            }
        }
        self.gradual_close = Some(GradualClose::new(open, self.now, spread));
        self.close_those_due();
    }

    /// When connections are closed next.
    pub(super) fn next_close(&self) -> Option<Instant> {
        self.gradual_close.as_ref().map(|closing| closing.next)
    }

    /// Closes the connections that are due.
    pub(super) fn close_those_due(&mut self) {
        let Some(closing) = &mut self.gradual_close else { return };
        let due = closing.take_due(self.now);
        if closing.is_over() {
            self.gradual_close = None;
        }
        for key in due {
            self.say_goodbye(key);
        }
    }

    /// Closes a connection with 1001, unless its handler closes it otherwise.
    fn say_goodbye(&mut self, key: Key) {
        let _entered = self.spans.enter(key);
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        if open.protocol.is_open() {
            open.unpark_all(&mut self.context.traffic);
            self.guarded(key, |reactor| {
                reactor.call(key, HandlerCall::ShutDown);
                reactor.deliver_publications();
            });
        }
        self.close(key, CloseFrame::new(CloseCode::GOING_AWAY, "the server is shutting down").ok());
    }
}
