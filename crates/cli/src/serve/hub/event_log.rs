//! What the log says about clients of the hub: some lines of each kind, since any client can cause them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use longwire_hub::HubEvent;

/// The lines of a kind that are written at once.
const BURST: u32 = 10;

/// After them, one line is written in this time.
const QUIET: Duration = Duration::from_secs(5);

/// Writes events to the log, as many as an operator can read.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    tokens: LineAllowance,
    requests: LineAllowance,
}

/// How many lines of a kind may be written.
#[derive(Debug, Default)]
pub(crate) struct LineAllowance(Mutex<Allowance>);

/// What is left of it.
#[derive(Debug, Default)]
struct Allowance {
    /// Those that were written, less one for each quiet time that has passed since.
    written: u32,
    since: Option<Instant>,
    unreported: u64,
}

impl EventLog {
    pub(super) fn write(&self, event: &HubEvent<'_>) {
        let now = Instant::now();
        match event {
            HubEvent::TokenRefused { .. } => {
                if let Some(unreported) = self.tokens.take(now) {
                    tracing::warn!(unreported, "{event}");
                }
            }
            _ => {
                if let Some(unreported) = self.requests.take(now) {
                    tracing::info!(unreported, "{event}");
                }
            }
        }
    }
}

impl LineAllowance {
    /// How many lines were left out since the last one; `None` if this one is, too.
    pub(crate) fn take(&self, now: Instant) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }
}

impl Allowance {
    fn take(&mut self, now: Instant) -> Option<u64> {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since).as_secs() / QUIET.as_secs();
        if passed > 0 {
            self.written = self.written.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
            self.since = Some(now);
        }
        if self.written >= BURST {
            self.unreported += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.unreported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_are_written_at_once_and_then_one_every_five_seconds() {
        let (mut allowance, start) = (Allowance::default(), Instant::now());
        let mut take = |seconds| allowance.take(start + Duration::from_secs(seconds));
        assert!((0..10).all(|_| take(0) == Some(0)));
        assert!((0..1_000).all(|_| take(4).is_none()));
        assert_eq!([take(5), take(5), take(9)], [Some(1_000), None, None]);
        assert_eq!(take(10), Some(2));
        assert!((0..10).all(|_| take(100) == Some(0)), "all ten again");
        assert_eq!(take(100), None);
    }
}
