//! What a store counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store has done and met since it was connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RedisFigures {
    /// Calls that were answered, also those that a limit refused.
    pub calls: u64,
    /// Calls that could not be carried out.
    pub failed_calls: u64,
    /// Connections that were made.
    pub connections: u64,
    /// Times at which messages of channels could no longer arrive.
    pub interruptions: u64,
    /// Messages and history entries that were skipped, since this version does not know their format.
    pub unknown_records: u64,
    /// Servers whose messages arrive now.
    pub listening_servers: u64,
    /// Servers that messages of channels should arrive from.
    pub servers: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) calls: Count,
    pub(crate) failed_calls: Count,
    pub(crate) connections: Count,
    pub(crate) interruptions: Count,
    pub(crate) unknown_records: Count,
}

/// A number that only grows, and orders nothing.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
