//! How often all visitors together may ask for something.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Allows so many requests in a row, and then one more each time that this time has passed.
#[derive(Debug)]
pub(super) struct DemoRate {
    in_a_row: u32,
    every: Duration,
    /// When all of them are allowed again.
    all_at: Mutex<Option<Instant>>,
}

impl DemoRate {
    pub(super) fn new(in_a_row: u32, every: Duration) -> DemoRate {
        DemoRate { in_a_row, every, all_at: Mutex::new(None) }
    }

    /// Takes a request, if it is allowed.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut all_at = self.all_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = all_at.map_or(now, |at| at.max(now)) + self.every;
        let is_allowed = next.duration_since(now) <= self.every * self.in_a_row;
        if is_allowed {
            *all_at = Some(next);
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_refilled() {
        let (rate, start) = (DemoRate::new(3, Duration::from_secs(1)), Instant::now());
        let taken = |seconds| rate.take(start + Duration::from_secs(seconds));
        assert_eq!([taken(0), taken(0), taken(0), taken(0)], [true, true, true, false]);
        assert_eq!([taken(1), taken(1)], [true, false]);
        assert_eq!([taken(100), taken(100), taken(100), taken(100)], [true, true, true, false]);
    }
}
