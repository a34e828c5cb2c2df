//! One read of a channel.

use std::sync::Arc;

use super::held::{Room, cost};
use super::window::Window;
use crate::broker::HistoryQuery;
use crate::publication::{Publication, StreamPosition};
use crate::time::Millis;

/// Whether the channel is read.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub(super) enum Reading {
    Idle,
    /// It waits for its turn.
    Queued,
    Running(Box<Run>),
    /// A read has failed. Another one begins then, or with the next subscriber.
    Resting {
        until: Millis,
    },
}

/// A read that runs.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub(super) struct Run {
    /// The offset after which it reads; `None` if it asks for the position only.
    pub(super) after: Option<u64>,
    /// Up to where was delivered when it began.
    pub(super) delivered: Option<StreamPosition>,
    /// What was delivered since, for new subscribers, who may begin after what the read shows. `None` if that is too much.
    pub(super) recent: Option<Window>,
    recent_bytes: usize,
    /// Whether subscribers may miss something.
    pub(super) is_needed: bool,
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) struct ReadPlan {
    /// After this offset of any epoch; `None` for the newest ones.
    pub(super) after: Option<u64>,
    pub(super) limit: usize,
}

impl Reading {
    pub(super) fn is_running(&self) -> bool {
        matches!(self, Reading::Running(_))
    }

    pub(super) fn rests_until(&self) -> Option<Millis> {
        match self {
            Reading::Resting { until } => Some(*until),
            Reading::Idle | Reading::Queued | Reading::Running(_) => None,
        }
    }

    pub(super) fn end_rest(&mut self) {
        if matches!(self, Reading::Resting { .. }) {
            *self = Reading::Idle;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Reading::Running(run) => run.recent_bytes,
            Reading::Idle | Reading::Queued | Reading::Resting { .. } => 0,
        }
    }
}

impl Run {
    pub(super) fn new(plan: &ReadPlan, delivered: Option<StreamPosition>, is_needed: bool) -> Run {
        Run { after: plan.after, delivered, recent: Some(Window::default()), recent_bytes: 0, is_needed }
    }

    /// Notes what is delivered while it runs.
    pub(super) fn note(&mut self, publication: &Arc<Publication>, room: Room) {
        let Some(recent) = &mut self.recent else { return };
        let bytes = self.recent_bytes.saturating_add(cost(publication));
        if recent.len() >= room.publications || bytes > room.bytes {
            (self.recent, self.recent_bytes) = (None, 0);
            return;
        }
        recent.push(publication.clone());
        self.recent_bytes = bytes;
    }
}

impl ReadPlan {
    pub(super) fn query(&self) -> HistoryQuery {
        // An empty epoch stands for any: whether the stream is another one is found out here.
        let since = self.after.map(|offset| StreamPosition { offset, epoch: Arc::from("") });
        HistoryQuery { limit: self.limit, reverse: since.is_none(), since }
    }
}
