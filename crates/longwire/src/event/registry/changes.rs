//! Which topics have changed since the observer was last called for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The topics of which the observer knows the opposite of what is true, in the order in which they became so.
///
/// A topic whose subscribers have come and gone in between is not among them. Clients that subscribe and unsubscribe
/// while the observer is busy therefore cannot make this grow: it holds no more topics than have subscribers now or had
/// them when the observer was last called.
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
    /// What is left is the last.
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

    /// A topic has its first subscriber, or has lost its last one. `true`: it is among the changes now.
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
