//! Points in time of an event loop, in half the memory of an `Instant`.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// When an event loop began.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoopEpoch(Instant);

/// A time after the epoch of a loop, to the nanosecond. Times after 584 years are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LoopTime(NonZeroU64);

impl LoopEpoch {
    pub(super) fn new(now: Instant) -> LoopEpoch {
        LoopEpoch(now)
    }

    /// The time of the loop at this instant. Instants before the epoch count as the epoch.
    pub(super) fn time(self, at: Instant) -> LoopTime {
        let nanos = u64::try_from(at.saturating_duration_since(self.0).as_nanos()).unwrap_or(u64::MAX);
        LoopTime(NonZeroU64::MIN.saturating_add(nanos))
    }

    pub(super) fn instant(self, time: LoopTime) -> Instant {
        self.0 + Duration::from_nanos(time.0.get() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_its_instant_again_and_keeps_the_order() {
        let start = Instant::now();
        let epoch = LoopEpoch::new(start);
        let instants = [0, 1, 999_999_999, 1_000_000_000, 86_400_000_000_001].map(Duration::from_nanos);
        let times = instants.map(|after| epoch.time(start + after));
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        for (time, after) in times.into_iter().zip(instants) {
            assert_eq!(epoch.instant(time), start + after);
        }
    }

    #[test]
    fn times_that_it_cannot_represent_are_the_nearest_ones() {
        let start = Instant::now();
        let epoch = LoopEpoch::new(start + Duration::from_secs(1));
        assert_eq!(epoch.instant(epoch.time(start)), start + Duration::from_secs(1));
        let far = start + Duration::from_secs(1_000 * 365 * 86_400);
        assert!(epoch.instant(epoch.time(far)) > start + Duration::from_secs(500 * 365 * 86_400));
    }
}
