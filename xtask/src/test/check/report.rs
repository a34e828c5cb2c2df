//! What a report of `longwire check --json` says of us.

use std::time::Duration;

use serde::Deserialize;

use crate::suite::outcome::Outcome;

/// Some seconds on a machine that has nothing else to do.
pub(super) const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// The part of a report that counts here.
#[derive(Debug, Deserialize)]
pub(super) struct CheckReport {
    still_serves: bool,
    not_run: usize,
    cases: Vec<CheckedCase>,
}

#[derive(Debug, Deserialize)]
struct CheckedCase {
    id: String,
    verdict: String,
    expected: String,
    got: String,
}

/// Only a pass passes, and a recommendation that is not followed in the cases `left`.
pub(super) fn judge(name: &str, report: &CheckReport, left: &[&str]) -> Outcome {
    let mut outcome = Outcome::default();
    for case in &report.cases {
        match case.verdict.as_str() {
            "pass" => outcome.passed += 1,
            "not-offered" => {}
            "should" if left.contains(&case.id.as_str()) => outcome.passed += 1,
            verdict => {
                let CheckedCase { id, expected, got, .. } = case;
                outcome
                    .add(Outcome::failed(format!("{name}: {id}: {verdict}: expected {expected}, got {got}")));
            }
        }
    }
    if !report.still_serves {
        outcome.add(Outcome::failed(format!("{name}: the server accepts no connection any more")));
    }
    if report.not_run > 0 {
        outcome.add(Outcome::failed(format!("{name}: {} cases did not run", report.not_run)));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pass_passes() {
        let case = |verdict: &str| CheckedCase {
            id: "6455/5.5/ping-126".into(),
            verdict: verdict.into(),
            expected: "CLOSE 1002".into(),
            got: "PONG".into(),
        };
        let cases = ["pass", "should", "inconclusive", "fail", "not-offered"].map(case).into();
        let report = CheckReport { still_serves: false, not_run: 0, cases };
        let outcome = judge("check", &report, &["6455/5.5/ping-125"]);
        assert_eq!((outcome.passed, outcome.failed), (1, 4));
        assert_eq!(outcome.notes[2], "check: 6455/5.5/ping-126: fail: expected CLOSE 1002, got PONG");
        let outcome = judge("check", &report, &["6455/5.5/ping-126"]);
        assert_eq!((outcome.passed, outcome.failed), (2, 3));
    }
}
