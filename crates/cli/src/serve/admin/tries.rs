//! Limits how often somebody may try to sign in.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so many failures in a row, the next try has to wait.
const IN_A_ROW: u32 = 10;

/// One more try is allowed after this time.
const EVERY: Duration = Duration::from_secs(6);

/// The tries of everybody together: who guesses may have many addresses.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// When all of them are allowed again.
    all_at: Mutex<Option<Instant>>,
}

impl Tries {
    /// Takes a try, or says how long to wait for one.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut all_at = self.all_at.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = all_at.map_or(now, |at| at.max(now));
        let wait = earliest.duration_since(now);
        let most = EVERY * (IN_A_ROW - 1);
        if wait > most {
            return Err(wait - most);
        }
        *all_at = Some(earliest + EVERY);
        Ok(())
    }

    /// Gives back a try that was no failure.
    pub(super) fn give_back(&self) {
        let mut all_at = self.all_at.lock().unwrap_or_else(PoisonError::into_inner);
        *all_at = all_at.and_then(|at| at.checked_sub(EVERY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_failures_guessing_is_slow() {
        let (tries, start) = (Tries::default(), Instant::now());
        for _ in 0..IN_A_ROW {
            assert_eq!(tries.take(start), Ok(()));
        }
        assert_eq!(tries.take(start), Err(EVERY));
        let later = start + EVERY;
        assert_eq!(tries.take(later), Ok(()));
        assert_eq!(tries.take(later), Err(EVERY));
        let much_later = start + 1_000 * EVERY;
        assert!((0..IN_A_ROW).all(|_| tries.take(much_later).is_ok()));
        assert!(tries.take(much_later).is_err());
    }

    #[test]
    fn who_knows_the_password_needs_no_patience() {
        let (tries, now) = (Tries::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(tries.take(now), Ok(()));
            tries.give_back();
        }
    }
}
