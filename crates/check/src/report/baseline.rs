//! Failures that are known.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::Report;
use crate::verdict::Verdict;

/// Failures that are known: only others fail a run.
///
/// ```
/// use longwire_check::Baseline;
///
/// let baseline = Baseline::parse("# reported upstream\n6455/5.5/ping-126\n").unwrap();
/// assert!(Baseline::parse("6455/5.5/ping-126 and more").is_err());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Baseline(BTreeSet<String>);

/// Why a file is not a baseline.
///
/// ```
/// let error = longwire_check::Baseline::parse("{}").unwrap_err();
/// assert!(error.to_string().contains("--json"), "{error}");
/// ```
#[derive(Debug)]
pub struct BaselineError(String);

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BaselineError {}

/// The part of a report that a baseline needs.
#[derive(Deserialize)]
struct EarlierReport {
    cases: Vec<EarlierCase>,
}

#[derive(Deserialize)]
struct EarlierCase {
    id: String,
    verdict: String,
}

impl Baseline {
    /// Reads a list of ids, one a line, in which `#` begins a comment; or an earlier report as JSON, whose failures are
    /// the known ones.
    ///
    /// # Errors
    ///
    /// The text is neither.
    pub fn parse(text: &str) -> Result<Baseline, BaselineError> {
        if text.trim_start().starts_with('{') {
            let report: EarlierReport = serde_json::from_str(text).map_err(|error| {
                BaselineError(format!("it is not a report of `longwire check --json`: {error}"))
            })?;
            let failed = report.cases.into_iter().filter(|case| case.verdict == "fail");
            return Ok(Baseline(failed.map(|case| case.id).collect()));
        }
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let ids: BTreeSet<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
        match ids.iter().find(|id| id.split('/').count() < 3 || id.contains(char::is_whitespace)) {
            Some(wrong) => {
                Err(BaselineError(format!("{wrong:?} is not the id of a case, such as 6455/5.5/ping-126")))
            }
            None => Ok(Baseline(ids)),
        }
    }
}

impl Report {
    /// Marks the failures that the baseline knows. Returns the ids that the baseline has and that no longer fail.
    pub fn compare_with(&mut self, baseline: &Baseline) -> Vec<String> {
        for case in &mut self.cases {
            case.is_known = case.verdict == Verdict::Fail && baseline.0.contains(&case.id);
        }
        let mended = |case: &&super::CaseReport| {
            baseline.0.contains(&case.id) && matches!(case.verdict, Verdict::Pass | Verdict::Should)
        };
        self.cases.iter().filter(mended).map(|case| case.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_baseline_of_its_failures() {
        let json = r#"{"url":"x","cases":[{"id":"a/b/c","verdict":"fail"},{"id":"a/b/d","verdict":"pass"}]}"#;
        assert_eq!(Baseline::parse(json).unwrap().0, BTreeSet::from(["a/b/c".to_owned()]));
        assert_eq!(Baseline::parse("").unwrap().0.len(), 0);
    }
}
