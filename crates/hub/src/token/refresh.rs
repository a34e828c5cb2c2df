//! When to fetch keys: at most one fetch at a time, and not too often.

use std::time::Duration;

use crate::time::Millis;

/// How often keys are fetched, and how long they are used.
///
/// ```
/// use longwire_hub::RefreshPolicy;
///
/// let policy = RefreshPolicy::default();
/// assert!(policy.timeout <= policy.min_interval && policy.refresh_after < policy.max_age);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// The least time from the beginning of one fetch to that of the next, also if tokens name unknown keys. 10 s.
    pub min_interval: Duration,
    /// How long a fetch may take. After that, another may begin. 5 s.
    pub timeout: Duration,
    /// Keys of this age are fetched again at the next token. If that fails, they stay in use. 10 min.
    pub refresh_after: Duration,
    /// Keys of this age are not used anymore. 24 h.
    pub max_age: Duration,
    /// The longest JWK set, in bytes. 256 KiB.
    pub max_len: usize,
}

impl Default for RefreshPolicy {
    fn default() -> RefreshPolicy {
        RefreshPolicy {
            min_interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            refresh_after: Duration::from_secs(600),
            max_age: Duration::from_secs(86_400),
            max_len: 256 << 10,
        }
    }
}

/// What to do about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Begin the fetch of this number.
    Fetch(u64),
    /// Wait for the fetch of this number, which goes on.
    Wait(u64),
    /// Go on without: the last fetch is too recent.
    TooSoon,
}

/// The fetches so far.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    /// The number of the newest fetch.
    newest: u64,
    /// When it began, if there was one.
    begun: Option<Millis>,
    /// Whether it goes on.
    is_running: bool,
    /// When the fetch that brought the keys began.
    fetched: Option<Millis>,
}

impl Refresh {
    /// Whether the keys should be fetched again: there are none, or they are old.
    pub(super) fn is_due(&self, policy: &RefreshPolicy, now: Millis) -> bool {
        self.fetched.is_none_or(|fetched| now.since(fetched) >= policy.refresh_after)
    }

    /// Whether the keys may be used.
    pub(super) fn is_usable(&self, policy: &RefreshPolicy, now: Millis) -> bool {
        self.fetched.is_some_and(|fetched| now.since(fetched) < policy.max_age)
    }

    /// The fetches that have ended.
    pub(super) fn without_running(&self) -> Refresh {
        let begun = if self.is_running { self.fetched } else { self.begun };
        Refresh { newest: self.newest, begun, is_running: false, fetched: self.fetched }
    }

    /// Somebody needs newer keys.
    pub(super) fn want(&mut self, policy: &RefreshPolicy, now: Millis) -> Step {
        if let Some(begun) = self.begun {
            let age = now.since(begun);
            if self.is_running && age < policy.timeout {
                return Step::Wait(self.newest);
            }
            if age < policy.min_interval {
                return Step::TooSoon;
            }
        }
        self.newest += 1;
        self.begun = Some(now);
        self.is_running = true;
        Step::Fetch(self.newest)
    }

    /// A fetch has ended. Returns whether its keys are to be used: not if a later fetch has begun.
    pub(super) fn ended(&mut self, number: u64, succeeded: bool) -> bool {
        if number != self.newest || !self.is_running {
            return false;
        }
        self.is_running = false;
        if succeeded {
            self.fetched = self.begun;
        }
        succeeded
    }

    /// Whether the fetch of this number goes on.
    pub(super) fn is_running(&self, number: u64) -> bool {
        self.is_running && self.newest == number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000;

    #[test]
    fn one_fetch_runs_at_a_time_and_the_next_waits_for_the_interval() {
        let (policy, mut refresh) = (RefreshPolicy::default(), Refresh::default());
        assert!(refresh.is_due(&policy, Millis(0)) && !refresh.is_usable(&policy, Millis(0)));
        assert_eq!(refresh.want(&policy, Millis(0)), Step::Fetch(1));
        assert_eq!(refresh.want(&policy, Millis(1)), Step::Wait(1));
        assert!(refresh.ended(1, true));
        assert_eq!(refresh.want(&policy, Millis(10 * SECOND - 1)), Step::TooSoon);
        assert_eq!(refresh.want(&policy, Millis(10 * SECOND)), Step::Fetch(2));
    }

    #[test]
    fn a_lost_fetch_is_given_up_and_its_late_answer_is_ignored() {
        let (policy, mut refresh) = (RefreshPolicy::default(), Refresh::default());
        assert_eq!(refresh.want(&policy, Millis(0)), Step::Fetch(1));
        assert_eq!(refresh.want(&policy, Millis(5 * SECOND)), Step::TooSoon);
        assert_eq!(refresh.want(&policy, Millis(10 * SECOND)), Step::Fetch(2));
        assert!(!refresh.ended(1, true));
        assert!(refresh.is_running(2) && refresh.is_due(&policy, Millis(10 * SECOND)));
    }

    #[test]
    fn old_keys_are_used_while_fetching_fails_but_not_longer_than_their_age() {
        let (policy, mut refresh) = (RefreshPolicy::default(), Refresh::default());
        assert_eq!(refresh.want(&policy, Millis(0)), Step::Fetch(1));
        assert!(refresh.ended(1, true));
        let old = Millis(600 * SECOND);
        assert!(!refresh.is_due(&policy, Millis(old.0 - 1)) && refresh.is_due(&policy, old));
        assert_eq!(refresh.want(&policy, old), Step::Fetch(2));
        assert!(!refresh.ended(2, false));
        assert!(refresh.is_usable(&policy, Millis(86_400 * SECOND - 1)));
        assert!(!refresh.is_usable(&policy, Millis(86_400 * SECOND)));
    }
}
