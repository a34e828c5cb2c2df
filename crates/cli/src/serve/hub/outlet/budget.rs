//! What waits in the memory of all streams together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The bytes that wait for all clients together, or of their requests, and their bound.
#[derive(Debug)]
pub(in crate::serve::hub) struct Budget {
    used: AtomicUsize,
    most: usize,
    /// The clients that were too slow.
    slow: AtomicU64,
}

impl Budget {
    pub(in crate::serve::hub) fn new(most: usize) -> Budget {
        Budget { used: AtomicUsize::new(0), most, slow: AtomicU64::new(0) }
    }

    pub(super) fn count_slow(&self) {
        self.slow.fetch_add(1, Ordering::Relaxed);
    }

    /// How many clients have been disconnected because they were too slow.
    pub(in crate::serve::hub) fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }

    /// Takes so many, unless that exceeds the bound.
    pub(in crate::serve::hub) fn take(&self, bytes: usize) -> bool {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = used.saturating_add(bytes) <= self.most;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    pub(in crate::serve::hub) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(in crate::serve::hub) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}
