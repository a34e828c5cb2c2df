//! The topics of a whole server: the number of each topic's subscribers per loop, and the changes that the observer has
//! not seen.
//!
//! A loop calls the registry when a topic gets its first subscriber on that loop or loses its last one there. In
//! between, the loop holds the topic's [record](TopicRecord) and counts in it without a lock.

mod changes;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::dropped::{DropCounters, Dropped};
use crate::telemetry;
use changes::Changes;

/// The topics of a server that have subscribers.
#[derive(Debug, Default)]
pub(super) struct TopicRegistry {
    state: Mutex<RegistryState>,
    /// Wakes the observer's thread.
    changed: Condvar,
    dropped: DropCounters,
}

#[derive(Debug, Default)]
struct RegistryState {
    topics: HashMap<Arc<str>, LiveTopic>,
    changes: Changes,
}

#[derive(Debug)]
struct LiveTopic {
    record: Arc<TopicRecord>,
    /// How many loops have subscribers.
    loops: usize,
}

/// The state of a topic that all loops share while it has subscribers.
#[derive(Debug)]
pub(super) struct TopicRecord {
    name: Arc<str>,
    /// How many subscribers each loop has, by the loop's index.
    subscribers: Box<[AtomicUsize]>,
    dropped: DropCounters,
}

/// A topic has got its first subscriber or lost its last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicChange {
    pub(super) topic: Arc<str>,
    pub(super) has_subscribers: bool,
}

impl TopicRegistry {
    /// Records a topic's first subscriber on the loop with this index.
    pub(super) fn enter(&self, name: &str, event_loop: usize, loops: usize) -> Arc<TopicRecord> {
        let mut state = self.lock();
        if let Some(topic) = state.topics.get_mut(name) {
            topic.loops += 1;
            topic.record.count_in(event_loop);
            return Arc::clone(&topic.record);
        }
        let record = Arc::new(TopicRecord::new(name.into(), loops.max(event_loop + 1)));
        record.count_in(event_loop);
        let topic = LiveTopic { record: Arc::clone(&record), loops: 1 };
        state.topics.insert(Arc::clone(&record.name), topic);
        self.note_change(state, &record.name);
        record
    }

    /// Records that a topic has lost its last subscriber on the loop with this index.
    pub(super) fn leave(&self, record: &TopicRecord, event_loop: usize) {
        let mut state = self.lock();
        record.empty(event_loop);
        let Some(topic) = state.topics.get_mut(&record.name) else { return };
        topic.loops -= 1;
        if topic.loops == 0 {
            state.topics.remove(&record.name);
            self.note_change(state, &record.name);
        }
    }

    /// The record of a topic that has subscribers.
    pub(super) fn find(&self, name: &str) -> Option<Arc<TopicRecord>> {
        self.lock().topics.get(name).map(|topic| Arc::clone(&topic.record))
    }

    /// How many topics have subscribers.
    pub(super) fn len(&self) -> usize {
        self.lock().topics.len()
    }

    /// The topics that have subscribers, in no particular order.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.lock().topics.keys().cloned().collect()
    }

    /// Counts dropped messages, for the topic and for the server.
    pub(super) fn count_dropped(&self, record: &TopicRecord, dropped: &Dropped) {
        if *dropped != Dropped::default() {
            record.dropped.add(dropped);
            self.dropped.add(dropped);
            telemetry::topic_messages_dropped(&dropped.by_policy());
        }
    }

    pub(super) fn dropped(&self) -> Dropped {
        self.dropped.load()
    }

    /// Starts recording changes, which [`next_change`](TopicRegistry::next_change) takes.
    pub(super) fn observe(&self) {
        self.lock().changes.begin();
    }

    /// Stops recording changes.
    pub(super) fn stop_observing(&self) {
        self.lock().changes.end();
        self.changed.notify_all();
    }

    /// Waits for the next topic that has gained its first or lost its last subscriber since it was last reported.
    /// `None` after the end.
    ///
    /// The reports about one topic alternate: the first says that it has subscribers, the next that it has none.
    pub(super) fn next_change(&self) -> Option<TopicChange> {
        let mut state = self.lock();
        loop {
            if let Some(change) = state.take_change() {
                return Some(change);
            }
            if state.changes.have_ended() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next change, without waiting.
    pub(super) fn take_change(&self) -> Option<TopicChange> {
        self.lock().take_change()
    }

    fn note_change(&self, mut state: MutexGuard<'_, RegistryState>, topic: &Arc<str>) {
        let is_new = state.changes.toggle(topic);
        drop(state);
        if is_new {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, RegistryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RegistryState {
    fn take_change(&mut self) -> Option<TopicChange> {
        let topic = self.changes.take()?;
        let has_subscribers = self.topics.contains_key(&topic);
        Some(TopicChange { topic, has_subscribers })
    }
}

impl TopicRecord {
    fn new(name: Arc<str>, loops: usize) -> TopicRecord {
        let subscribers = (0..loops).map(|_| AtomicUsize::new(0)).collect();
        TopicRecord { name, subscribers, dropped: DropCounters::default() }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Counts a new subscriber of a loop. A thread that publishes after it has learned of the subscription sees it.
    pub(super) fn count_in(&self, event_loop: usize) {
        if let Some(count) = self.subscribers.get(event_loop) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Counts a lost subscriber of a loop that has others.
    pub(super) fn count_out(&self, event_loop: usize) {
        if let Some(count) = self.subscribers.get(event_loop) {
            count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn empty(&self, event_loop: usize) {
        if let Some(count) = self.subscribers.get(event_loop) {
            count.store(0, Ordering::SeqCst);
        }
    }

    /// How many subscribers a loop has.
    pub(super) fn subscribers_in(&self, event_loop: usize) -> usize {
        self.subscribers.get(event_loop).map_or(0, |count| count.load(Ordering::SeqCst))
    }

    /// How many subscribers all loops have.
    pub(super) fn subscribers(&self) -> usize {
        self.subscribers.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    pub(super) fn dropped(&self) -> Dropped {
        self.dropped.load()
    }
}

#[cfg(test)]
mod tests;
