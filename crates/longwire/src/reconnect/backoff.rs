//! The wait before the next attempt.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::policy::Reconnect;

/// Waits are clamped to 30 years, which every clock supports.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Computes the wait before the next attempt.
#[derive(Debug)]
pub(super) struct Backoff {
    random: StdRng,
    /// Attempts in a row, including the current one.
    tries: u32,
}

impl Backoff {
    pub(super) fn new(policy: &Reconnect) -> Backoff {
        let seed = policy.seed.unwrap_or_else(|| rand::rng().next_u64());
        Backoff { random: StdRng::seed_from_u64(seed), tries: 0 }
    }

    /// Counts an attempt and returns its number, starting at 1.
    pub(super) fn count(&mut self) -> u32 {
        self.tries = self.tries.saturating_add(1);
        self.tries
    }

    /// Starts over after a connection that lived long enough.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }

    /// Whether all attempts were used.
    pub(super) fn is_exhausted(&self, policy: &Reconnect) -> bool {
        policy.tries.is_some_and(|tries| self.tries >= tries)
    }

    /// The wait before the next attempt: the time that the server asked for, plus a random part of a time that doubles
    /// with every attempt.
    pub(super) fn wait(&mut self, policy: &Reconnect, retry_after: Option<Duration>) -> Duration {
        let doublings = self.tries.saturating_sub(1);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let ceiling = policy.first_wait.saturating_mul(factor).min(policy.max_wait);
        let random = self.random.random_range(Duration::ZERO..=ceiling);
        retry_after.unwrap_or_default().min(policy.max_retry_after).saturating_add(random).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The longest of many waits after `tries` attempts in a row.
    fn longest(tries: u32) -> Duration {
        let policy = Reconnect::default();
        let mut waits = Vec::new();
        for seed in 0..500 {
            let mut backoff = Backoff::new(&policy.clone().seed(seed));
            backoff.tries = tries;
            waits.push(backoff.wait(&policy, None));
        }
        waits.into_iter().max().unwrap()
    }

    #[test]
    fn the_longest_wait_doubles_up_to_a_bound() {
        for (tries, ceiling) in
            [(0, 250), (1, 250), (2, 500), (3, 1000), (7, 16_000), (8, 30_000), (u32::MAX, 30_000)]
        {
            let ceiling = Duration::from_millis(ceiling);
            let longest = longest(tries);
            assert!(longest <= ceiling && longest > ceiling * 9 / 10, "{tries}: {longest:?}");
        }
    }

    #[test]
    fn the_tries_are_counted() {
        let policy = Reconnect::default().tries(1);
        let mut backoff = Backoff::new(&policy);
        assert!(!backoff.is_exhausted(&policy));
        backoff.count();
        assert!(backoff.is_exhausted(&policy));
    }

    #[test]
    fn waits_are_spread_over_all_of_their_time_and_follow_from_their_seed() {
        let policy = Reconnect::default().first_wait(8 * SECOND).seed(1);
        let waits = |policy: &Reconnect| {
            let mut backoff = Backoff::new(policy);
            (0..200).map(|_| backoff.wait(policy, None)).collect::<Vec<_>>()
        };
        let drawn = waits(&policy);
        for quarter in 0..4 {
            let part = quarter * 2 * SECOND..(quarter + 1) * 2 * SECOND;
            let count = drawn.iter().filter(|wait| part.contains(*wait)).count();
            assert!((25..=75).contains(&count), "{count} of 200 in {part:?}");
        }
        assert_eq!(drawn, waits(&policy));
        assert_ne!(drawn, waits(&policy.clone().seed(2)));
        assert_ne!(waits(&policy.clone().seed(None)), waits(&policy.seed(None)));
    }

    #[test]
    fn what_the_server_asks_for_comes_before_the_random_wait_within_a_bound() {
        let policy = Reconnect::default().max_retry_after(60 * SECOND);
        let mut backoff = Backoff::new(&policy);
        for (asked, least) in [(20 * SECOND, 20 * SECOND), (Duration::MAX, 60 * SECOND)] {
            let wait = backoff.wait(&policy, Some(asked));
            assert!(wait >= least && wait <= least + policy.first_wait, "{wait:?}");
        }
    }
}
