//! The memory that all connections of a server hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes that all connections of a server hold in their buffers, against a ceiling.
#[derive(Debug)]
pub(crate) struct Ledger {
    held: AtomicUsize,
    ceiling: usize,
}

/// One connection's share. Dropping it returns the share.
#[derive(Debug)]
pub(crate) struct Account {
    ledger: Arc<Ledger>,
    held: usize,
}

impl Ledger {
    /// Creates a ledger with a ceiling in bytes.
    #[cfg(feature = "server")]
    pub(crate) fn new(ceiling: usize) -> Ledger {
        Ledger { held: AtomicUsize::new(0), ceiling }
    }

    /// How many bytes all connections hold.
    #[cfg(feature = "server")]
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Opens an account for a new connection.
    #[cfg(feature = "server")]
    pub(crate) fn open(self: &Arc<Ledger>) -> Account {
        Account { ledger: Arc::clone(self), held: 0 }
    }
}

impl Account {
    /// Records that the connection now holds `holds` bytes. Returns `false` if the share grew and the total exceeds the
    /// ceiling.
    #[must_use]
    pub(crate) fn settle(&mut self, holds: usize) -> bool {
        let before = std::mem::replace(&mut self.held, holds);
        if holds == before {
            // Most messages leave nothing behind. Other threads use the counter, too, so do not touch it.
            return true;
        }
        if holds < before {
            self.ledger.held.fetch_sub(before - holds, Ordering::Relaxed);
            return true;
        }
        let grown = holds - before;
        self.ledger.held.fetch_add(grown, Ordering::Relaxed).saturating_add(grown) <= self.ledger.ceiling
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.ledger.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[cfg(feature = "server")]
mod tests {
    use super::*;

    #[test]
    fn who_grows_beyond_the_ceiling_is_told_and_who_shrinks_is_not() {
        let ledger = Arc::new(Ledger::new(100));
        let (mut one, mut two) = (ledger.open(), ledger.open());
        assert!(one.settle(60) && two.settle(40));
        assert!(!two.settle(41), "it grew");
        assert!(one.settle(60), "it did not grow");
        assert!(one.settle(50) && two.settle(50));
        drop(one);
        assert!(two.settle(100));
        drop(two);
        assert_eq!(ledger.held(), 0);
    }
}
