//! Time, which is always an argument.

use std::time::Duration;

/// A moment: milliseconds since the Unix epoch. The hub never reads a clock; its callers pass the time.
///
/// ```
/// use std::time::Duration;
/// use longwire_hub::Millis;
///
/// let start = Millis(1_000);
/// assert_eq!(start + Duration::from_secs(2), Millis(3_000));
/// assert_eq!(Millis(3_000).since(start), Duration::from_secs(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// How much later this is than `earlier`; zero if it is not later.
    #[must_use]
    pub fn since(self, earlier: Millis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The moment in whole seconds since the Unix epoch, as tokens write it.
    #[must_use]
    pub fn as_secs(self) -> u64 {
        self.0 / 1_000
    }
}

impl std::ops::Add<Duration> for Millis {
    type Output = Millis;

    fn add(self, time: Duration) -> Millis {
        Millis(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }
}
