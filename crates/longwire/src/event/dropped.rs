//! Counts of topics' messages that subscribers missed.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many messages of topics were dropped, by reason. A message that several subscribers miss counts once for each of
/// them.
///
/// ```no_run
/// use longwire::Topics;
///
/// fn report(topics: &Topics) {
///     let dropped = topics.dropped();
///     println!("{} dropped, {} of them by clients that were closed", dropped.total(), dropped.disconnect);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dropped {
    /// By [`Slow::Disconnect`](crate::Slow::Disconnect) or [`Slow::Close`](crate::Slow::Close): the message for which the
    /// subscriber was closed.
    pub disconnect: u64,
    /// By [`Slow::DropOldest`](crate::Slow::DropOldest).
    pub drop_oldest: u64,
    /// By [`Slow::Latest`](crate::Slow::Latest).
    pub latest: u64,
    /// Published faster than an event loop took it, whatever the policies of its subscribers. Subscribers
    /// with [`Slow::Disconnect`](crate::Slow::Disconnect) or [`Slow::Close`](crate::Slow::Close) are closed.
    pub backlog: u64,
}

impl Dropped {
    /// The sum of all counts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.disconnect + self.drop_oldest + self.latest + self.backlog
    }

    /// The counts by the values of the metric's label `policy`.
    pub(super) fn by_policy(&self) -> [(&'static str, u64); 4] {
        [
            ("disconnect", self.disconnect),
            ("drop_oldest", self.drop_oldest),
            ("latest", self.latest),
            ("backlog", self.backlog),
        ]
    }
}

/// Atomic counters for [`Dropped`].
#[derive(Debug, Default)]
pub(super) struct DropCounters {
    disconnect: AtomicU64,
    drop_oldest: AtomicU64,
    latest: AtomicU64,
    backlog: AtomicU64,
}

impl DropCounters {
    pub(super) fn add(&self, more: &Dropped) {
        let counters = [
            (&self.disconnect, more.disconnect),
            (&self.drop_oldest, more.drop_oldest),
            (&self.latest, more.latest),
            (&self.backlog, more.backlog),
        ];
        for (counter, more) in counters.into_iter().filter(|(_, more)| *more > 0) {
            counter.fetch_add(more, Ordering::Relaxed);
        }
    }

    pub(super) fn load(&self) -> Dropped {
        Dropped {
            disconnect: self.disconnect.load(Ordering::Relaxed),
            drop_oldest: self.drop_oldest.load(Ordering::Relaxed),
            latest: self.latest.load(Ordering::Relaxed),
            backlog: self.backlog.load(Ordering::Relaxed),
        }
    }
}
