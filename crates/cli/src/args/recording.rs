//! What is recorded, and how.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::har::{Existing, Recorder, SecretValues};

/// Flags of commands that record.
#[derive(Debug, Clone, Args)]
pub(crate) struct RecordingArgs {
    /// Record handshakes and messages in this file, as a browser does (HAR); see `longwire show` and `longwire replay`
    ///
    /// The file is complete after every message, so nothing is lost when the program is interrupted.
    #[arg(long, value_name = "HAR")]
    pub(crate) record: Option<PathBuf>,

    /// Replace the file of --record if it exists
    #[arg(long, requires = "record")]
    pub(crate) overwrite: bool,

    /// Leave the values of Authorization and of cookies in the recording
    #[arg(long, requires = "record")]
    with_secrets: bool,

    /// Stop recording when the file has this many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20, requires = "record")]
    record_limit: u64,
}

impl RecordingArgs {
    /// What happens to a file that exists already.
    pub(crate) fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replaced } else { Existing::Kept }
    }

    /// Creates the file `path` with these settings.
    ///
    /// # Errors
    ///
    /// As [`Recorder::create`].
    pub(crate) fn create(&self, path: &Path) -> Result<Recorder, String> {
        let secrets = if self.with_secrets { SecretValues::Kept } else { SecretValues::Redacted };
        Recorder::create(path, self.existing(), secrets, self.record_limit)
    }
}
