//! Whether the peer is still there, and still has something to say.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::limits::{Keepalive, Limits, deadline};

/// Whether the peer is still there, and still has something to say. Time is an input.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    /// When something last arrived; `None` until the time was told for the first time.
    heard_at: Option<Instant>,
    ping: Ping,
    /// Whether something has arrived since the ping was written.
    heard_since: bool,
    /// In microseconds: a connection has room for it beside the flags.
    round_trip: Option<NonZeroU32>,
    /// Whether something was written since the time was last told.
    wrote: bool,
    /// When a message last went either way.
    active_at: Option<Instant>,
    /// Whether one did since the time was last told.
    active: bool,
}

/// Where the ping is that asks whether the peer is there.
#[derive(Debug, Default)]
enum Ping {
    #[default]
    NotNeeded,
    /// Behind other bytes. Boxed, because it is rare and each connection has room for it.
    Queued(Box<QueuedPing>),
    /// Written, but when is known only when the time is told next.
    Written,
    /// Until its pong comes: whatever arrives is life, but only the pong tells how long the way is.
    WrittenAt(Instant),
}

#[derive(Debug)]
struct QueuedPing {
    /// It is written when this many bytes of the connection are.
    ends_at: u64,
    /// When something was last written.
    moved_at: Instant,
}

/// What is to be done when time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Ask whether the peer is there.
    SendPing,
    /// It is not.
    Lost,
    /// It is, but has nothing to say.
    Idle,
}

