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
    /// With the bytes of each event of the client.
    jobs: VecDeque<(J, Option<usize>)>,
    is_running: bool,
}

/// Events that wait no longer, which the client's [backlog](super::backlog::Backlog) has counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Freed {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl<J> Queue<J> {
    /// A queue whose first job runs already.
    pub(super) fn running() -> Queue<J> {
        Queue { state: Mutex::new(QueueState { jobs: VecDeque::new(), is_running: true }) }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event of the client. If no job runs, returns it: the caller runs it, and then those of [`Queue::next`].
    /// Otherwise it waits, which `waits` counts.
    pub(super) fn push(&self, job: J, bytes: usize, waits: impl FnOnce()) -> Option<J> {
        let mut state = self.lock();
        if !state.is_running {
            state.is_running = true;
            return Some(job);
        }
        // Before it can be taken.
        waits();
        state.jobs.push_back((job, Some(bytes)));
        None
    }

    /// Adds the last job, after or instead of those that wait. Returns it if no job runs.
    pub(super) fn push_last(&self, job: J, earlier: Earlier) -> (Option<J>, Freed) {
        let mut state = self.lock();
        let dropped = match earlier {
            Earlier::Run => VecDeque::new(),
            Earlier::Dropped => std::mem::take(&mut state.jobs),
        };
        let run = if state.is_running {
            state.jobs.push_back((job, None));
            None
        } else {
            state.is_running = true;
            Some(job)
        };
        drop(state);
        let freed = dropped
            .iter()
            .filter_map(|(_, bytes)| *bytes)
            .map(Freed::event)
            .fold(Freed::default(), Freed::and);
        (run, freed)
    }

    /// The next job, after one has run.
    pub(super) fn next(&self) -> Option<(J, Freed)> {
        let mut state = self.lock();
        let Some((job, bytes)) = state.jobs.pop_front() else {
            state.is_running = false;
            state.jobs = VecDeque::new();
            return None;
        };
        Some((job, bytes.map(Freed::event).unwrap_or_default()))
    }
}

impl Freed {
    fn event(bytes: usize) -> Freed {
        Freed { events: 1, bytes }
    }

    fn and(self, other: Freed) -> Freed {
        Freed {
            events: self.events.saturating_add(other.events),
            bytes: self.bytes.saturating_add(other.bytes),
        }
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

    fn next<J>(queue: &Queue<J>) -> Option<J> {
        queue.next().map(|(job, _)| job)
    }

    #[test]
    fn one_job_runs_at_a_time_in_order() {
        let (queue, mut waiting) = (Queue::running(), 0);
        assert_eq!(queue.push("a", 10, || waiting += 1), None);
        assert_eq!(queue.push("b", 20, || waiting += 1), None);
        assert_eq!(queue.next(), Some(("a", Freed { events: 1, bytes: 10 })));
        assert_eq!((next(&queue), next(&queue)), (Some("b"), None));
        assert_eq!(queue.push("c", 10, || waiting += 1), Some("c"));
        assert_eq!(queue.push("d", 10, || waiting += 1), None);
        assert_eq!(waiting, 3, "the one that runs does not wait");
    }

    #[test]
    fn the_last_job_comes_after_or_instead_of_the_others() {
        let queue = Queue::running();
        queue.push("a", 1, || ());
        assert_eq!(queue.push_last("end", Earlier::Run), (None, Freed::default()));
        assert_eq!((next(&queue), next(&queue), next(&queue)), (Some("a"), Some("end"), None));
        let queue = Queue::running();
        queue.push("a", 1, || ());
        queue.push("b", 2, || ());
        assert_eq!(queue.push_last("end", Earlier::Dropped), (None, Freed { events: 2, bytes: 3 }));
        assert_eq!((queue.next(), queue.next()), (Some(("end", Freed::default())), None));
        assert_eq!(queue.push_last("again", Earlier::Run), (Some("again"), Freed::default()));
    }
}
