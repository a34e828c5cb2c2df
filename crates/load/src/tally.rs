//! What was counted and measured.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::times::Times;

/// How many kinds of errors are told apart.
const KINDS: usize = 64;

/// The longest text of an error, in characters.
const LONGEST_TEXT: usize = 300;

/// The counts and times of a run.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Connections whose opening began.
    pub begun: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that could not be opened.
    pub failed: u64,
    /// Connections that ended before the generator ended them.
    pub ended_early: u64,
    /// Connections that were opened for others, which could not be opened or had ended early. `opened` has them, too.
    pub reopened: u64,
    /// Failures of opening and of connections, by kind.
    pub errors: BTreeMap<String, u64>,
    /// The codes by which the server closed connections. 1005 stands for a Close frame without a code.
    pub closes: BTreeMap<u16, u64>,
    /// Messages that were sent, or that were due in an open loop while no connection could send them. In a closed loop,
    /// those that were sent before the measured time and never answered are among them.
    pub sent: u64,
    /// Their content, in bytes.
    pub sent_bytes: u64,
    /// What is to arrive for them: an answer to each, or the deliveries to all subscribers that were there.
    pub expected: u64,
    /// Messages that arrived as expected: answers, or publications.
    pub received: u64,
    /// Of these, the ones that arrived during the measured time.
    pub received_in_time: u64,
    /// Their content, in bytes.
    pub received_bytes: u64,
    /// Messages that never arrived although a later one did.
    pub lost: u64,
    /// Messages that arrived again, or after a later one.
    pub repeated: u64,
    /// Messages that are none of those that were sent.
    pub unexpected: u64,
    /// Messages for which the time ended, or the connection.
    pub unanswered: u64,
    /// Pings that arrived. Of several before a send, only the latest is answered.
    pub pings: u64,
    /// The time from the beginning of a connection until TCP is connected.
    pub connect: Times,
    /// From there until TLS is agreed.
    pub tls: Times,
    /// From there until the opening handshake is over.
    pub handshake: Times,
    /// In a storm: from the time when a connection was due until it is open.
    pub opening: Times,
    /// From the time when a message was due until its answer, or until its delivery to one subscriber.
    pub round_trip: Times,
    /// How late the generator was with messages in an open loop.
    pub late: Times,
    /// Parts of the measured time, in order.
    pub intervals: Vec<Interval>,
}

/// A part of the measured time.
#[derive(Debug, Clone, Default)]
pub struct Interval {
    /// How long it was.
    pub time: Duration,
    /// Messages that were sent in it.
    pub sent: u64,
    /// Messages that arrived in it; in a storm, connections that were opened.
    pub done: u64,
    /// Their latencies.
    pub latency: Times,
}

impl Tally {
    /// Counts an error. Its text may have parts that the server chose.
    pub(crate) fn error(&mut self, kind: &str) {
        let kind = &*harmless(kind);
        if let Some(count) = self.errors.get_mut(kind) {
            *count += 1;
        } else if self.errors.len() < KINDS {
            self.errors.insert(kind.to_owned(), 1);
        } else {
            *self.errors.entry("others".to_owned()).or_default() += 1;
        }
    }

    /// How many errors there were.
    #[must_use]
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Adds what another thread, or another round, has counted. Its intervals are those of the same time.
    pub fn add(&mut self, other: &Tally) {
        self.add_totals(other);
        for (number, interval) in other.intervals.iter().enumerate() {
            match self.intervals.get_mut(number) {
                Some(mine) => {
                    mine.time = mine.time.max(interval.time);
                    mine.sent += interval.sent;
                    mine.done += interval.done;
                    mine.latency.add(&interval.latency);
                }
                None => self.intervals.push(interval.clone()),
            }
        }
    }

    /// Adds what a later round has counted. Its intervals follow.
    pub fn append(&mut self, other: &Tally) {
        self.add_totals(other);
        self.intervals.extend(other.intervals.iter().cloned());
    }

    fn add_totals(&mut self, other: &Tally) {
        for (mine, its) in [
            (&mut self.begun, other.begun),
            (&mut self.opened, other.opened),
            (&mut self.failed, other.failed),
            (&mut self.ended_early, other.ended_early),
            (&mut self.reopened, other.reopened),
            (&mut self.sent, other.sent),
            (&mut self.sent_bytes, other.sent_bytes),
            (&mut self.expected, other.expected),
            (&mut self.received, other.received),
            (&mut self.received_in_time, other.received_in_time),
            (&mut self.received_bytes, other.received_bytes),
            (&mut self.lost, other.lost),
            (&mut self.repeated, other.repeated),
            (&mut self.unexpected, other.unexpected),
            (&mut self.unanswered, other.unanswered),
            (&mut self.pings, other.pings),
        ] {
            *mine += its;
        }
        for (mine, its) in [
            (&mut self.connect, &other.connect),
            (&mut self.tls, &other.tls),
            (&mut self.handshake, &other.handshake),
            (&mut self.opening, &other.opening),
            (&mut self.round_trip, &other.round_trip),
            (&mut self.late, &other.late),
        ] {
            mine.add(its);
        }
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        for (code, count) in &other.closes {
            *self.closes.entry(*code).or_default() += count;
        }
    }
}

/// The text without what a terminal or a page would obey: control characters, and those that turn the direction of text
/// or are unseen.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars().take(LONGEST_TEXT) {
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_controls_no_terminal() {
        let mut tally = Tally::default();
        tally.error("hub: {\"ä\u{1b}[2J\u{9b}\u{202e}\n\u{200b}");
        assert_eq!(
            tally.errors.keys().collect::<Vec<_>>(),
            ["hub: {\"ä\\u{1b}[2J\\u{9b}\\u{202e}\\n\\u{200b}"]
        );
        tally.error(&"ä".repeat(100_000));
        assert!(tally.errors.keys().all(|kind| kind.chars().count() <= LONGEST_TEXT));
    }

    #[test]
    fn kinds_of_errors_are_bounded() {
        let mut tally = Tally::default();
        for number in 0..1000 {
            tally.error(&format!("kind {number}"));
        }
        tally.error("kind 3");
        assert_eq!((tally.errors.len(), tally.errors["kind 3"], tally.error_count()), (KINDS + 1, 2, 1001));
    }

    #[test]
    fn threads_share_intervals_and_rounds_follow_each_other() {
        let interval = Interval { time: Duration::from_secs(1), sent: 3, done: 2, ..Interval::default() };
        let part = Tally { sent: 3, intervals: vec![interval], ..Tally::default() };
        let (mut threads, mut rounds) = (part.clone(), part.clone());
        threads.add(&part);
        rounds.append(&part);
        assert_eq!((threads.sent, threads.intervals.len(), threads.intervals[0].sent), (6, 1, 6));
        assert_eq!((rounds.sent, rounds.intervals.len(), rounds.intervals[1].done), (6, 2, 2));
    }
}
