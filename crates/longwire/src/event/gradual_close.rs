//! Which connections a shutdown closes when, so that their clients do not all come back at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::key::Key;

/// How often connections are closed, at most.
const STEP: Duration = Duration::from_millis(10);

/// The connections that wait to be closed.
#[derive(Debug)]
pub(super) struct GradualClose {
    waiting: VecDeque<Key>,
    total: usize,
    begun: Instant,
    spread: Duration,
    /// When some are closed next.
    pub(super) next: Instant,
}

impl GradualClose {
    pub(super) fn new(waiting: Vec<Key>, begun: Instant, spread: Duration) -> GradualClose {
        GradualClose { total: waiting.len(), waiting: waiting.into(), begun, spread, next: begun }
    }

    /// Takes those that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Key> {
        if now < self.next {
            return Vec::new();
        }
        // The first ones are due a step after the beginning.
        let elapsed = now.saturating_duration_since(self.begun).saturating_add(STEP);
        let closed = self.total - self.waiting.len();
        let due = match self.spread.as_nanos() {
            spread if elapsed.as_nanos() < spread => {
                let due = (self.total as u128).saturating_mul(elapsed.as_nanos()) / spread;
                usize::try_from(due).unwrap_or(self.total).saturating_sub(closed)
            }
            _ => self.waiting.len(),
        };
        self.next = now + STEP;
        self.waiting.drain(..due.min(self.waiting.len())).collect()
    }

    /// Whether all were taken.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(count: usize) -> Vec<Key> {
        let mut keys = slotmap::SlotMap::with_key();
        (0..count).map(|_| keys.insert(())).collect()
    }

    #[test]
    fn connections_are_closed_in_equal_portions_within_the_time() {
        let begun = Instant::now();
        let mut closing = GradualClose::new(waiting(1_000), begun, 100 * STEP);
        for step in 0..100 {
            let now = begun + step * STEP;
            assert_eq!(closing.take_due(now).len(), 10, "step {step}");
            assert_eq!(closing.take_due(now + STEP / 2).len(), 0, "before the next step");
        }
        assert!(closing.is_over());
    }

    #[test]
    fn a_loop_that_was_late_catches_up() {
        let begun = Instant::now();
        let mut closing = GradualClose::new(waiting(10), begun, 100 * STEP);
        assert_eq!(closing.take_due(begun).len(), 0);
        assert_eq!(closing.take_due(begun + 49 * STEP).len(), 5);
        assert_eq!(closing.take_due(begun + 1_000 * STEP).len(), 5);
    }

    #[test]
    fn without_a_time_all_are_closed_at_once() {
        let begun = Instant::now();
        for count in [0, 1, 3] {
            let mut closing = GradualClose::new(waiting(count), begun, Duration::ZERO);
            assert_eq!(closing.take_due(begun).len(), count);
        }
    }
}
