//! The time that the hub is given.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use longwire_hub::Millis;

/// The time since the Unix epoch, which never goes back in this process.
///
/// It goes on from the time at the start, whatever happens to the system's clock, but follows that clock when it is set
/// forward, as after a suspension.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    /// Milliseconds from the Unix epoch to `start`.
    epoch: AtomicU64,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { start: Instant::now(), epoch: AtomicU64::new(millis(system_time())) }
    }

    pub(super) fn now(&self) -> Millis {
        let epoch = Millis(self.epoch.load(Ordering::Relaxed));
        epoch + self.start.elapsed()
    }

    /// Follows the system's clock if that is ahead; called about once a second.
    pub(super) fn catch_up(&self) {
        self.follow(system_time());
    }

    fn follow(&self, system: Duration) {
        let epoch = millis(system.saturating_sub(self.start.elapsed()));
        self.epoch.fetch_max(epoch, Ordering::Relaxed);
    }
}

fn system_time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_follows_the_system_forward_and_never_back() {
        let clock = Clock::new();
        let before = clock.now();
        let hour = Duration::from_secs(3_600);
        clock.follow(system_time() - hour);
        assert!(clock.now() >= before);
        clock.follow(system_time() + hour);
        assert!(clock.now() >= before + hour);
    }
}
