//! What becomes due when time passes.

use std::time::{Duration, Instant};

use super::Protocol;
use crate::close_code::CloseCode;
use crate::close_frame::CloseFrame;
use crate::closing::{Closing, Step};
use crate::limits::deadline;
use crate::liveness::{GivingUp, Overdue};

impl Protocol {
    /// Tells that something arrived, for [`Limits::keepalive`](crate::Limits::keepalive). A driver calls it after a read,
    /// if [`keeps_time`](Protocol::keeps_time).
    pub fn heard(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// Whether [`handle_timeout`](Protocol::handle_timeout) is about to give the connection up, and why. What has arrived
    /// and was not parsed would be discarded then, so a driver that does not read all the time looks once more before: for
    /// life, which it tells by [`heard`](Protocol::heard), and for what can still be given to the application.
    #[must_use]
    pub fn giving_up(&self, now: Instant) -> Option<GivingUp> {
        match self.closing {
            Closing::Open => self.liveness.giving_up(now, self.config.limits.keepalive?),
            Closing::AwaitingPeer if self.deadline.as_ref().is_some_and(|deadline| **deadline <= now) => {
                Some(GivingUp::Unclosed)
            }
            _ => None,
        }
    }

    /// Tells that the driver has not read after a ping, because this end can take no more: instead of whether anything
    /// arrives, it counts whether anything is written. To be called instead of giving up a peer that is
    /// [`Silent`](GivingUp::Silent).
    pub fn cannot_hear(&mut self, now: Instant) {
        self.liveness.cannot_hear(now);
    }

    /// Tells that messages have arrived which the application has not taken: for [`Limits::idle_time`](crate::Limits::idle_time)
    /// they count like those that it has.
    pub fn messages_wait(&mut self) {
        self.liveness.message();
    }

    /// How long the last round trip took that was measured: from when a ping of the keepalive was written to when its pong
    /// arrived, as far as the driver tells the time, or what [`measured`](Protocol::measured) told. `None`: none was yet.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.liveness.round_trip()
    }

    /// Tells how long a round trip took that the driver has measured.
    pub fn measured(&mut self, took: Duration) {
        self.liveness.measured(took);
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
                let number = self.ping();
                self.liveness.ping_queued(number, self.written + self.queued() as u64, now);
            }
            Overdue::Lost => self.advance_closing(Step::TransportEnd),
            Overdue::Idle => self.close(CloseFrame::new(CloseCode::GOING_AWAY, "idle").ok()),
        }
    }
}
