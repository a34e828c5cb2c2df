//! What NATS has acknowledged last.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The newest message of each stream that was acknowledged to this node. It tells whether a stream still has what it had.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    newest: Mutex<HashMap<String, Mark>>,
}

/// A message that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) at: SystemTime,
    digest: u64,
    /// Whether the stream may have lost it.
    is_doubtful: bool,
}

impl Mark {
    /// Whether this is its message.
    pub(crate) fn is_of(&self, payload: &[u8]) -> bool {
        self.digest == digest_of(payload)
    }
}

impl Acknowledged {
    pub(crate) fn newest(&self, stream: &str) -> Option<Mark> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).get(stream).copied()
    }

    pub(crate) fn note(&self, stream: &str, sequence: u64, payload: &[u8]) {
        let mark = Mark { sequence, at: SystemTime::now(), digest: digest_of(payload), is_doubtful: false };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match newest.get_mut(stream) {
            Some(newest) if newest.sequence < sequence => {
                *newest = Mark { is_doubtful: newest.is_doubtful, ..mark };
            }
            Some(_) => {}
            None => {
                newest.insert(stream.to_owned(), mark);
            }
        }
    }

    pub(crate) fn forget(&self, stream: &str) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).remove(stream);
    }

    /// The streams may have lost something.
    pub(crate) fn doubt_all(&self) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.values_mut().for_each(|mark| mark.is_doubtful = true);
    }

    /// This stream may have lost something.
    pub(crate) fn doubt(&self, stream: &str) {
        self.set_doubtful(stream, true);
    }

    /// This stream has what it had.
    pub(crate) fn confirm(&self, stream: &str) {
        self.set_doubtful(stream, false);
    }

    pub(crate) fn is_doubtful(&self, stream: &str) -> bool {
        self.newest(stream).is_some_and(|mark| mark.is_doubtful)
    }

    fn set_doubtful(&self, stream: &str, is_doubtful: bool) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mark) = newest.get_mut(stream) {
            mark.is_doubtful = is_doubtful;
        }
    }
}

/// Only this process compares it.
fn digest_of(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}
