//! Connections that are opened again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::exchange::Role;

/// The connections that could not be opened or ended early, and when others are opened for them.
#[derive(Debug, Default)]
pub(crate) struct Reopenings {
    /// How long after the end. `None`: none is opened again.
    after: Option<Duration>,
    due: VecDeque<(Instant, Role, usize)>,
}

impl Reopenings {
    pub(crate) fn new(after: Option<Duration>) -> Reopenings {
        Reopenings { after, due: VecDeque::new() }
    }

    /// Takes a connection to a channel that has ended.
    pub(crate) fn add(&mut self, role: Role, channel: usize, now: Instant) {
        if let Some(after) = self.after
            && role != Role::Visitor
        {
            self.due.push_back((now + after, role, channel));
        }
    }

    /// The next connection to open, and its channel, if it is due.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(Role, usize)> {
        let (_, role, channel) = self.due.front().filter(|(due, ..)| *due <= now).copied()?;
        self.due.pop_front();
        Some((role, channel))
    }

    /// When the next connection is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due.front().map(|(due, ..)| *due)
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
        reopenings.add(Role::Subscriber, 3, start);
        reopenings.add(Role::Visitor, 0, start);
        reopenings.add(Role::Idle, 0, start + second);
        assert_eq!((reopenings.next(start), reopenings.due()), (None, Some(start + second)));
        assert_eq!(
            (reopenings.next(start + second), reopenings.next(start + second)),
            (Some((Role::Subscriber, 3)), None)
        );
        reopenings.stop();
        reopenings.add(Role::Idle, 0, start);
        assert_eq!((reopenings.next(start + 9 * second), reopenings.are_planned()), (None, false));
    }
}
