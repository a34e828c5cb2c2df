//! What a run and its caller tell each other meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::times::Times;

/// A run in progress, seen from other threads.
#[derive(Debug, Default)]
pub struct Control {
    is_stopped: AtomicBool,
    progress: Mutex<Vec<Progress>>,
}

/// How far a thread of a run is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// What it does.
    pub phase: Phase,
    /// How much of the measured time is over.
    pub elapsed: Duration,
    /// Connections that are open, and that are being opened.
    pub open: usize,
    /// Connections that are being opened.
    pub opening: usize,
    /// Messages that were sent; in a storm, connections that were begun.
    pub sent: u64,
    /// Messages that arrived; in a storm, connections that were opened.
    pub done: u64,
    /// Errors.
    pub errors: u64,
    /// Messages that were lost, repeated or not expected.
    pub misplaced: u64,
    /// The latest latencies.
    pub latency: Times,
}

/// What a run does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// It opens connections.
    #[default]
    Opening,
    /// The load runs, but nothing counts yet.
    WarmingUp,
    /// It measures.
    Measuring,
    /// It waits for the last answers, and closes connections.
    Ending,
}

impl Control {
    /// Ends the run soon: it sends nothing more, and waits for the answers to what it has sent, no longer than the
    /// patience of its plan. What was measured until then is reported.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the run was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// How far all threads together are.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut sum = Progress::default();
        for part in self.threads().iter() {
            sum.phase = part.phase;
            sum.elapsed = sum.elapsed.max(part.elapsed);
            sum.open += part.open;
            sum.opening += part.opening;
            sum.sent += part.sent;
            sum.done += part.done;
            sum.errors += part.errors;
            sum.misplaced += part.misplaced;
            sum.latency.add(&part.latency);
        }
        sum
    }

    pub(crate) fn report(&self, thread: usize, progress: Progress) {
        let mut threads = self.threads();
        if threads.len() <= thread {
            threads.resize_with(thread + 1, Progress::default);
        }
        if let Some(mine) = threads.get_mut(thread) {
            *mine = progress;
        }
    }

    fn threads(&self) -> MutexGuard<'_, Vec<Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
