//! Connections that are opened again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::exchange::Role;

/// The connections that could not be opened or ended early, and when others are opened for them.
#[derive(Debug, Default)]
pub(crate) struct Reopenings {
    /// How long after the end. `None`: none is opened again.
    after: Option<Duration>,
    due: VecDeque<(Instant, Role)>,
}

impl Reopenings {
    pub(crate) fn new(after: Option<Duration>) -> Reopenings {
        Reopenings { after, due: VecDeque::new() }
    }

    /// Takes a connection that has ended.
    pub(crate) fn add(&mut self, role: Role, now: Instant) {
        if let Some(after) = self.after
            && matches!(role, Role::Echo | Role::Idle)
        {
            self.due.push_back((now + after, role));
        }
    }

    /// The next connection to open, if it is due.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Role> {
        let (_, role) = self.due.front().filter(|(due, _)| *due <= now).copied()?;
        self.due.pop_front();
        Some(role)
    }

    /// When the next connection is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// Whether connections that end are opened again.
    pub(crate) fn are_planned(&self) -> bool {
        self.after.is_some()
    }

    /// No connection is opened again from now on.
    pub(crate) fn stop(&mut self) {
        *self = Reopenings::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_come_again_after_their_time_until_that_is_over() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut reopenings = Reopenings::new(Some(second));
        reopenings.add(Role::Echo, start);
        reopenings.add(Role::Visitor, start);
        reopenings.add(Role::Idle, start + second);
        assert_eq!((reopenings.next(start), reopenings.due()), (None, Some(start + second)));
        assert_eq!(
            (reopenings.next(start + second), reopenings.next(start + second)),
            (Some(Role::Echo), None)
        );
        reopenings.stop();
        reopenings.add(Role::Idle, start);
        assert_eq!((reopenings.next(start + 9 * second), reopenings.are_planned()), (None, false));
    }
}
