//! Which text messages are shown.

use clap::Args;
use regex::Regex;

use crate::failure::Failure;
use crate::terminal::escape_lines;

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
    pub(crate) fn pattern(&self) -> Result<Option<Regex>, Failure> {
        let Some(text) = &self.grep else { return Ok(None) };
        let pattern = if self.fixed { regex::escape(text) } else { text.clone() };
        Regex::new(&pattern).map(Some).map_err(|error| {
            let error = escape_lines(&error.to_string());
            Failure::Usage(format!("--grep is not a regular expression (--fixed takes it as it is):{error}"))
        })
    }
}
