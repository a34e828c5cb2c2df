//! What was found at an endpoint.

use longwire_load::{Outcome, Report};

/// The exit code after Ctrl-C, as in shells.
pub(super) const INTERRUPTED: u8 = 130;

/// What was found in a round.
pub(super) struct Found {
    pub(super) report: Report,
    pub(super) outcome: Outcome,
}
