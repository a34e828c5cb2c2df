//! Time: keepalive, idle time, and the time for closing.

use std::time::{Duration, Instant};

use super::{Ending, Protocol};
use crate::close_code::CloseCode;
use crate::close_frame::CloseFrame;
use crate::closing::{Closing, Step};
use crate::limits::deadline;
use crate::liveness::{GivingUp, Overdue};

impl Protocol {
    /// Records that something arrived, for [`Limits::keepalive`](crate::Limits::keepalive). A driver calls it after a
    /// read, if [`keeps_time`](Protocol::keeps_time).
    pub fn heard(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// Why [`handle_timeout`](Protocol::handle_timeout) is about to drop the connection, if it is. That would discard
    /// received bytes that are not parsed yet. A driver that does not read all the time should therefore read once more
    /// first: for signs of life, which it reports by [`heard`](Protocol::heard), and for messages to deliver to the
    /// application.
    #[must_use]
    pub fn giving_up(&self, now: Instant) -> Option<GivingUp> {
        match &self.ending {
            None => self.liveness.giving_up(now, self.config.limits.keepalive?),
            Some(ending) if matches!(ending.closing, Closing::AwaitingPeer) && ending.is_due(now) => {
                Some(GivingUp::Unclosed)
            }
            Some(_) => None,
        }
    }

    /// Records that the driver did not read after a ping, because this end has no room for more. The keepalive then
    /// counts written bytes instead of received ones. Call it instead of dropping a peer that is
    /// [`Silent`](GivingUp::Silent).
    pub fn cannot_hear(&mut self, now: Instant) {
        self.liveness.cannot_hear(now);
    }

    /// Records that messages have arrived which the application has not taken. For
    /// [`Limits::idle_time`](crate::Limits::idle_time) they count like messages that it has taken.
    pub fn messages_wait(&mut self) {
        self.liveness.message();
    }

    /// The last measured round trip: from when a keepalive ping was written until its pong arrived, as precisely as the
    /// driver passes the time, or the value passed to [`measured`](Protocol::measured). `None`: not measured yet.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.liveness.round_trip()
    }

    /// Records a round trip that the driver has measured.
    pub fn measured(&mut self, took: Duration) {
        self.liveness.measured(took);
    }

    /// Whether a limit counts time while the connection is open, so that a driver needs a timer from the beginning.
    #[must_use]
    pub fn keeps_time(&self) -> bool {
        self.config.limits.keepalive.is_some() || self.config.limits.idle_time.is_some()
    }

    /// Does what is due: sends a ping, closes an idle connection, or drops one whose peer is gone or does not close.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(ending) = &self.ending {
            if ending.is_due(now) {
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

    /// When to call [`handle_timeout`](Protocol::handle_timeout). Periods that have begun since the last call count
    /// from `now`, so a driver asks after each batch of events and calls. Later traffic may postpone the deadline;
    /// calling `handle_timeout` too early does no harm.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        let Some(ending) = &mut self.ending else {
            return self.liveness.next(now, &self.config.limits).map(|(at, _)| at);
        };
        match ending.closing {
            Closing::Over(_) => None,
            Closing::Open | Closing::AwaitingPeer | Closing::Complete(_) | Closing::Failed(_) => {
                let close_time = self.config.limits.close_time;
                Some(*ending.deadline.get_or_insert_with(|| deadline(now, close_time)))
            }
        }
    }

    fn handle_overdue(&mut self, overdue: Overdue, now: Instant) {
        match overdue {
            Overdue::SendPing => {
                let number = self.ping();
                self.liveness.ping_queued(number, self.queued(), now);
            }
            Overdue::Lost => self.advance_closing(Step::TransportEnd),
            Overdue::Idle => self.close(CloseFrame::new(CloseCode::GOING_AWAY, "idle").ok()),
        }
    }
}

impl Ending {
    fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}
