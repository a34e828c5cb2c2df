//! Keepalive and idle time.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::limits::{Keepalive, Limits, deadline};

/// Tracks whether the peer is alive, and whether messages are exchanged. Time is an input.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    ping: PingState,
    /// Whether something has arrived since the ping was written.
    heard_since: bool,
    /// Whether the ping's own pong has arrived.
    is_measured: bool,
    /// In microseconds, so that it fits beside the flags.
    round_trip: Option<NonZeroU32>,
    /// How many microseconds after the ping was written something last arrived, until its pong has.
    heard_after: u32,
    numbers: Numbers,
    /// Whether something was written since the time was last passed.
    wrote: bool,
    /// Boxed, because most connections have no idle time.
    idle: Option<Box<IdleSince>>,
    /// Whether a message was sent or received since the time was last passed.
    active: bool,
}

/// What the idle time of a connection counts from.
#[derive(Debug)]
struct IdleSince {
    /// When a message was last sent or received.
    active_at: Instant,
    /// When something last arrived.
    heard_at: Instant,
}

/// The numbers of numbered pings.
#[derive(Debug, Default)]
struct Numbers {
    /// Of the last ping that was sent.
    sent: u32,
    /// Of the last ping that was answered.
    answered: u32,
    /// Of the last keepalive ping.
    kept: u32,
}

/// The state of the keepalive ping.
#[derive(Debug, Default)]
enum PingState {
    /// The time has not been passed yet.
    #[default]
    NotAsked,
    /// Queued after other bytes. Boxed, because it is rare and every connection has room for this enum.
    Queued(Box<QueuedPing>),
    /// Written; the time of it is known only when the time is next passed.
    Written,
    /// Written at this time. Until the next ping is due, anything that arrives proves life, but only the pong measures
    /// the round trip.
    WrittenAt(Instant),
}

#[derive(Debug)]
struct QueuedPing {
    /// The ping is written once the connection has written this many more bytes. `None`: it is written, but this end
    /// does not read.
    unwritten: Option<usize>,
    /// When bytes last moved in either direction.
    moved_at: Instant,
}

/// An action that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Send a keepalive ping.
    SendPing,
    /// Drop the connection: the peer is gone.
    Lost,
    /// Close the connection: it is idle.
    Idle,
}

/// Why a connection is about to be dropped. In each case, received bytes may still be unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GivingUp {
    /// Nothing has arrived since a ping was written.
    Silent,
    /// A ping could not be written: the peer does not read, and nothing has arrived.
    Stuck,
    /// The peer has not answered the Close frame.
    Unclosed,
}

/// Length of a numbered ping's payload in bytes.
const NUMBER: usize = 8;

impl Liveness {
    /// Something arrived.
    pub(crate) fn heard(&mut self, now: Instant) {
        match &mut self.ping {
            PingState::Queued(queued) if queued.unwritten.is_some() => queued.moved_at = now,
            PingState::Queued(_) => self.written_at(now),
            PingState::WrittenAt(at) if !self.is_measured => {
                self.heard_after = micros(now.saturating_duration_since(*at));
            }
            PingState::NotAsked | PingState::Written | PingState::WrittenAt(_) => {}
        }
        self.heard_since = true;
        if let Some(idle) = &mut self.idle {
            idle.heard_at = now;
        }
    }

    /// Why the peer is about to be dropped, if it is.
    pub(crate) fn giving_up(&self, now: Instant, keepalive: Keepalive) -> Option<GivingUp> {
        match &self.ping {
            PingState::WrittenAt(at) if !self.heard_since && deadline(*at, keepalive.within) <= now => {
                Some(GivingUp::Silent)
            }
            PingState::Queued(queued) if !self.wrote && queued.is_stuck(now, keepalive) => {
                Some(GivingUp::Stuck)
            }
            _ => None,
        }
    }

    /// This end does not read, so the keepalive counts bytes that move in either direction.
    pub(crate) fn cannot_hear(&mut self, now: Instant) {
        self.ping = PingState::Queued(Box::new(QueuedPing { unwritten: None, moved_at: now }));
    }

    /// The number of the next ping.
    pub(crate) fn next_number(&mut self) -> u32 {
        self.numbers.sent = self.numbers.sent.wrapping_add(1);
        self.numbers.sent
    }

    /// Whether the peer has answered this ping or a later one: it need not answer each (§5.5.3).
    pub(crate) fn is_answered(&self, number: u32) -> bool {
        let unanswered = self.numbers.sent.wrapping_sub(self.numbers.answered);
        self.numbers.sent.wrapping_sub(number) >= unanswered
    }

