//! Judges the suite's reports: every case must be present, and be OK or INFORMATIONAL.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::suite::outcome::Outcome;

/// The reports of one agent, by case number.
type CaseReports = BTreeMap<String, Case>;

/// A case in `index.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    behavior: String,
    behavior_close: String,
    #[serde(rename = "reportfile")]
    report: String,
}

/// The parts of a case's own report that are shown.
#[derive(Debug, Default, Deserialize)]
struct CaseText {
    description: String,
    result: String,
}

impl Case {
    /// NON-STRICT is a failure here, as are FAILED, UNIMPLEMENTED, WRONG CODE and UNCLEAN.
    fn is_good(&self) -> bool {
        let good = |behavior: &str| matches!(behavior, "OK" | "INFORMATIONAL");
        good(&self.behavior) && good(&self.behavior_close)
    }
}

/// Counts the cases in `reports/index.json`, and prints those that failed.
pub(super) fn judge(reports: &Path, agent: &str, expected: usize) -> Result<Outcome> {
    let cases = read(reports, agent)?;
    let mut outcome = Outcome::default();
    for (number, case) in &cases {
        if case.is_good() {
            outcome.passed += 1;
        } else {
            outcome.failed += 1;
            println!("{}", describe(reports, number, case));
        }
    }
    let missing = expected.saturating_sub(cases.len());
    if missing > 0 {
        outcome.failed += u32::try_from(missing)?;
        outcome.notes.push(format!("{missing} of {expected} cases were not run"));
    }
    if outcome.failed > 0 {
        outcome.notes.push(format!("reports: {}", reports.join("index.html").display()));
    }
    Ok(outcome)
}

/// An index that does not exist means that no case was run.
fn read(reports: &Path, agent: &str) -> Result<CaseReports> {
    let index = reports.join("index.json");
    if !index.exists() {
        return Ok(CaseReports::new());
    }
    let json = fs::read(&index).with_context(|| format!("reading {}", index.display()))?;
    let mut agents: BTreeMap<String, CaseReports> = serde_json::from_slice(&json)
        .with_context(|| format!("{} has an unexpected format", index.display()))?;
    Ok(agents.remove(agent).unwrap_or_default())
}

fn describe(reports: &Path, number: &str, case: &Case) -> String {
    let path = reports.join(&case.report);
    let report: CaseText =
        fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    format!(
        "case {number}: {} (close: {})\n  {}\n  {}\n  {}",
        case.behavior,
        case.behavior_close,
        plain(&report.description),
        plain(&report.result),
        path.with_extension("html").display()
    )
}

/// Converts a description, which is HTML with line breaks.
fn plain(text: &str) -> String {
    text.replace("<br/>", " ").replace("<br>", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge_index(json: &str, expected: usize) -> Outcome {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("index.json"), json).unwrap();
        judge(dir.path(), "longwire", expected).unwrap()
    }

    fn case(behavior: &str, behavior_close: &str) -> String {
        format!(
            r#"{{ "behavior": "{behavior}", "behaviorClose": "{behavior_close}", "duration": 2,
                 "remoteCloseCode": null, "reportfile": "longwire_case_1_1_1.json" }}"#
        )
    }

    #[test]
    fn ok_and_informational_pass() {
        let index = format!(
            r#"{{ "longwire": {{ "1.1.1": {}, "7.1.6": {} }} }}"#,
            case("OK", "OK"),
            case("INFORMATIONAL", "INFORMATIONAL")
        );
        let outcome = judge_index(&index, 2);
        assert_eq!((outcome.passed, outcome.failed), (2, 0));
        assert_eq!(outcome.notes, [""; 0]);
    }

    #[test]
    fn everything_else_fails_in_either_behaviour() {
        for (behavior, behavior_close) in [
            ("NON-STRICT", "OK"),
            ("OK", "WRONG CODE"),
            ("FAILED", "OK"),
            ("UNIMPLEMENTED", "OK"),
            ("OK", "UNCLEAN"),
        ] {
            let index = format!(r#"{{ "longwire": {{ "1.1.1": {} }} }}"#, case(behavior, behavior_close));
            let outcome = judge_index(&index, 1);
            assert_eq!((outcome.passed, outcome.failed), (0, 1), "{behavior} {behavior_close}");
        }
    }

    #[test]
    fn cases_that_were_not_run_have_failed() {
        let index = format!(r#"{{ "longwire": {{ "1.1.1": {} }} }}"#, case("OK", "OK"));
        assert_eq!(judge_index(&index, 301).failed, 300);
        assert_eq!(judge_index(r#"{ "another": {} }"#, 301).failed, 301);
        assert_eq!(judge(Path::new("no such directory"), "longwire", 301).unwrap().failed, 301);
    }
}
