//! An ordered queue of what is due when.

use std::collections::BTreeSet;

use crate::time::Millis;

/// Keys in the order of their deadlines, each key once.
///
/// The queue is lazy: whoever owns the key keeps the moment under which it is queued (its slot), and need not move it
/// when its deadline becomes later. The key then comes up too early, and is queued again.
#[derive(Debug)]
pub(super) struct Deadlines<K>(BTreeSet<(Millis, K)>);

impl<K> Default for Deadlines<K> {
    fn default() -> Deadlines<K> {
        Deadlines(BTreeSet::new())
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// The earliest moment at which a key may be due.
    pub(super) fn first(&self) -> Option<Millis> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the first key if it is due. Its slot has to be emptied.
    pub(super) fn pop_due(&mut self, now: Millis) -> Option<K> {
        if self.first()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, key)| key)
    }

    /// Queues a key, unless it already comes up early enough.
    pub(super) fn ensure(&mut self, slot: &mut Option<Millis>, at: Millis, key: &K) {
        if slot.is_some_and(|queued| queued <= at) {
            return;
        }
        self.remove(slot, key);
        self.0.insert((at, key.clone()));
        *slot = Some(at);
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, slot: &mut Option<Millis>, key: &K) {
        if let Some(queued) = slot.take() {
            self.0.remove(&(queued, key.clone()));
        }
    }
}
