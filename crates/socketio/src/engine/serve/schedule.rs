//! When to look at which session.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::engine::Sid;

/// When to look at which session. One task serves all sessions of an engine, each with at most one time.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    entries: Mutex<Entries>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Entries {
    by_time: BTreeSet<(Instant, Sid)>,
    times: HashMap<Sid, Instant>,
    at_once: Vec<Sid>,
    /// Whether a task runs.
    is_served: bool,
}

impl Schedule {
    /// Looks at a session at a time, instead of the time set before.
    pub(super) fn set(&self, at: Instant, sid: Sid) {
        let mut entries = self.lock();
        entries.set(at, sid);
        let is_first = entries.by_time.first() == Some(&(at, sid));
        drop(entries);
        if is_first {
            self.bell.notify_one();
        }
    }

    /// Does not look at a session any more.
    pub(super) fn remove(&self, sid: Sid) {
        self.lock().remove(sid);
    }

    /// Looks at a session as soon as possible.
    pub(super) fn set_at_once(&self, sid: Sid) {
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
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Look(Vec<Sid>),
    Wait(Instant),
    End,
}

impl Entries {
    fn set(&mut self, at: Instant, sid: Sid) {
        self.remove(sid);
        self.times.insert(sid, at);
        self.by_time.insert((at, sid));
    }

    fn remove(&mut self, sid: Sid) {
        if let Some(at) = self.times.remove(&sid) {
            self.by_time.remove(&(at, sid));
        }
    }

    fn step(&mut self, now: Instant) -> Step {
        let mut due = std::mem::take(&mut self.at_once);
        while let Some((at, sid)) = self.by_time.first().copied()
            && at <= now
        {
            self.remove(sid);
            due.push(sid);
        }
        match self.by_time.first() {
            _ if !due.is_empty() => Step::Look(due),
            Some((first, _)) => Step::Wait(*first),
            None => {
                *self = Entries::default();
                Step::End
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_session_has_one_time_and_the_earliest_comes_first() {
        let (mut entries, now) = (Entries::default(), Instant::now());
        let (one, other) = (Sid::random(), Sid::random());
        entries.set(now + SECOND, one);
        entries.set(now + 2 * SECOND, other);
        entries.set(now + 3 * SECOND, one);
        assert_eq!(entries.step(now), Step::Wait(now + 2 * SECOND));
        assert_eq!(entries.step(now + 2 * SECOND), Step::Look(vec![other]));
        assert_eq!(entries.step(now + 2 * SECOND), Step::Wait(now + 3 * SECOND));
        assert_eq!(entries.step(now + 3 * SECOND), Step::Look(vec![one]));
        assert_eq!(entries.step(now + 3 * SECOND), Step::End);
    }

    /// Clients that open sessions and close them at once would otherwise leave an entry each until its time.
    #[test]
    fn sessions_that_have_ended_leave_nothing() {
        let (mut entries, now) = (Entries::default(), Instant::now());
        for _ in 0..100 {
            let sid = Sid::random();
            entries.set(now + SECOND, sid);
            entries.remove(sid);
        }
        assert_eq!((entries.by_time.len(), entries.times.len()), (0, 0));
        assert_eq!(entries.step(now), Step::End);
    }
}
