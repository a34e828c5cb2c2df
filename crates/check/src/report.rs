//! The results of a run.

pub(crate) mod baseline;
pub(crate) mod escape;
pub(crate) mod grade;
mod html;
mod junit;
mod shorten;
pub(crate) mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use self::grade::Grade;
use crate::case::Case;
use crate::cost::figures::AttackFigures;
use crate::endpoint::Endpoint;
use crate::judged::Judged;
use crate::rule::{Family, Level};
use crate::target::Target;
use crate::verdict::Verdict;

/// The results of a run.
///
/// ```
/// use longwire_check::{Outcome, Report};
///
/// fn say(report: &Report) {
///     if report.outcome() == Outcome::Failed {
///         println!("{} cases fail", report.count(longwire_check::Verdict::Fail));
///     }
/// }
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub(crate) url: String,
    pub(crate) software: Option<String>,
    pub(crate) is_echo: bool,
    pub(crate) compresses: bool,
    pub(crate) round_trip_ms: f64,
    /// Whether the endpoint still accepts connections after the run. `None` if the run was stopped before that was found
    /// out.
    pub(crate) still_serves: Option<bool>,
    /// The cases after which the endpoint accepted no connection any more. If there are several, it cannot be told which
    /// of them ended it.
    pub(crate) ended_after: Vec<String>,
    /// How many of the chosen cases did not run, because the run was stopped, the endpoint was gone, or the client came no
    /// more.
    pub(crate) not_run: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grade: Option<Grade>,
    pub(crate) counts: BTreeMap<&'static str, usize>,
    pub(crate) cases: Vec<CaseReport>,
}

/// The result of one case.
///
/// ```
/// fn say(case: &longwire_check::CaseReport) {
///     println!("{} {}", case.id(), case.verdict());
/// }
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct CaseReport {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) family: Family,
    pub(crate) level: Level,
    pub(crate) paragraph: String,
    pub(crate) rule: &'static str,
    pub(crate) verdict: Verdict,
    /// Whether the baseline has this failure.
    pub(crate) is_known: bool,
    pub(crate) expected: String,
    pub(crate) got: String,
    pub(crate) dialogue: String,
    /// What was measured, if the case is an attack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attack: Option<AttackFigures>,
    pub(crate) ms: f64,
}

/// How a run ended.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) still_serves: Option<bool>,
    pub(crate) ended_after: Vec<String>,
}

/// The outcome of a run.
///
/// ```
/// assert_ne!(longwire_check::Outcome::Passed, longwire_check::Outcome::Failed);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No case failed, and at least one passed.
    Passed,
    /// A case failed that is not known to fail, or the endpoint serves no more.
    Failed,
    /// Nothing failed, but a case is inconclusive or did not run, none applies, or the run was stopped.
    Inconclusive,
}

impl CaseReport {
    pub(crate) fn new(case: &Case, judged: Judged, time: Duration) -> CaseReport {
        let (expected, got) =
            judged.finding.map_or_else(Default::default, |finding| (finding.expected, finding.got));
        CaseReport {
            id: case.id().to_owned(),
            title: case.title().to_owned(),
            family: case.family(),
            level: case.level(),
            paragraph: case.paragraph(),
            rule: case.rule(),
            verdict: judged.verdict,
            is_known: false,
            expected,
            got,
            dialogue: judged.dialogue,
            attack: judged.figures,
            ms: milliseconds(time),
        }
    }

    /// The id of the case.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The family of the case.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The verdict on the endpoint.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Gives the case this verdict instead.
    pub(crate) fn overrule(&mut self, verdict: Verdict, expected: &str, got: String) {
        self.verdict = verdict;
        expected.clone_into(&mut self.expected);
        self.got = got;
    }

    /// Whether the case is an attack that was carried out.
    fn is_attack(&self) -> bool {
        self.attack.is_some()
    }

    /// What came instead of what was expected, or why the case did not run. Empty after a pass.
    #[must_use]
    pub fn got(&self) -> &str {
        &self.got
    }
}

impl Report {
    pub(crate) fn new(
        target: &Target,
        endpoint: &Endpoint,
        total: usize,
        mut cases: Vec<CaseReport>,
        end: End,
    ) -> Report {
        for case in cases.iter_mut().filter(|case| case.verdict == Verdict::Pass && case.attack.is_none()) {
            case.dialogue.clear();
        }
        let count = |verdict: Verdict| cases.iter().filter(|case| case.verdict == verdict).count();
        let names = ["pass", "fail", "should", "not-offered", "inconclusive"];
        let counts = names.into_iter().zip(Verdict::ALL.map(count)).collect();
        Report {
            url: target.url().to_owned(),
            software: endpoint.software.clone(),
            is_echo: endpoint.is_echo,
            compresses: endpoint.compresses(),
            round_trip_ms: milliseconds(endpoint.round_trip),
            still_serves: end.still_serves,
            ended_after: end.ended_after,
            not_run: total.saturating_sub(cases.len()),
            grade: None,
            counts,
            cases,
        }
    }

    /// The results of the cases, in the order of the cases.
    #[must_use]
    pub fn cases(&self) -> &[CaseReport] {
        &self.cases
    }

    /// How many cases have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.cases.iter().filter(|case| case.verdict == verdict).count()
    }

    /// What the run says as a whole.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let fails = |case: &CaseReport| case.verdict == Verdict::Fail && !case.is_known;
        let ran = |case: &&CaseReport| !matches!(case.verdict, Verdict::NotOffered | Verdict::Inconclusive);
        if self.serves_no_more() || self.cases.iter().any(fails) {
            Outcome::Failed
        } else if self.is_stopped()
            || self.not_run > 0
            || self.count(Verdict::Inconclusive) > 0
            || self.cases.iter().find(ran).is_none()
        {
            Outcome::Inconclusive
        } else {
            Outcome::Passed
        }
    }

    /// The grade, by [`Grade::RULE`]. Known failures count.
    #[must_use]
    pub fn grade(&self) -> Grade {
        let succeeded = |case: &CaseReport| case.is_attack() && case.verdict == Verdict::Fail;
        let worst = if self.serves_no_more() {
            Grade::F
        } else if self.cases.iter().any(succeeded) {
            Grade::D
        } else {
            Grade::A
        };
        Grade::of(Verdict::ALL.map(|verdict| self.count(verdict))).max(worst)
    }

    /// The same report with its grade in the JSON document.
    #[must_use]
    pub fn with_grade(self) -> Report {
        Report { grade: Some(self.grade()), ..self }
    }

    /// Whether the endpoint accepts no connection any more.
    pub(crate) fn serves_no_more(&self) -> bool {
        self.still_serves == Some(false)
    }

    /// What is wrong with the endpoint as a whole.
    pub(crate) fn endpoint_problem(&self) -> Option<String> {
        if !self.serves_no_more() {
            return None;
        }
        let what = "the endpoint accepts no connection any more";
        let problem = match self.ended_after.as_slice() {
            [] => format!("after the cases, {what}"),
            [one] => format!("after {one}, {what}"),
            several => format!("{what}; one of these ended it: {}", several.join(", ")),
        };
        Some(match self.not_run {
            0 => problem,
            _ => format!("{problem}; {}", self.not_run()),
        })
    }

    /// How many cases did not run, in words.
    pub(crate) fn not_run(&self) -> String {
        let plural = if self.not_run == 1 { "" } else { "s" };
        format!("{} case{plural} did not run", self.not_run)
    }

    /// Whether the run was stopped before its end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.still_serves.is_none()
    }

    /// The whole report as a JSON document.
    ///
    /// # Errors
    ///
    /// Only if memory is exhausted.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
