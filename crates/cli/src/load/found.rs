//! What was found at an endpoint.

use longwire_load::{Outcome, Report};

/// What was found at an endpoint, in one run or in several rounds.
#[derive(Default)]
pub(super) struct Found {
    /// All rounds together.
    pub(super) outcome: Outcome,
    pub(super) report: Report,
    /// The report of each round.
    pub(super) rounds: Vec<Report>,
}
