//! Ordered queues of what is due when.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::time::Millis;

/// Keys in the order of their deadlines, each key once.
///
/// The queue is lazy: whoever owns the key keeps the moment under which it is queued (its slot), and need not move it
/// when its deadline becomes later. The key then comes up too early, and is queued again.
#[derive(Debug)]
pub(crate) struct Deadlines<K>(BTreeSet<(Millis, K)>);

impl<K> Default for Deadlines<K> {
    fn default() -> Deadlines<K> {
        Deadlines(BTreeSet::new())
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// The earliest moment at which a key may be due.
    pub(crate) fn first(&self) -> Option<Millis> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the first key if it is due. Its slot has to be emptied.
    pub(crate) fn pop_due(&mut self, now: Millis) -> Option<K> {
        if self.first()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, key)| key)
    }

    /// The keys in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(_, key)| key)
    }

    /// Queues a key, unless it already comes up early enough.
    pub(crate) fn ensure(&mut self, slot: &mut Option<Millis>, at: Millis, key: &K) {
        if slot.is_some_and(|queued| queued <= at) {
            return;
        }
        self.remove(slot, key);
        self.0.insert((at, key.clone()));
        *slot = Some(at);
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, slot: &mut Option<Millis>, key: &K) {
        if let Some(queued) = slot.take() {
            self.0.remove(&(queued, key.clone()));
        }
    }
}

/// The lazy queue of a small collection: it takes little memory while it is short, and takes nothing out before it is
/// due. An entry counts only if it is that of the owner's slot.
#[derive(Debug)]
pub(crate) struct DeadlineHeap<K>(BinaryHeap<Reverse<(Millis, K)>>);

impl<K: Ord> Default for DeadlineHeap<K> {
    fn default() -> DeadlineHeap<K> {
        DeadlineHeap(BinaryHeap::new())
    }
}

impl<K: Ord + Clone> DeadlineHeap<K> {
    /// The earliest moment at which a key may be due.
    pub(crate) fn first(&self) -> Option<Millis> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the first entry if it is due.
    pub(crate) fn pop_due(&mut self, now: Millis) -> Option<(Millis, K)> {
        if self.first()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }

    /// Queues a key, unless it already comes up early enough.
    pub(crate) fn ensure(&mut self, slot: &mut Option<Millis>, at: Millis, key: &K) {
        if slot.is_none_or(|queued| queued > at) {
            self.0.push(Reverse((at, key.clone())));
            *slot = Some(at);
        }
    }

    /// Drops the entries that don't count, once they are more than those of the `live` keys.
    pub(crate) fn compact(&mut self, live: usize, mut counts: impl FnMut(Millis, &K) -> bool) {
        if self.0.len() > 2 * live + 8 {
            self.0.retain(|Reverse((at, key))| counts(*at, key));
            self.0.shrink_to(2 * live + 8);
        }
    }
}
