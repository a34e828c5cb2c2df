//! Commands that wait, of all sessions together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes of commands that wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct WaitingBytes(Arc<AtomicUsize>);

/// Bytes of commands that wait. Dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Reservation {
    counted: Arc<AtomicUsize>,
    bytes: usize,
}

impl WaitingBytes {
    /// How many wait now.
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts so many more, unless that would exceed the limit.
    pub(crate) fn reserve(&self, bytes: usize, limit: usize) -> Option<Reservation> {
        let within = |used: usize| used.checked_add(bytes).filter(|used| *used <= limit);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).ok()?;
        Some(Reservation { counted: Arc::clone(&self.0), bytes })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.counted.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