impl Liveness {
    /// Something arrived.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard_at = Some(now);
        match self.ping {
            Ping::WrittenAt(_) => self.heard_since = true,
            _ => self.ping = Ping::NotNeeded,
        }
    }

    /// Whether the peer, which has been sent a ping, is about to be given up since nothing has arrived after it.
    pub(crate) fn is_about_to_lose(&self, now: Instant, keepalive: Keepalive) -> bool {
        matches!(self.ping, Ping::WrittenAt(at) if !self.heard_since && deadline(at, keepalive.within) <= now)
    }

    /// The pong to a ping of the keepalive arrived, with what was [`heard`](Liveness::heard) last.
    pub(crate) fn answered(&mut self) {
        if let (Ping::WrittenAt(asked), Some(heard)) = (&self.ping, self.heard_at) {
            let micros = heard.saturating_duration_since(*asked).as_micros();
            // One that is too short to be measured is not none; and an hour is as good as ever.
            self.round_trip = Some(
                u32::try_from(micros)
                    .map_or(NonZeroU32::MAX, |micros| NonZeroU32::new(micros).unwrap_or(NonZeroU32::MIN)),
            );
            self.ping = Ping::NotNeeded;
        }
    }

    /// How long it took from the last ping that was answered to its pong.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|micros| Duration::from_micros(micros.get().into()))
    }

    /// A message went either way.
    #[inline]
    pub(crate) fn message(&mut self) {
        self.active = true;
    }

    /// A ping was queued; it is written when `ends_at` bytes of the connection are.
    pub(crate) fn ping_queued(&mut self, ends_at: u64, now: Instant) {
        self.heard_since = false;
        self.ping = Ping::Queued(Box::new(QueuedPing { ends_at, moved_at: now }));
    }

    /// `total` bytes of the connection have been written.
    pub(crate) fn written(&mut self, total: u64) {
        self.wrote = true;
        if let Ping::Queued(queued) = &self.ping
            && total >= queued.ends_at
        {
            self.ping = Ping::Written;
        }
    }

    /// When something will be overdue, and what.
    pub(crate) fn next(&mut self, now: Instant, limits: &Limits) -> Option<(Instant, Overdue)> {
        let keepalive = limits.keepalive.map(|keepalive| self.next_keepalive(now, keepalive));
        let idle = limits.idle_time.map(|time| (deadline(self.active_since(now), time), Overdue::Idle));
        keepalive.into_iter().chain(idle).min_by_key(|(at, _)| *at)
    }

    fn next_keepalive(&mut self, now: Instant, keepalive: Keepalive) -> (Instant, Overdue) {
        let wrote = std::mem::take(&mut self.wrote);
        match &mut self.ping {
            Ping::WrittenAt(at) if !self.heard_since => (deadline(*at, keepalive.within), Overdue::Lost),
            Ping::NotNeeded | Ping::WrittenAt(_) => {
                (deadline(*self.heard_at.get_or_insert(now), keepalive.every), Overdue::SendPing)
            }
            Ping::Queued(queued) => {
                if wrote {
                    queued.moved_at = now;
                }
                (deadline(deadline(queued.moved_at, keepalive.every), keepalive.within), Overdue::Lost)
            }
            Ping::Written => {
                self.ping = Ping::WrittenAt(now);
                (deadline(now, keepalive.within), Overdue::Lost)
            }
        }
    }

    fn active_since(&mut self, now: Instant) -> Instant {
        if std::mem::take(&mut self.active) {
            self.active_at = Some(now);
        }
        *self.active_at.get_or_insert(now)
    }

    /// A message is on its way: what arrived of it counts like a message.
    pub(crate) fn message_arriving(&mut self, idle_time: Duration, now: Instant) {
        if self.heard_at.is_some_and(|heard| deadline(heard, idle_time) > now) {
            self.active_at = self.heard_at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits::default().keepalive(Keepalive::every(10 * SECOND).within(3 * SECOND))
    }

    #[test]
    fn after_a_silence_a_ping_is_due_and_whatever_arrives_begins_it_anew() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        assert_eq!(liveness.next(start, &limits), Some((start + 10 * SECOND, Overdue::SendPing)));
        liveness.heard(start + 4 * SECOND);
        assert_eq!(
            liveness.next(start + 9 * SECOND, &limits),
            Some((start + 14 * SECOND, Overdue::SendPing))
        );
    }

    #[test]
    fn the_time_for_an_answer_begins_when_the_ping_was_written() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        liveness.ping_queued(100, start);
        liveness.written(99);
        assert_eq!(liveness.next(start + 5 * SECOND, &limits), Some((start + 18 * SECOND, Overdue::Lost)));
        liveness.written(100);
        assert_eq!(liveness.next(start + 6 * SECOND, &limits), Some((start + 9 * SECOND, Overdue::Lost)));
        assert_eq!(liveness.next(start + 7 * SECOND, &limits), Some((start + 9 * SECOND, Overdue::Lost)));
        liveness.heard(start + 8 * SECOND);
        assert_eq!(
            liveness.next(start + 8 * SECOND, &limits),
            Some((start + 18 * SECOND, Overdue::SendPing))
        );
    }

    #[test]
    fn the_round_trip_is_from_when_the_ping_was_written_to_its_pong() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        liveness.heard(start);
        liveness.answered();
        assert_eq!(liveness.round_trip(), None, "nobody asked");

        liveness.ping_queued(2, start);
        liveness.written(2);
        liveness.next(start + SECOND, &limits);
        // Something else is life, but not the answer.
        liveness.heard(start + 2 * SECOND);
        assert_eq!(liveness.round_trip(), None);
        liveness.heard(start + 3 * SECOND);
        liveness.answered();
        assert_eq!(liveness.round_trip(), Some(2 * SECOND));

        liveness.heard(start + 9 * SECOND);
        liveness.answered();
        assert_eq!(liveness.round_trip(), Some(2 * SECOND), "nobody asked again");
    }

    #[test]
    fn a_peer_that_takes_nothing_is_lost_when_nothing_has_moved_for_both_times() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        liveness.ping_queued(100, start);
        assert_eq!(liveness.next(start + 12 * SECOND, &limits), Some((start + 13 * SECOND, Overdue::Lost)));
    }

    #[test]
    fn messages_either_way_keep_a_connection_from_being_idle_and_pongs_do_not() {
        let limits = Limits::default().keepalive(None).idle_time(5 * SECOND);
        let (start, mut liveness) = (Instant::now(), Liveness::default());
        assert_eq!(liveness.next(start, &limits), Some((start + 5 * SECOND, Overdue::Idle)));
        liveness.heard(start + 2 * SECOND);
        assert_eq!(liveness.next(start + 2 * SECOND, &limits), Some((start + 5 * SECOND, Overdue::Idle)));
        liveness.message();
        assert_eq!(liveness.next(start + 3 * SECOND, &limits), Some((start + 8 * SECOND, Overdue::Idle)));
    }

    #[test]
    fn a_message_that_takes_long_to_arrive_is_not_idleness() {
        let limits = Limits::default().keepalive(None).idle_time(5 * SECOND);
        let (start, mut liveness) = (Instant::now(), Liveness::default());
        liveness.next(start, &limits);
        liveness.heard(start + 4 * SECOND);
        liveness.message_arriving(5 * SECOND, start + 5 * SECOND);
        assert_eq!(liveness.next(start + 5 * SECOND, &limits), Some((start + 9 * SECOND, Overdue::Idle)));
        liveness.message_arriving(5 * SECOND, start + 9 * SECOND);
        assert_eq!(liveness.next(start + 9 * SECOND, &limits), Some((start + 9 * SECOND, Overdue::Idle)));
    }

    #[test]
    fn without_limits_nothing_is_ever_due() {
        assert_eq!(Liveness::default().next(Instant::now(), &Limits::default().keepalive(None)), None);
    }
}
