//! Wakes waiting tasks after a change.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Wakes waiting tasks after a change, and costs nothing while no task waits.
///
/// To wait, call [`listen`](Bell::listen), check the condition, and if it does not hold, call [`wanted`](Bell::wanted)
/// before you await: no change between the check and the wait is missed.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Notify,
    wanted: AtomicBool,
}

impl Bell {
    /// Returns a future that completes when the bell rings after this call.
    pub(crate) fn listen(&self) -> Notified<'_> {
        self.rung.notified()
    }

    /// Announces a waiting task. Call it under the lock of the condition, like [`ring`](Bell::ring).
    pub(crate) fn wanted(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Wakes every waiting task.
    pub(crate) fn ring(&self) {
        if self.wanted.swap(false, Ordering::Relaxed) {
            self.rung.notify_waiters();
        }
    }
}
