//! Which text messages are shown.

use clap::Args;

use super::pattern::{PatternForm, TextPattern};
use crate::failure::Failure;

/// Which text messages are shown.
#[derive(Debug, Args)]
pub(crate) struct GrepArgs {
    /// Only text messages that match this regular expression; it is matched with the text as it was sent
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,

    /// Take the text of --grep as it is, not as a regular expression
    #[arg(long, short = 'F', requires = "grep")]
    fixed: bool,
}

impl GrepArgs {
    /// What a message has to match, if anything.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if it is not a regular expression.
    pub(crate) fn pattern(&self) -> Result<Option<TextPattern>, Failure> {
        let form = PatternForm::of(self.fixed);
        self.grep.as_deref().map(|text| TextPattern::new("--grep", text, form)).transpose()
    }
}
