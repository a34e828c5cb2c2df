//! What a generator that was the bottleneck may explain, and what it cannot.

use std::time::Duration;

use super::document::{Report, millis};
use crate::fault;
use crate::times::Times;
use crate::verdict::BUSY;

/// From which share of late messages on a generator that spins had always something else to do.
const MOSTLY_LATE: f64 = 0.5;

impl Report {
    /// The report with only those failures that the generator cannot have caused. If it was the bottleneck and never idle,
    /// answers and handshakes may have waited for it until their time was over. Nothing excuses an error, or an answer that
    /// was lost, repeated or changed.
    #[must_use]
    pub fn without_excuses(&self) -> Report {
        let mut report = self.clone();
        if self.generator.bottleneck.is_empty() || !self.is_never_idle() {
            return report;
        }
        report.errors.retain(|kind, _| !fault::is_time_out(kind));
        let remaining: u64 = report.errors.values().sum();
        let timed_out = self.errors.values().sum::<u64>().saturating_sub(remaining);
        report.connections.failed = report.connections.failed.saturating_sub(timed_out);
        report.messages.expected = report.messages.expected.saturating_sub(report.messages.unanswered);
        report.messages.unanswered = 0;
        report
    }

    /// Whether the generator always had something to do, so that what arrived may have waited for it. If the system does
    /// not tell, it may have been. One that spins is always busy, but with nothing else to do it sends in time.
    fn is_never_idle(&self) -> bool {
        if self.generator.spins {
            return self.generator.late.is_none_or(|late| late >= MOSTLY_LATE);
        }
        let waited = self.generator.waited.unwrap_or(0.0);
        self.generator.cpu.is_none_or(|cpu| cpu + waited >= BUSY)
    }

    /// Whether more than this share of times exceeds `limit` milliseconds without what the generator added to them.
    ///
    /// A message that it sent late may have been read as late. So where a time exceeds the limit by more than twice a
    /// lateness, either the server was too slow or the generator was later than that, once of two times.
    pub(crate) fn is_exceeded_despite_lateness(&self, name: &str, limit: f64, share: f64) -> bool {
        let lateness = &self.generator.lateness;
        if lateness.is_empty() {
            return false;
        }
        let latency = self.latency_histogram();
        if latency.is_empty() || self.latency().is_none_or(|(latency, _)| latency != name) {
            // Of the other times, and of reports without histograms, only percentiles are known.
            return self
                .quantile(name, share)
                .is_some_and(|time| time > limit + 2.0 * millis(lateness.quantile(1.0)));
        }
        lateness.counted().into_iter().any(|(late, _)| {
            let bound = Duration::from_secs_f64(limit.min(1e9) / 1000.0) + 2 * late;
            part(latency.above(bound), latency.count()) - 2.0 * part(lateness.above(late), lateness.count())
                > share
        })
    }

    /// The time that this share of times exceeds, of those in a distribution.
    fn quantile(&self, name: &str, share: f64) -> Option<f64> {
        let times = self.times.get(name)?;
        Some(match share {
            share if share >= 0.5 => times.p50,
            share if share >= 0.1 => times.p90,
            share if share >= 0.05 => times.p95,
            share if share >= 0.01 => times.p99,
            share if share >= 0.001 => times.p99_9,
            share if share > 0.0 => times.p99_99,
            _ => times.max,
        })
    }

    /// The mean without what the generator added to it.
    pub(crate) fn mean_without_lateness(&self, name: &str) -> Option<f64> {
        let lateness = &self.generator.lateness;
        let times = self.times.get(name).filter(|_| !lateness.is_empty())?;
        Some(times.mean - 2.0 * millis(lateness.mean()))
    }

    /// All latencies of the run.
    fn latency_histogram(&self) -> Times {
        let mut sum = Times::default();
        self.intervals.iter().for_each(|part| sum.add(&part.histogram));
        sum
    }
}

fn part(count: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of messages")]
    let [count, whole] = [count as f64, whole as f64];
    if whole > 0.0 { count / whole } else { 0.0 }
}
