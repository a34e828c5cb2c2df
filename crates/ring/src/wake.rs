//! Wakes an event loop from another thread.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Wake};

use rustix::event::{EventfdFlags, eventfd};

/// Wakes the loop of one ring, from any thread. After its ring is gone, a waker does nothing.
///
/// First store the data for the loop, then call [`wake`](Waker::wake). The loop looks at the data when it gets
/// [`Completion::Woken`](crate::Completion::Woken). As a [`std::task::Waker`], it wakes the loop for futures, too.
#[derive(Debug, Clone)]
pub struct Waker(Arc<WakeState>);

#[derive(Debug)]
struct WakeState {
    counter: OwnedFd,
    /// Whether the counter was written to and the loop has not noticed yet. Until then, further writes are unnecessary.
    is_set: AtomicBool,
}

impl WakeState {
    fn set(&self) {
        // Releases the data stored before it, as does each later call: `take_notice` reads the last of them.
        if self.is_set.swap(true, Ordering::AcqRel) {
            return;
        }
        // The loop waits for writes to the counter and never reads it. A write fails only after 2^64 of them.
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

    /// Wakes the loop. Needs a system call only if the loop has noticed the previous call.
    pub fn wake(&self) {
        self.0.set();
    }

    /// Makes the next [`wake`](Waker::wake) write to the counter again. Call it before the loop looks at its data.
    pub(crate) fn take_notice(&self) {
        self.0.is_set.swap(false, Ordering::AcqRel);
    }

    /// A duplicate of the counter's descriptor, for the ring to wait on.
    pub(crate) fn counter(&self) -> io::Result<OwnedFd> {
        self.0.counter.try_clone()
    }
}
