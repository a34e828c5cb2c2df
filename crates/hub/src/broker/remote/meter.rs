//! Counts what happens between a node and its engine.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::effect::Note;
use crate::broker::BrokerError;
use crate::broker::status::BrokerStatus;

/// The weight of the newest call in the average, as a divisor.
const WEIGHT: u64 = 8;

/// The counters of a node. They order nothing.
#[derive(Debug, Default)]
pub(super) struct Meter {
    calls: AtomicU64,
    failures: AtomicU64,
    call_micros: AtomicU64,
    /// The average, in microseconds; 0 before the first call.
    latency: AtomicU64,
    /// Whether the last call has failed because the engine could not be reached.
    fails: AtomicBool,
    pub(super) interruptions: AtomicU64,
    gaps_filled: AtomicU64,
    gaps_lost: AtomicU64,
    duplicates: AtomicU64,
    /// The calls that have begun and not ended.
    waiting: AtomicUsize,
    /// The channels that are followed.
    pub(super) followed: AtomicUsize,
    /// Those of them whose publications may not arrive.
    pub(super) interrupted: AtomicUsize,
    /// The bytes that they hold.
    pub(super) held_bytes: AtomicUsize,
}

/// A call that has begun. Dropping it counts its end.
pub(super) struct Underway<'a>(&'a Meter);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Meter {
    /// Counts a call that begins.
    pub(super) fn begin(&self) -> Underway<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Underway(self)
    }

    /// Counts a call that has ended.
    pub(super) fn called<T>(&self, outcome: &Result<T, BrokerError>, time: Duration) {
        let fails = matches!(outcome, Err(BrokerError::Unavailable));
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.call_micros.fetch_add(micros, Ordering::Relaxed);
        self.fails.store(fails, Ordering::Relaxed);
        if fails {
            self.failures.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let average = |old: u64| match old {
            0 => micros.max(1),
            old => (old - old / WEIGHT).saturating_add(micros / WEIGHT).max(1),
        };
        // Of two calls that end at once, one may be left out.
        self.latency.store(average(self.latency.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    pub(super) fn note(&self, note: Note) {
        let counter = match note {
            Note::Duplicate => &self.duplicates,
            Note::GapFilled => &self.gaps_filled,
            Note::GapLost => &self.gaps_lost,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the last call has failed because the engine could not be reached.
    pub(super) fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    pub(super) fn status(&self) -> BrokerStatus {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let latency = get(&self.latency);
        let (gaps_filled, gaps_lost) = (get(&self.gaps_filled), get(&self.gaps_lost));
        BrokerStatus {
            is_reachable: !self.fails() && self.interrupted.load(Ordering::Relaxed) == 0,
            is_alone: false,
            latency: (latency > 0).then(|| Duration::from_micros(latency)),
            waiting: self.waiting.load(Ordering::Relaxed),
            calls: get(&self.calls),
            failures: get(&self.failures),
            call_time: Duration::from_micros(get(&self.call_micros)),
            followed: self.followed.load(Ordering::Relaxed),
            held_bytes: self.held_bytes.load(Ordering::Relaxed),
            interruptions: get(&self.interruptions),
            gaps_found: gaps_filled.saturating_add(gaps_lost),
            gaps_filled,
            gaps_lost,
            duplicates: get(&self.duplicates),
        }
    }
}
