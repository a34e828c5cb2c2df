//! How long publications take to their subscribers.

use std::time::Instant;

use anyhow::{Context, Result};
use longwire_load::Times;

use crate::latency::Quantiles;

/// The times when publications to one channel were due. A subscriber gets them in order, each once, so the number of
/// its deliveries says which publication it received.
pub(super) struct Timing {
    due: Vec<Instant>,
    /// How many of them belong to the warm-up.
    warm_up: usize,
    times: Times,
}

impl Timing {
    pub(super) fn new() -> Self {
        Self { due: Vec::new(), warm_up: 0, times: Times::default() }
    }

    /// The next publication is due at this time.
    pub(super) fn is_due(&mut self, at: Instant) {
        self.due.push(at);
    }

    /// Only the publications after this are measured.
    pub(super) fn end_warm_up(&mut self) {
        self.warm_up = self.due.len();
    }

    /// Counts the delivery of publication `number` to one subscriber.
    pub(super) fn delivered(&mut self, number: usize, now: Instant) -> Result<()> {
        let due = self.due.get(number).context("more deliveries than publications")?;
        if number >= self.warm_up {
            self.times.record(now.saturating_duration_since(*due));
        }
        Ok(())
    }

    /// All publications, with those of the warm-up.
    pub(super) fn publications(&self) -> usize {
        self.due.len()
    }

    /// The deliveries that were measured.
    pub(super) fn measured(&self) -> u64 {
        self.times.count()
    }

    pub(super) fn quantiles(&self) -> Quantiles {
        Quantiles::of(&self.times)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn latency_counts_from_the_time_when_a_publication_was_due_and_not_in_the_warm_up() {
        let (start, mut timing) = (Instant::now(), Timing::new());
        timing.is_due(start);
        timing.end_warm_up();
        timing.is_due(start + Duration::from_millis(1));
        timing.delivered(0, start + Duration::from_secs(9)).unwrap();
        timing.delivered(1, start + Duration::from_millis(3)).unwrap();
        assert_eq!(timing.measured(), 1);
        let longest = timing.quantiles().max;
        assert!((1_990.0..2_010.0).contains(&longest), "{longest} µs");
        assert!(timing.delivered(2, start).is_err(), "nobody published that");
    }
}
