//! What became of a case.

use std::time::Instant;

use crate::case::Case;
use crate::cost::figures::AttackFigures;
use crate::rule::Level;
use crate::secrets::without_secrets;
use crate::verdict::{Finding, Stop, Verdict};

/// The outcome of a case, with the dialogue if it did not pass.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) finding: Option<Finding>,
    pub(crate) dialogue: String,
    pub(crate) reach: Reach,
    /// What was measured, if the case is an attack.
    pub(crate) figures: Option<AttackFigures>,
}

/// How far a case came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It needed no connection, or it is not known.
    Unknown,
    /// The endpoint could not be connected to.
    Refused,
    /// The endpoint accepted the connection, but not a valid request.
    Unanswered,
    /// It had its connection at this time.
    Connected(Instant),
}

impl Judged {
    pub(crate) fn new(
        case: &Case,
        outcome: Result<(), Stop>,
        weaknesses: Vec<Finding>,
        dialogue: String,
    ) -> Judged {
        let (verdict, finding) = match outcome {
            Err(Stop::Broke(finding)) if case.level() == Level::Must => (Verdict::Fail, Some(finding)),
            Err(Stop::Broke(finding)) => (Verdict::Should, Some(finding)),
            Err(Stop::NotOffered(why)) => (Verdict::NotOffered, Some(Finding::new("", why))),
            Err(Stop::Unclear(why)) => (Verdict::Inconclusive, Some(Finding::new("", why))),
            Ok(()) => match weaknesses.into_iter().next() {
                Some(weakness) => (Verdict::Should, Some(weakness)),
                None => (Verdict::Pass, None),
            },
        };
        Judged { verdict, finding, dialogue, reach: Reach::Unknown, figures: None }
    }

    pub(crate) fn without_dialogue(verdict: Verdict, why: impl Into<String>) -> Judged {
        let finding = Some(Finding::new("", why));
        Judged { verdict, finding, dialogue: String::new(), reach: Reach::Unknown, figures: None }
    }

    /// A case without a connection.
    pub(crate) fn not_connected(case: &Case, stop: Stop) -> Judged {
        Judged { reach: Reach::Refused, ..Judged::new(case, Err(stop), Vec::new(), String::new()) }
    }

    /// The same for others to read: reports are passed on. The values of these headers are secret, too.
    pub(crate) fn without_secrets(self, headers: &[(String, String)]) -> Judged {
        let shown = |text: &str| without_secrets(text, headers);
        let finding = self.finding.map(|found| Finding::new(shown(&found.expected), shown(&found.got)));
        Judged { finding, dialogue: shown(&self.dialogue), ..self }
    }
}
