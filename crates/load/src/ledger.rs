//! What all connections of a thread share while they run: the rules, and the counts.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt as _;

use crate::hub;
use crate::plan::{Check, Dialect, Pace, Plan, Think, Workload};
use crate::series::Series;
use crate::table::Token;
use crate::tally::{Interval, Tally};
use crate::target::Target;
use crate::times::Times;

/// How many times of publications are remembered for subscribers that lag behind.
const REMEMBERED: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Ledger<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) target: &'p Target,
    pub(crate) tally: Tally,
    /// The series that each channel's publisher sends; without channels, the one of all connections.
    pub(crate) outgoing: Vec<Arc<Series>>,
    pub(crate) channels: Vec<Publications>,
    pub(crate) measurement: Measurement,
    /// Connections that think, and when they send again.
    pub(crate) thinking: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Decrypted bytes.
    pub(crate) plain: Vec<u8>,
    interval: Interval,
    interval_began: Instant,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measurement {
    /// Nothing counts yet.
    WarmingUp,
    /// What is due from this time on counts.
    Measuring(Instant),
    /// Nothing more is sent; answers to what was due from this time on still count.
    Draining(Instant),
}

/// Answers or deliveries that never came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unanswered {
    /// To what was due in the measured time.
    pub(crate) measured: u64,
    /// To what was due before.
    pub(crate) earlier: u64,
    /// The content of that, in bytes.
    pub(crate) earlier_bytes: u64,
}

/// The publications to a channel: their times, and what is still to be delivered.
#[derive(Debug, Default)]
pub(crate) struct Publications {
    /// How many subscribers are open.
    pub(crate) subscribers: u64,
    /// How many deliveries to them are still to come, and how many of these nobody waits for any more.
    awaited: u64,
    given_up: u64,
    due: VecDeque<Instant>,
    /// How many were forgotten.
    forgotten: u64,
}

impl Publications {
    pub(crate) fn publish(&mut self, due: Instant) {
        self.awaited += self.subscribers;
        self.due.push_back(due);
        if self.due.len() > REMEMBERED {
            self.due.pop_front();
            self.forgotten += 1;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.forgotten + u64::try_from(self.due.len()).unwrap_or(u64::MAX)
    }

    /// A subscriber is past so many publications, because it has got or skipped them, or has ended.
    pub(crate) fn settle(&mut self, count: u64) {
        self.awaited = self.awaited.saturating_sub(count);
        self.given_up = self.given_up.min(self.awaited);
    }

    /// A subscriber will never get so many publications, because it has got a later one.
    pub(crate) fn skip(&mut self, count: u64) {
        self.given_up = self.given_up.saturating_sub(count);
        self.settle(count);
    }

    /// How many deliveries the next publication waits for.
    pub(crate) fn awaited(&self) -> u64 {
        self.awaited - self.given_up
    }

    /// The next publication does not wait any more.
    pub(crate) fn give_up(&mut self) {
        self.given_up = self.awaited;
    }

    /// How many were due before this time.
    fn before(&self, time: Instant) -> u64 {
        let remembered = self.due.partition_point(|due| *due < time);
        self.forgotten + u64::try_from(remembered).unwrap_or(u64::MAX)
    }

    /// When this publication was due.
    pub(crate) fn due(&self, number: u64) -> Option<Instant> {
        self.due.get(usize::try_from(number.checked_sub(self.forgotten)?).ok()?).copied()
    }
}

impl<'p> Ledger<'p> {
    pub(crate) fn new(plan: &'p Plan, target: &'p Target, outgoing: Vec<Arc<Series>>) -> Ledger<'p> {
        let mut channels = Vec::new();
        channels.resize_with(plan.channels(), Publications::default);
        Ledger {
            plan,
            target,
            tally: Tally::default(),
            outgoing,
            channels,
            measurement: Measurement::WarmingUp,
            thinking: BinaryHeap::new(),
            plain: Vec::new(),
            interval: Interval::default(),
            interval_began: Instant::now(),
        }
    }

    /// Whether what was due at this time counts.
    pub(crate) fn counts(&self, due: Instant) -> bool {
        match self.measurement {
            Measurement::WarmingUp => false,
            Measurement::Measuring(began) | Measurement::Draining(began) => due >= began,
        }
    }

