//! Subscribers that wait for the point at which their subscription begins.

use std::sync::Arc;

use super::window::Window;
use crate::broker::{Joined, Recovery, Since};
use crate::publication::StreamPosition;

/// Identifies a subscriber of this node that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SubscriberId(pub(super) u64);

/// A subscriber that waits.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub(super) struct Joining {
    pub(super) wish: Wish,
    /// Whether the read that runs began after it came.
    pub(super) is_asked: bool,
    /// How many reads did not show what it needs.
    pub(super) rounds: u8,
}

impl Joining {
    pub(super) fn new(since: Since) -> Joining {
        Joining { wish: since.into(), is_asked: false, rounds: 0 }
    }
}

/// What it wants of the past.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub(super) enum Wish {
    Nothing,
    After {
        position: StreamPosition,
        limit: usize,
    },
    Newest {
        position: Option<StreamPosition>,
    },
    /// It wanted something that cannot be had any more.
    Lost,
}

impl From<Since> for Wish {
    fn from(since: Since) -> Wish {
        match since {
            Since::Now => Wish::Nothing,
            Since::Position { position, limit } => Wish::After { position, limit },
            Since::Newest { position } => Wish::Newest { position },
        }
    }
}

/// Whether a position is that of a client that has seen nothing.
fn is_unnamed_start(position: &StreamPosition) -> bool {
    position.offset == 0 && position.epoch.is_empty()
}

impl Wish {
    /// The offset after which publications are needed, if any are, and how many may be missing. `top` is the newest position
    /// that is known.
    pub(super) fn needs_after(&self, top: Option<&StreamPosition>) -> Option<(u64, usize)> {
        match (self, top) {
            (Wish::Nothing | Wish::Lost, _) | (Wish::Newest { .. }, None) => None,
            (Wish::Newest { .. }, Some(top)) => Some((top.offset.checked_sub(1)?, 1)),
            (Wish::After { position, limit }, top) => {
                let is_of_stream =
                    |top: &&StreamPosition| top.epoch == position.epoch || is_unnamed_start(position);
                let missed = top.filter(is_of_stream).map(|top| top.offset.saturating_sub(position.offset));
                missed.is_none_or(|missed| fits(missed, *limit)).then_some((position.offset, *limit))
            }
        }
    }

    /// Whether it wants what is lost, or more than it may get, in a stream that has come to this position.
    pub(super) fn cannot_be_had(&self, top: &StreamPosition) -> bool {
        let Wish::After { position, limit } = self else { return false };
        let is_of_stream = position.epoch == top.epoch || is_unnamed_start(position);
        !is_of_stream || !fits(top.offset.saturating_sub(position.offset), *limit)
    }

    /// What it gets if it begins at this position, and the window ends there.
    pub(super) fn recover(&self, begin: &StreamPosition, window: &Window) -> Recovery {
        match self {
            Wish::Nothing => Recovery::NotAsked,
            Wish::Lost => Recovery::Unrecoverable,
            Wish::Newest { position } => {
                if begin.offset > 0 && position.as_ref() == Some(begin) {
                    return Recovery::Recovered(Vec::new());
                }
                let newest = window.get(begin.offset).cloned();
                newest.map_or(Recovery::Unrecoverable, |newest| Recovery::Recovered(vec![newest]))
            }
            Wish::After { position, limit } => {
                let is_of_stream = position.epoch == begin.epoch || is_unnamed_start(position);
                let missed = begin.offset.checked_sub(position.offset).filter(|missed| fits(*missed, *limit));
                let found = missed.filter(|_| is_of_stream);
                let found = found.and_then(|_| window.between(position.offset, begin.offset));
                found.map_or(Recovery::Unrecoverable, |found| Recovery::Recovered(found.to_vec()))
            }
        }
    }

    /// The answer in a channel without history.
    pub(super) fn without_history(&self) -> Joined {
        let recovery = match self {
            Wish::Nothing => Recovery::NotAsked,
            Wish::After { .. } | Wish::Newest { .. } | Wish::Lost => Recovery::Unrecoverable,
        };
        Joined { position: StreamPosition { offset: 0, epoch: Arc::from("") }, recovery }
    }
}

fn fits(missed: u64, limit: usize) -> bool {
    usize::try_from(missed).is_ok_and(|missed| missed <= limit)
}
