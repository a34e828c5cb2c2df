//! The schedule of a loop's periodic call for all connections.

use std::time::{Duration, Instant};

/// The times at which a loop calls the handler for each of its connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct TickSchedule {
    period: Duration,
    pub(super) next: Instant,
}

impl TickSchedule {
    /// The first tick is due after one period. `None` if that is later than the clock can represent.
    pub(super) fn new(period: Duration, now: Instant) -> Option<TickSchedule> {
        Some(TickSchedule { period, next: now.checked_add(period)? })
    }

    /// Whether a tick is due. The next one is due at the next multiple of the period; missed ticks are skipped.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let Some(late) = now.checked_duration_since(self.next) else { return false };
        let since_last = late.as_nanos() % self.period.as_nanos().max(1);
        let since_last = Duration::from_nanos(u64::try_from(since_last).unwrap_or_default());
        self.next = now + (self.period - since_last);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_that_were_missed_are_skipped() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut ticks = TickSchedule::new(Duration::from_millis(10), start).unwrap();
        for (now, is_due, next) in
            [(9, false, 10), (10, true, 20), (45, true, 50), (49, false, 50), (50, true, 60), (61, true, 70)]
        {
            assert_eq!((ticks.is_due(at(now)), ticks.next), (is_due, at(next)), "after {now} ms");
        }
        assert!(TickSchedule::new(Duration::MAX, start).is_none());
    }
}
