//! Figures of a node.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connects: Counter,
    pub(crate) disconnects: Counter,
    pub(crate) subscribes: Counter,
    pub(crate) unsubscribes: Counter,
    pub(crate) commands: Counter,
    pub(crate) errors: Counter,
    pub(crate) publications: Counter,
    pub(crate) recovered: Counter,
    pub(crate) unrecovered: Counter,
}

/// Figures of a node since its start.
///
/// ```
/// let counts = longwire_hub::HubCounts::default();
/// assert_eq!(counts.connects - counts.disconnects, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HubCounts {
    /// Sessions that have connected.
    pub connects: u64,
    /// Connected sessions that have ended.
    pub disconnects: u64,
    /// Subscriptions that have begun.
    pub subscribes: u64,
    /// Subscriptions that have ended.
    pub unsubscribes: u64,
    /// Commands of clients.
    pub commands: u64,
    /// Commands that have failed.
    pub errors: u64,
    /// Publications that this node has seen, without those in history.
    pub publications: u64,
    /// Recoveries that found everything.
    pub recovered: u64,
    /// Recoveries that did not.
    pub unrecovered: u64,
    /// Channels that have subscribers now.
    pub channels: usize,
    /// Users that are connected now, without anonymous clients.
    pub users: usize,
    /// Clients that are connected now.
    pub clients: usize,
    /// Other nodes that are known now.
    pub other_nodes: usize,
    /// Messages of other nodes.
    pub node_messages: u64,
    /// Messages of other nodes that this version does not understand, and has skipped.
    pub node_messages_skipped: u64,
    /// Questions to other nodes that wait for answers now.
    pub open_questions: usize,
    /// Bytes of clients' commands that wait now.
    pub waiting_bytes: usize,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> HubCounts {
        HubCounts {
            connects: self.connects.get(),
            disconnects: self.disconnects.get(),
            subscribes: self.subscribes.get(),
            unsubscribes: self.unsubscribes.get(),
            commands: self.commands.get(),
            errors: self.errors.get(),
            publications: self.publications.get(),
            recovered: self.recovered.get(),
            unrecovered: self.unrecovered.get(),
            channels: 0,
            users: 0,
            clients: 0,
            other_nodes: 0,
            node_messages: 0,
            node_messages_skipped: 0,
            open_questions: 0,
            waiting_bytes: 0,
        }
    }
}
