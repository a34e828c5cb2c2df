//! The outcome of a case.

use std::fmt;

use serde::Serialize;

/// The verdict on a case.
///
/// ```
/// use longwire_check::Verdict;
///
/// assert_eq!(Verdict::NotOffered.to_string(), "not offered");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The endpoint keeps the rule.
    Pass,
    /// The endpoint breaks the rule.
    Fail,
    /// The endpoint keeps what is a must, but not what the RFC recommends.
    Should,
    /// The endpoint does not offer what the case is about.
    NotOffered,
    /// It could not be found out. This is never a pass.
    Inconclusive,
}

impl Verdict {
    /// All verdicts, in the order in which they are counted.
    pub const ALL: [Verdict; 5] =
        [Verdict::Pass, Verdict::Fail, Verdict::Should, Verdict::NotOffered, Verdict::Inconclusive];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Should => "should",
            Verdict::NotOffered => "not offered",
            Verdict::Inconclusive => "inconclusive",
        })
    }
}

/// What was expected, and what came instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) expected: String,
    pub(crate) got: String,
}

impl Finding {
    pub(crate) fn new(expected: impl Into<String>, got: impl Into<String>) -> Finding {
        Finding { expected: expected.into(), got: got.into() }
    }
}

/// Why a dialogue stopped before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The endpoint broke the rule of the case, or one that holds in every case.
    Broke(Finding),
    /// The endpoint may do without what the case needs, and does.
    NotOffered(String),
    /// The rule could not be tested.
    Unclear(String),
}
