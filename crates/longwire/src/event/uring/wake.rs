//! Waking an event loop from another thread.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// Wakes the loop of one ring, from any thread.
///
/// Put what the loop shall see where it looks for it first, then [`wake`](Waker::wake): the loop finds it when it
/// is told that it was [`Woken`](super::completion::Completion::Woken).
#[derive(Debug, Clone)]
pub(crate) struct Waker(Arc<Doorbell>);

#[derive(Debug)]
struct Doorbell {
    counter: OwnedFd,
    /// Whether it was rung, and the loop has not been told yet. While this is so there is no need to ring again.
    rung: AtomicBool,
}

impl Waker {
    pub(super) fn new() -> io::Result<Waker> {
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Waker(Arc::new(Doorbell { counter, rung: AtomicBool::new(false) })))
    }

    /// Wakes the loop. Costs a system call only if the loop has taken notice of the last one.
    pub(crate) fn wake(&self) {
        // Releases what was put before, and so does each later call: `take_notice` reads the last of them.
        if self.0.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        // The loop waits for writes to the counter and never reads it. Only after 2^64 of them is there an error.
        let _ = rustix::io::write(&self.0.counter, &1_u64.to_ne_bytes());
    }

    /// From here on a [`wake`](Waker::wake) rings again. To be called before the loop looks for what it was woken for.
    pub(super) fn take_notice(&self) {
        self.0.rung.swap(false, Ordering::AcqRel);
    }

    /// The counter, as a descriptor of its own, for the ring to wait for.
    pub(super) fn counter(&self) -> io::Result<OwnedFd> {
        self.0.counter.try_clone()
    }
}
