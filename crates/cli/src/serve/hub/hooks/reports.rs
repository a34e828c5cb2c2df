//! What the log says about hooks that fail.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::kind::{HookFailure, HookKind};

/// The least time between two lines about the same hook and kind of failure.
const QUIET: Duration = Duration::from_secs(10);

/// Reports failures, each kind of each hook now and then.
#[derive(Debug, Default)]
pub(super) struct FailureReports {
    /// As many entries as hooks have kinds of failures.
    last: Mutex<HashMap<(HookKind, &'static str), LastReport>>,
}

/// The last line about a kind of failure.
#[derive(Debug)]
struct LastReport {
    at: Instant,
    /// How many failures there were since.
    unreported: u64,
}

impl FailureReports {
    pub(super) fn report(&self, hook: HookKind, failure: &HookFailure) {
        if let Some(unreported) = self.count(hook, failure.kind(), Instant::now()) {
            let hook = hook.name();
            tracing::warn!(hook, unreported, "the hook failed: {}", failure.to_string().escape_debug());
        }
    }

    /// How many failures were left out since the last line; `None` if it is too early for another one.
    fn count(&self, hook: HookKind, kind: &'static str, now: Instant) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.get_mut(&(hook, kind)) {
            Some(report) if now.saturating_duration_since(report.at) < QUIET => {
                report.unreported += 1;
                None
            }
            _ => {
                let before = last.insert((hook, kind), LastReport { at: now, unreported: 0 });
                Some(before.map_or(0, |report| report.unreported))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_reported_once_in_a_while() {
        let (reports, start) = (FailureReports::default(), Instant::now());
        let count = |hook, kind, seconds| reports.count(hook, kind, start + Duration::from_secs(seconds));
        assert_eq!(count(HookKind::Rpc, "busy", 0), Some(0));
        assert_eq!(count(HookKind::Rpc, "busy", 9), None);
        assert_eq!(count(HookKind::Rpc, "status", 9), Some(0));
        assert_eq!(count(HookKind::Publish, "busy", 9), Some(0));
        assert_eq!(count(HookKind::Rpc, "busy", 10), Some(1));
        assert_eq!(count(HookKind::Rpc, "busy", 11), None);
    }
}