    /// A pong arrived, at the time of the last [`heard`](Liveness::heard). Unsolicited pongs mean nothing (§5.5.3).
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        let Some(number) = number(payload) else { return };
        let unanswered = self.numbers.sent.wrapping_sub(self.numbers.answered);
        if self.numbers.sent.wrapping_sub(number) >= unanswered {
            return;
        }
        self.numbers.answered = number;
        if number == self.numbers.kept && !self.is_measured && matches!(self.ping, PingState::WrittenAt(_)) {
            self.is_measured = true;
            self.measured(Duration::from_micros(self.heard_after.into()));
        }
    }

    fn written_at(&mut self, now: Instant) {
        self.ping = PingState::WrittenAt(now);
        self.heard_after = 0;
    }

    /// Records a measured round trip.
    pub(crate) fn measured(&mut self, took: Duration) {
        // Too short to measure still counts as measured; more than an hour is reported as about an hour.
        self.round_trip = Some(NonZeroU32::new(micros(took)).unwrap_or(NonZeroU32::MIN));
    }

    /// How long the last answered ping took until its pong arrived.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|micros| Duration::from_micros(micros.get().into()))
    }

    /// A message was sent or received.
    #[inline]
    pub(crate) fn message(&mut self) {
        self.active = true;
    }

    /// A ping with this number was queued. It is written once the connection has written the `queued` bytes, of which it
    /// is the end.
    pub(crate) fn ping_queued(&mut self, number: u32, queued: usize, now: Instant) {
        self.heard_since = false;
        self.is_measured = false;
        self.numbers.kept = number;
        self.ping = PingState::Queued(Box::new(QueuedPing { unwritten: Some(queued), moved_at: now }));
    }

    /// The connection has written `count` more bytes.
    pub(crate) fn written(&mut self, count: usize) {
        self.wrote = true;
        if let PingState::Queued(queued) = &mut self.ping
            && let Some(unwritten) = &mut queued.unwritten
        {
            *unwritten = unwritten.saturating_sub(count);
            if *unwritten == 0 {
                self.ping = PingState::Written;
                self.heard_since = false;
            }
        }
    }

    /// The next action, and when it is due.
    pub(crate) fn next(&mut self, now: Instant, limits: &Limits) -> Option<(Instant, Overdue)> {
        let keepalive = limits.keepalive.map(|keepalive| self.next_keepalive(now, keepalive));
        let idle = limits.idle_time.map(|time| (deadline(self.active_since(now), time), Overdue::Idle));
        keepalive.into_iter().chain(idle).min_by_key(|(at, _)| *at)
    }

    fn next_keepalive(&mut self, now: Instant, keepalive: Keepalive) -> (Instant, Overdue) {
        let wrote = std::mem::take(&mut self.wrote);
        match &mut self.ping {
            PingState::Queued(queued) => {
                if wrote {
                    queued.moved_at = now;
                }
                return (queued.stuck_at(keepalive), Overdue::Lost);
            }
            PingState::WrittenAt(at) => {
                let at = *at;
                return self.due_after(at, keepalive);
            }
            // The first ping is due as if an answered one had been sent just now.
            PingState::NotAsked => {
                self.heard_since = true;
                self.is_measured = true;
            }
            PingState::Written => {}
        }
        self.written_at(now);
        self.due_after(now, keepalive)
    }

    /// What is due next after a ping that was written at this time.
    fn due_after(&self, written_at: Instant, keepalive: Keepalive) -> (Instant, Overdue) {
        if self.heard_since {
            (deadline(written_at, keepalive.every), Overdue::SendPing)
        } else {
            (deadline(written_at, keepalive.within), Overdue::Lost)
        }
    }

    fn active_since(&mut self, now: Instant) -> Instant {
        let was_active = std::mem::take(&mut self.active);
        let idle = self.idle.get_or_insert_with(|| Box::new(IdleSince { active_at: now, heard_at: now }));
        if was_active {
            idle.active_at = now;
        }
        idle.active_at
    }

    /// A message is arriving: its bytes count as activity.
    pub(crate) fn message_arriving(&mut self, idle_time: Duration, now: Instant) {
        if let Some(idle) = &mut self.idle
            && deadline(idle.heard_at, idle_time) > now
        {
            idle.active_at = idle.heard_at;
        }
    }
}

impl QueuedPing {
    fn stuck_at(&self, keepalive: Keepalive) -> Instant {
        deadline(deadline(self.moved_at, keepalive.every), keepalive.within)
    }

    fn is_stuck(&self, now: Instant, keepalive: Keepalive) -> bool {
        self.stuck_at(keepalive) <= now
    }
}

/// A time in microseconds; more than an hour is about an hour.
fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// The payload of a numbered ping.
pub(crate) fn numbered(number: u32) -> [u8; NUMBER] {
    u64::from(number).to_be_bytes()
}

