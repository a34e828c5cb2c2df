//! The topics that have changed since the observer last saw them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The topics whose current state differs from what the observer has seen, in the order in which they changed.
///
/// A topic whose subscribers have come and gone in between is not among them. So clients that subscribe and unsubscribe
/// while the observer is busy cannot make this grow: it holds at most the topics that have subscribers now, or had them
/// when the observer was last called.
#[derive(Debug, Default)]
pub(super) struct Changes {
    stage: Watch,
    turns: HashMap<Arc<str>, u64>,
    queue: BTreeMap<u64, Arc<str>>,
    next_turn: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Watch {
    /// There is no observer.
    #[default]
    Unobserved,
    Observed,
    /// No more changes are recorded.
    Ended,
}

impl Changes {
    pub(super) fn begin(&mut self) {
        self.stage = Watch::Observed;
    }

    pub(super) fn end(&mut self) {
        self.stage = Watch::Ended;
    }

    pub(super) fn have_ended(&self) -> bool {
        self.stage == Watch::Ended
    }

    /// Records that a topic has got its first subscriber or lost its last one. Returns `true` if it is now among the
    /// changes.
    pub(super) fn toggle(&mut self, topic: &Arc<str>) -> bool {
        if let Some(turn) = self.turns.remove(topic) {
            self.queue.remove(&turn);
            return false;
        }
        if self.stage != Watch::Observed {
            return false;
        }
        self.turns.insert(Arc::clone(topic), self.next_turn);
        self.queue.insert(self.next_turn, Arc::clone(topic));
        self.next_turn += 1;
        true
    }

    /// Takes the topic that has waited longest.
    pub(super) fn take(&mut self) -> Option<Arc<str>> {
        let (_, topic) = self.queue.pop_first()?;
        self.turns.remove(&topic);
        Some(topic)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.queue.is_empty()
    }
}
