//! One letter for an endpoint.

use std::fmt;

use serde::Serialize;

use crate::verdict::Verdict;

/// The grade of an endpoint. [`Grade::RULE`] says what each means.
///
/// ```
/// use longwire_check::Grade;
///
/// assert!(Grade::A < Grade::F);
/// println!("{}", Grade::RULE);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Grade {
    /// Every case passed that applies.
    A,
    /// Nothing failed.
    B,
    /// At most 2 % of the cases that ran failed.
    C,
    /// At most 10 % of the cases that ran failed, or an attack succeeded.
    D,
    /// More failed, the endpoint serves no more, or nothing ran.
    F,
}

impl Grade {
    /// The rule, in a sentence.
    pub const RULE: &str = "A: every case that applies passed; B: none failed; C: at most 2 % of the cases that ran \
                            failed; D: at most 10 %, or an attack succeeded; F: more, or the endpoint serves no more, or nothing \
                            ran";
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Grade {
    /// The grade for these counts, in the order of the verdicts.
    pub(crate) fn of(counts: [usize; Verdict::ALL.len()]) -> Grade {
        let [passed, failed, should, _, inconclusive] = counts;
        let ran = passed + failed + should;
        if ran == 0 || failed * 10 > ran {
            Grade::F
        } else if failed * 50 > ran {
            Grade::D
        } else if failed > 0 {
            Grade::C
        } else if should + inconclusive > 0 {
            Grade::B
        } else {
            Grade::A
        }
    }
}
