//! What waits for the handlers of a socket, which run one at a time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What waits for the handlers of a socket. One job runs at a time.
#[derive(Debug)]
pub(super) struct Queue<J> {
    state: Mutex<QueueState<J>>,
}

#[derive(Debug)]
struct QueueState<J> {
    /// With the memory that each costs; 0 for what is not the client's.
    jobs: VecDeque<(J, usize)>,
    cost: usize,
    is_running: bool,
}

/// The bounds of what waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueueLimits {
    pub(super) jobs: usize,
    pub(super) bytes: usize,
}

/// What became of a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed<J> {
    /// No job runs: the caller runs this one, and then those of [`Queue::next`].
    Run(J),
    Waits,
    /// Too much waits.
    Full,
}

impl<J> Queue<J> {
    /// A queue whose first job runs already.
    pub(super) fn running() -> Queue<J> {
        Queue { state: Mutex::new(QueueState { jobs: VecDeque::new(), cost: 0, is_running: true }) }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event of the client.
    pub(super) fn push(&self, job: J, cost: usize, limits: QueueLimits) -> Pushed<J> {
        let mut state = self.lock();
        if !state.is_running {
            state.is_running = true;
            return Pushed::Run(job);
        }
        let total = state.cost.saturating_add(cost);
        if state.jobs.len() >= limits.jobs || (total > limits.bytes && state.cost > 0) {
            return Pushed::Full;
        }
        state.cost = total;
        state.jobs.push_back((job, cost));
        Pushed::Waits
    }

    /// Adds the last job, after or instead of those that wait.
    pub(super) fn push_last(&self, job: J, earlier: Earlier) -> Pushed<J> {
        let mut state = self.lock();
        let dropped = match earlier {
            Earlier::Run => VecDeque::new(),
            Earlier::Dropped => std::mem::take(&mut state.jobs),
        };
        let pushed = if state.is_running {
            state.jobs.push_back((job, 0));
            Pushed::Waits
        } else {
            state.is_running = true;
            Pushed::Run(job)
        };
        drop(state);
        drop(dropped);
        pushed
    }

    /// The next job, after one has run.
    pub(super) fn next(&self) -> Option<J> {
        let mut state = self.lock();
        let Some((job, cost)) = state.jobs.pop_front() else {
            state.is_running = false;
            state.jobs = VecDeque::new();
            return None;
        };
        state.cost = state.cost.saturating_sub(cost);
        Some(job)
    }
}

/// What becomes of the jobs before the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Earlier {
    Run,
    Dropped,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QueueLimits = QueueLimits { jobs: 2, bytes: 100 };

    #[test]
    fn one_job_runs_at_a_time_in_order() {
        let queue = Queue::running();
        assert_eq!(queue.push("a", 10, LIMITS), Pushed::Waits);
        assert_eq!(queue.push("b", 10, LIMITS), Pushed::Waits);
        assert_eq!(queue.push("c", 10, LIMITS), Pushed::Full);
        assert_eq!((queue.next(), queue.next(), queue.next()), (Some("a"), Some("b"), None));
        assert_eq!(queue.push("d", 10, LIMITS), Pushed::Run("d"));
        assert_eq!(queue.push("e", 10, LIMITS), Pushed::Waits);
    }

    #[test]
    fn waiting_bytes_are_bounded() {
        let queue = Queue::running();
        assert_eq!(queue.push("one large event waits if it is alone", 500, LIMITS), Pushed::Waits);
        assert_eq!(queue.push("small", 1, LIMITS), Pushed::Full);
        queue.next();
        assert_eq!(queue.push("a", 60, LIMITS), Pushed::Waits);
        assert_eq!(queue.push("b", 60, LIMITS), Pushed::Full);
    }

    #[test]
    fn the_last_job_comes_after_or_instead_of_the_others() {
        let queue = Queue::running();
        queue.push("a", 1, LIMITS);
        assert_eq!(queue.push_last("end", Earlier::Run), Pushed::Waits);
        assert_eq!((queue.next(), queue.next(), queue.next()), (Some("a"), Some("end"), None));
        let queue = Queue::running();
        queue.push("a", 1, LIMITS);
        assert_eq!(queue.push_last("end", Earlier::Dropped), Pushed::Waits);
        assert_eq!((queue.next(), queue.next()), (Some("end"), None));
        assert_eq!(queue.push_last("again", Earlier::Run), Pushed::Run("again"));
    }
}