    /// Whether nothing more is sent.
    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.measurement, Measurement::Draining(_))
    }

    /// Counts the answer to, or the delivery of, what was due at this time, with its length in bytes.
    pub(crate) fn answered(&mut self, due: Instant, length: usize, now: Instant) {
        if !self.counts(due) {
            return;
        }
        self.tally.received += 1;
        self.tally.received_bytes += u64::try_from(length).unwrap_or(0);
        self.latency(due, now);
    }

    /// Counts a connection that was due at this time.
    pub(crate) fn opened(&mut self, due: Instant) {
        if self.counts(due) {
            let now = Instant::now();
            self.tally.opening.record(now.saturating_duration_since(due));
            self.latency(due, now);
        }
    }

    fn latency(&mut self, due: Instant, now: Instant) {
        self.interval.latency.record(now.saturating_duration_since(due));
        if matches!(self.measurement, Measurement::Measuring(_)) {
            self.tally.received_in_time += 1;
            self.interval.done += 1;
        }
    }

    /// Counts what was sent, or published, because it was due at this time, and how many answers it is to have.
    pub(crate) fn sent(&mut self, due: Instant, bytes: usize, expected: u64) {
        if self.counts(due) {
            self.tally.sent += 1;
            self.tally.expected += expected;
            self.interval.sent += 1;
            self.tally.sent_bytes += u64::try_from(bytes).unwrap_or(0);
        }
    }

    /// Counts what was due at this time and could not be sent: the answers that it was to have never come.
    pub(crate) fn not_sent(&mut self, due: Instant, expected: u64) {
        self.sent(due, 0, expected);
        if self.counts(due) {
            self.tally.unanswered += expected;
        }
    }

    /// Counts how late the generator is with what was due at this time.
    pub(crate) fn late(&mut self, due: Instant, now: Instant) {
        if self.counts(due) {
            self.tally.late.record(now.saturating_duration_since(due));
        }
    }

    /// Counts answers to what was due at this time that never arrived, although a later one did.
    pub(crate) fn lost(&mut self, due: Instant, count: u64) {
        if self.counts(due) {
            self.tally.lost += count;
        }
    }

    /// Counts deliveries of these publications that never arrived, although a later one did.
    pub(crate) fn lost_publications(&mut self, channel: usize, numbers: Range<u64>) {
        self.tally.lost += self.measured(channel, &numbers);
    }

    /// Takes back that these publications are expected at a subscriber: it was opened too late for them.
    pub(crate) fn not_expected(&mut self, channel: usize, numbers: Range<u64>) {
        let count = self.measured(channel, &numbers);
        self.tally.expected = self.tally.expected.saturating_sub(count);
    }

    /// How many of these publications were due in the measured time.
    fn measured(&self, channel: usize, numbers: &Range<u64>) -> u64 {
        numbers.end.saturating_sub(numbers.start.max(self.published_before(channel)))
    }

    /// How many publications to a channel do not count, because they were due before the measured time.
    pub(crate) fn published_before(&self, channel: usize) -> u64 {
        let publications = self.channels.get(channel);
        publications.map_or(0, |publications| match self.measurement {
            Measurement::WarmingUp => publications.count(),
            Measurement::Measuring(began) | Measurement::Draining(began) => publications.before(began),
        })
    }

    /// Counts what never had an answer. What was due before the measured time counts in a closed loop, too: it has kept
    /// its connection from sending since.
    pub(crate) fn unanswered(&mut self, count: Unanswered) {
        if self.measurement == Measurement::WarmingUp {
            return;
        }
        self.tally.unanswered += count.measured;
        if self.closed_loop().is_some() {
            self.tally.sent += count.earlier;
            self.tally.sent_bytes += count.earlier_bytes;
            self.tally.expected += count.earlier;
            self.tally.unanswered += count.earlier;
        }
    }

    /// How many messages of a connection are to be unanswered at a time, in a closed loop.
    pub(crate) fn closed_loop(&self) -> Option<Think> {
        match &self.plan.workload {
            Workload::Echo { pace: Pace::Closed { think, .. }, .. } => Some(*think),
            _ => None,
        }
    }

    /// Lets a connection think.
    pub(crate) fn think(&mut self, think: Think, token: Token, now: Instant) {
        let time = rand::rng().random_range(think.least..=think.most.max(think.least));
        self.thinking.push(Reverse((now + time, token.to_bits())));
    }

    pub(crate) fn is_check_equal(&self) -> bool {
        self.plan.check == Check::Equal
    }

    /// The name of a channel of the hub. `None`: connections do not speak the hub's protocol.
    pub(crate) fn hub_channel(&self, number: usize) -> Option<String> {
        match &self.plan.workload {
            Workload::Fanout { dialect: Dialect::Centrifuge { channel }, .. } => {
                Some(hub::channel(channel, number))
            }
            _ => None,
        }
    }

    /// The series that the publisher of a channel sends.
    pub(crate) fn series(&self, channel: usize) -> Option<&Arc<Series>> {
        self.outgoing.get(channel).or_else(|| self.outgoing.first())
    }

    /// Begins to measure.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.measurement = Measurement::Measuring(now);
        self.interval = Interval::default();
        self.interval_began = now;
    }

    /// Ends a part of the measured time.
    pub(crate) fn end_interval(&mut self, now: Instant) {
        let time = now - std::mem::replace(&mut self.interval_began, now);
        let interval = Interval { time, ..std::mem::take(&mut self.interval) };
        self.tally.round_trip.add(&interval.latency);
        self.tally.intervals.push(interval);
    }

    /// Ends the measured time.
    pub(crate) fn end(&mut self, now: Instant) {
        if let Measurement::Measuring(began) = self.measurement {
            self.end_interval(now);
            self.measurement = Measurement::Draining(began);
        }
    }

    /// Adds the answers that came after the measured time. They are those of its last part. What comes now does not count
    /// any more: what was to come has been given up.
    pub(crate) fn finish(&mut self) -> Tally {
        self.tally.round_trip.add(&self.interval.latency);
        if let Some(last) = self.tally.intervals.last_mut() {
            last.latency.add(&self.interval.latency);
        }
        self.interval.latency.reset();
        std::mem::take(&mut self.tally)
    }

    /// Adds the codes by which the server has answered the closing handshakes since.
    pub(crate) fn add_closes(&self, tally: &mut Tally) {
        for (code, count) in &self.tally.closes {
            *tally.closes.entry(*code).or_default() += count;
        }
    }

    /// The latencies of the current part.
    pub(crate) fn current(&self) -> &Times {
        &self.interval.latency
    }

    /// How long ago the current part began.
    pub(crate) fn current_age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.interval_began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_due_in_the_measured_time_can_be_late_or_lost() {
        let series = Series::new(vec![b"a".to_vec()], crate::Kind::Text, crate::Coding::Plain).unwrap();
        let pace = Pace::Closed { depth: 1, think: Think::default() };
        let plan = Plan::new(Workload::Echo { series: Arc::new(series), pace }, 1);
        let target = Target::resolve("ws://127.0.0.1:1/", &crate::RequestOptions::default()).unwrap();
        let mut ledger = Ledger::new(&plan, &target, Vec::new());
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        ledger.late(start, start + second);
        ledger.begin(start + second);
        ledger.late(start, start + second);
        ledger.lost(start, 1);
        assert_eq!((ledger.tally.late.count(), ledger.tally.lost), (0, 0));
        ledger.late(start + second, start + 2 * second);
        ledger.lost(start + second, 1);
        assert_eq!((ledger.tally.late.count(), ledger.tally.lost), (1, 1));
    }

    #[test]
    fn deliveries_that_were_given_up_are_not_waited_for_again() {
        let mut publications = Publications { subscribers: 3, ..Publications::default() };
        publications.publish(Instant::now());
        publications.settle(2);
        assert_eq!(publications.awaited(), 1);
        publications.give_up();
        assert_eq!(publications.awaited(), 0);
        publications.publish(Instant::now());
        publications.settle(2);
        assert_eq!(publications.awaited(), 1);
        // The subscriber that missed the first one gets the second one.
        publications.skip(1);
        assert_eq!(publications.awaited(), 1);
        publications.settle(1);
        assert_eq!((publications.awaited(), publications.awaited, publications.given_up), (0, 0, 0));
    }

    #[test]
    fn forgotten_publications_have_no_time() {
        let (start, mut publications) = (Instant::now(), Publications::default());
        for number in 0..u32::try_from(REMEMBERED).unwrap() + 2 {
            publications.publish(start + Duration::from_micros(number.into()));
        }
        assert_eq!(publications.count(), u64::try_from(REMEMBERED).unwrap() + 2);
        assert_eq!(publications.due(1), None);
        assert_eq!(publications.due(2), Some(start + Duration::from_micros(2)));
        assert_eq!(publications.due(publications.count()), None);
    }
}
