//! Wakes an event loop from another thread.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Wake};

use rustix::event::{EventfdFlags, eventfd};

/// Wakes the loop of one ring, from any thread. A waker that outlives its ring wakes nothing.
///
/// First put whatever the loop is to find in its place, then call [`wake`](Waker::wake). The loop looks there when it gets
/// [`Completion::Woken`](crate::Completion::Woken). As a [`std::task::Waker`], it wakes the loop for futures as well.
#[derive(Debug, Clone)]
pub struct Waker(Arc<WakeState>);

#[derive(Debug)]
struct WakeState {
    counter: OwnedFd,
    /// Whether the counter was written to, and the loop has not noticed yet. Until it has, it need not be written to again.
    is_set: AtomicBool,
}

impl WakeState {
    fn set(&self) {
        // Releases what was put before, and so does each later call: `take_notice` reads the last of them.
        if self.is_set.swap(true, Ordering::AcqRel) {
            return;
        }
        // The loop waits for writes to the counter and never reads it. Only after 2^64 of them is there an error.
        let _ = rustix::io::write(&self.counter, &1_u64.to_ne_bytes());
    }
}

impl Wake for WakeState {
    fn wake(self: Arc<Self>) {
        self.set();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set();
    }
}

impl From<Waker> for task::Waker {
    fn from(waker: Waker) -> task::Waker {
        waker.0.into()
    }
}

impl Waker {
    pub(crate) fn new() -> io::Result<Waker> {
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Waker(Arc::new(WakeState { counter, is_set: AtomicBool::new(false) })))
    }

    /// Wakes the loop. Takes a system call only if the loop has noticed the call before.
    pub fn wake(&self) {
        self.0.set();
    }

    /// From here on a [`wake`](Waker::wake) writes to the counter again. To be called before the loop looks for what it
    /// was woken for.
    pub(crate) fn take_notice(&self) {
        self.0.is_set.swap(false, Ordering::AcqRel);
    }

    /// The counter, as a descriptor of its own, for the ring to wait for.
    pub(crate) fn counter(&self) -> io::Result<OwnedFd> {
        self.0.counter.try_clone()
    }
}