/// The number in a payload, if it holds one.
fn number(payload: &[u8]) -> Option<u32> {
    u32::try_from(u64::from_be_bytes(payload.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits::default().keepalive(Keepalive::every(10 * SECOND).within(3 * SECOND))
    }

    /// On a busy connection the ping measures the round trip.
    #[test]
    fn a_ping_is_due_every_so_often_whatever_arrives() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        assert_eq!(liveness.next(start, &limits), Some((start + 10 * SECOND, Overdue::SendPing)));
        liveness.heard(start + 9 * SECOND);
        assert_eq!(
            liveness.next(start + 9 * SECOND, &limits),
            Some((start + 10 * SECOND, Overdue::SendPing))
        );
    }

    #[test]
    fn the_time_for_an_answer_begins_when_the_ping_was_written() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        let number = liveness.next_number();
        liveness.ping_queued(number, 100, start);
        liveness.written(99);
        assert_eq!(liveness.next(start + 5 * SECOND, &limits), Some((start + 18 * SECOND, Overdue::Lost)));
        liveness.written(1);
        assert_eq!(liveness.next(start + 6 * SECOND, &limits), Some((start + 9 * SECOND, Overdue::Lost)));
        assert_eq!(liveness.next(start + 7 * SECOND, &limits), Some((start + 9 * SECOND, Overdue::Lost)));
        liveness.heard(start + 8 * SECOND);
        assert_eq!(
            liveness.next(start + 8 * SECOND, &limits),
            Some((start + 16 * SECOND, Overdue::SendPing))
        );
    }

    #[test]
    fn the_round_trip_is_from_when_the_ping_was_written_to_its_pong() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        liveness.heard(start);
        liveness.pong(&numbered(0));
        liveness.pong(&numbered(1));
        assert_eq!(liveness.round_trip(), None, "no ping was sent");

        let first = liveness.next_number();
        liveness.ping_queued(first, 2, start);
        liveness.written(2);
        liveness.next(start + SECOND, &limits);
        // Other pongs prove life, but do not answer the ping: an empty one, a foreign one, and ones with other numbers.
        liveness.heard(start + 2 * SECOND);
        for payload in [&b""[..], b"12345678", &numbered(0), &numbered(2)] {
            liveness.pong(payload);
        }
        assert_eq!((liveness.round_trip(), liveness.is_answered(first)), (None, false));
        liveness.heard(start + 3 * SECOND);
        liveness.pong(&numbered(first));
        assert_eq!((liveness.round_trip(), liveness.is_answered(first)), (Some(2 * SECOND), true));

        liveness.heard(start + 9 * SECOND);
        liveness.pong(&numbered(first));
        assert_eq!(liveness.round_trip(), Some(2 * SECOND), "no further ping was sent");
    }

    #[test]
    fn a_pong_answers_the_pings_before_its_own_too() {
        let numbers = Numbers { sent: u32::MAX - 1, answered: u32::MAX - 1, kept: 0 };
        let mut liveness = Liveness { numbers, ..Liveness::default() };
        let pings = [(); 4].map(|()| liveness.next_number());
        assert_eq!(pings.map(|number| liveness.is_answered(number)), [false; 4]);
        liveness.pong(&numbered(pings[2]));
        assert_eq!(pings.map(|number| liveness.is_answered(number)), [true, true, true, false]);
        liveness.pong(&numbered(pings[0]));
        assert_eq!(pings.map(|number| liveness.is_answered(number)), [true, true, true, false]);
    }

    #[test]
    fn where_nothing_is_read_a_peer_is_lost_when_nothing_moves() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        let keepalive = limits.keepalive.unwrap();
        let number = liveness.next_number();
        liveness.ping_queued(number, 0, start);
        liveness.written(0);
        liveness.next(start, &limits);
        assert_eq!(liveness.giving_up(start + 3 * SECOND, keepalive), Some(GivingUp::Silent));
        liveness.cannot_hear(start + 3 * SECOND);
        assert_eq!(liveness.next(start + 3 * SECOND, &limits), Some((start + 16 * SECOND, Overdue::Lost)));
        liveness.written(1);
        assert_eq!(liveness.giving_up(start + 16 * SECOND, keepalive), None);
        assert_eq!(liveness.next(start + 16 * SECOND, &limits), Some((start + 29 * SECOND, Overdue::Lost)));
        assert_eq!(liveness.giving_up(start + 29 * SECOND, keepalive), Some(GivingUp::Stuck));
        liveness.heard(start + 29 * SECOND);
        assert_eq!(
            liveness.next(start + 29 * SECOND, &limits),
            Some((start + 39 * SECOND, Overdue::SendPing))
        );
    }

    #[test]
    fn a_peer_that_takes_nothing_is_lost_when_nothing_has_moved_for_both_times() {
        let (start, limits, mut liveness) = (Instant::now(), limits(), Liveness::default());
        let number = liveness.next_number();
        liveness.ping_queued(number, 100, start);
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
