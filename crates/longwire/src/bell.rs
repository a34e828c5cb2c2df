//! Telling whoever waits that something has changed.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Tells whoever waits that something has changed, and costs nothing while nobody waits.
///
/// Begin to [`listen`](Bell::listen), look whether what you wait for is there, and if it is not, say so with
/// [`wanted`](Bell::wanted) before you wait: a change between the look and the wait is not missed.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Notify,
    wanted: AtomicBool,
}

impl Bell {
    /// Is ready when the bell rings after this call.
    pub(crate) fn listen(&self) -> Notified<'_> {
        self.rung.notified()
    }

    /// Says that somebody waits. To be called under the lock of what is waited for, as [`ring`](Bell::ring) is.
    pub(crate) fn wanted(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Wakes everybody who waits.
    pub(crate) fn ring(&self) {
        if self.wanted.swap(false, Ordering::Relaxed) {
            self.rung.notify_waiters();
        }
    }
}
