//! What becomes due when time passes.

use std::time::{Duration, Instant};

use super::Protocol;
use crate::close_code::CloseCode;
use crate::close_frame::CloseFrame;
use crate::closing::{Closing, Step};
use crate::limits::deadline;
use crate::liveness::Overdue;
use crate::opcode::ControlOpcode;

impl Protocol {
    /// Tells that something arrived, for [`Limits::keepalive`](crate::Limits::keepalive). A driver calls it after a read,
    /// if [`keeps_time`](Protocol::keeps_time).
    pub fn heard(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// Whether [`handle_timeout`](Protocol::handle_timeout) is about to give the peer up, because nothing has arrived after a
    /// ping that was written. A driver that does not read all the time can look once more before whether something has,
    /// and tell [`heard`](Protocol::heard).
    #[must_use]
    pub fn is_about_to_lose_peer(&self, now: Instant) -> bool {
        let keepalive = self.config.limits.keepalive;
        self.is_open() && keepalive.is_some_and(|keepalive| self.liveness.is_about_to_lose(now, keepalive))
    }

    /// How long it took from when the last ping of the keepalive that was answered was written to when its pong arrived, as
    /// far as the driver tells the time. `None`: none was yet.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.liveness.round_trip()
    }

    /// Whether the limits have a time that runs while the connection is open, so that a driver needs a timer from the
    /// beginning.
    #[must_use]
    pub fn keeps_time(&self) -> bool {
        self.config.limits.keepalive.is_some() || self.config.limits.idle_time.is_some()
    }

    /// Does what is overdue: a ping, closing an idle connection, giving up one whose peer is gone or does not close.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.is_open() {
            if self.deadline.as_ref().is_some_and(|deadline| **deadline <= now) {
                self.advance_closing(Step::TimeUp);
            }
            return;
        }
        if let Some(idle_time) = self.config.limits.idle_time
            && self.decoder.is_inside_message()
        {
            self.liveness.message_arriving(idle_time, now);
        }
        match self.liveness.next(now, &self.config.limits) {
            Some((at, overdue)) if at <= now => self.handle_overdue(overdue, now),
            _ => {}
        }
    }

    /// When [`handle_timeout`](Protocol::handle_timeout) has to be called. A span of time that has begun since the last
    /// call counts from `now`, so a driver asks after each batch of events and calls. It may be put off by what arrives
    /// and is sent meanwhile; to call earlier than necessary does no harm.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        match self.closing {
            Closing::Open => self.liveness.next(now, &self.config.limits).map(|(at, _)| at),
            Closing::Over(_) => None,
            Closing::AwaitingPeer | Closing::Complete(_) | Closing::Failed(_) => {
                let close_time = self.config.limits.close_time;
                Some(**self.deadline.get_or_insert_with(|| Box::new(deadline(now, close_time))))
            }
        }
    }

    fn handle_overdue(&mut self, overdue: Overdue, now: Instant) {
        match overdue {
            Overdue::SendPing => {
                // An empty ping is short enough, so this cannot fail.
                let _fits = self.sending.control(ControlOpcode::Ping, &[], &self.config);
                self.liveness.ping_queued(self.written + self.queued() as u64, now);
            }
            Overdue::Lost => self.advance_closing(Step::TransportEnd),
            Overdue::Idle => self.close(CloseFrame::new(CloseCode::GOING_AWAY, "idle").ok()),
        }
    }
}
