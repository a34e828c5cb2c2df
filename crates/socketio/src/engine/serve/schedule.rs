//! When to look at which session.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::engine::Sid;

/// When to look at which session. One task serves all sessions of an engine; an entry takes 40 bytes.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    entries: Mutex<Entries>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Entries {
    at_times: BinaryHeap<Reverse<(Instant, Sid)>>,
    at_once: Vec<Sid>,
    /// Whether a task runs.
    is_served: bool,
}

impl Schedule {
    /// Looks at a session at a time.
    pub(super) fn add(&self, at: Instant, sid: Sid) {
        let mut entries = self.lock();
        let is_first = entries.at_times.peek().is_none_or(|Reverse((first, _))| at < *first);
        entries.at_times.push(Reverse((at, sid)));
        drop(entries);
        if is_first {
            self.bell.notify_one();
        }
    }

    /// Looks at a session as soon as possible.
    pub(super) fn add_at_once(&self, sid: Sid) {
        self.lock().at_once.push(sid);
        self.bell.notify_one();
    }

    /// Whether a task must be started, which then calls [`next`](Schedule::next).
    pub(super) fn begins(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_served, true)
    }

    /// The sessions to look at, once there are some. `None`: no session is left, and the task ends.
    pub(super) async fn next(&self) -> Option<Vec<Sid>> {
        loop {
            let first = match self.lock().step(Instant::now()) {
                Step::Look(due) => return Some(due),
                Step::Wait(first) => first,
                Step::End => return None,
            };
            tokio::select! {
                () = sleep_until(first.into()) => {}
                () = self.bell.notified() => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the task does next.
enum Step {
    Look(Vec<Sid>),
    Wait(Instant),
    End,
}

impl Entries {
    fn step(&mut self, now: Instant) -> Step {
        let mut due = std::mem::take(&mut self.at_once);
        while let Some(entry) = self.at_times.peek_mut() {
            let Reverse((at, sid)) = *entry;
            if at > now {
                break;
            }
            due.push(sid);
            PeekMut::pop(entry);
        }
        match self.at_times.peek() {
            _ if !due.is_empty() => Step::Look(due),
            Some(Reverse((first, _))) => Step::Wait(*first),
            None => {
                *self = Entries::default();
                Step::End
            }
        }
    }
}
