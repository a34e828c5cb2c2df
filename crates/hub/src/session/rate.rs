//! Counting how often something happens.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::time::Millis;

/// Allows a number of events in a time, evenly refilled: the moment at which as many as allowed may happen at once again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    /// In microseconds, so that short times are divided well.
    full_at: u64,
}

impl Rate {
    /// Takes one event, if it is allowed.
    pub(super) fn take(&mut self, count: NonZeroU32, per: Duration, now: Millis) -> bool {
        let now = now.0.saturating_mul(1_000);
        let per = u64::try_from(per.as_micros()).unwrap_or(u64::MAX);
        let step = per / u64::from(count.get());
        let next = self.full_at.max(now).saturating_add(step);
        if next > now.saturating_add(per) {
            return false;
        }
        self.full_at = next;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_refilled() {
        let (three, second) = (NonZeroU32::new(3).unwrap(), Duration::from_secs(1));
        let mut rate = Rate::default();
        let mut take = |now| rate.take(three, second, Millis(now));
        assert_eq!([take(0), take(0), take(0), take(0)], [true, true, true, false]);
        assert!(!take(300));
        assert!(take(334));
        assert!(!take(400));
        assert_eq!([take(5_000), take(5_000), take(5_000), take(5_000)], [true, true, true, false]);
    }
}
