//! The files in which connections are recorded, one for each.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::args::RecordingArgs;
use crate::har::{self, Existing, Recorder};

/// The maximum number of recordings of a run. Otherwise a client that reconnects forever would fill the folder.
pub(super) const MAX_RECORDINGS: u64 = 1000;

/// The recordings of a run.
pub(super) struct Recordings {
    args: RecordingArgs,
    path: PathBuf,
    /// The file of the first connection: it exists from the start, so that what is wrong with it is said then.
    first: Mutex<Option<Recorder>>,
}

impl Recordings {
    /// `None`: nothing is recorded.
    ///
    /// # Errors
    ///
    /// A sentence that names the file: it cannot be written, or one of them exists and is to be kept.
    pub(super) fn of(args: &RecordingArgs) -> Result<Option<Recordings>, String> {
        let Some(path) = args.record.clone() else { return Ok(None) };
        if args.existing() == Existing::Kept
            && let Some(taken) =
                (2..=MAX_RECORDINGS).map(|number| numbered(&path, number)).find(|path| path.exists())
        {
            return Err(har::exists(&taken));
        }
        let first = Mutex::new(Some(args.create(&path)?));
        Ok(Some(Recordings { args: args.clone(), path, first }))
    }

    /// The file of connection number `connection`.
    ///
    /// # Errors
    ///
    /// A sentence that names the file.
    pub(super) fn recorder(&self, connection: u64) -> Result<Recorder, String> {
        if connection == 1
            && let Some(first) = self.first.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            return Ok(first);
        }
        self.args.create(&numbered(&self.path, connection))
    }
}

/// `feed.har` for the first connection, `feed-2.har` for the second.
fn numbered(path: &Path, connection: u64) -> PathBuf {
    if connection == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension =
        path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{connection}{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_a_recording_of_its_own() {
        assert_eq!(numbered(Path::new("a/feed.har"), 1), Path::new("a/feed.har"));
        assert_eq!(numbered(Path::new("a/feed.har"), 12), Path::new("a/feed-12.har"));
        assert_eq!(numbered(Path::new("feed"), 2), Path::new("feed-2"));
    }
}
