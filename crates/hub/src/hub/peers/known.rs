//! The other nodes that this one has heard of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use bytestring::ByteString;

use super::message::NodeFigures;
use super::question::{count, size};
use crate::time::Millis;

/// The most nodes that are known. What further ones say is heard, but they are not asked and not listed.
const MAX_NODES: usize = 1_000;

/// A node that has said nothing for this time is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

/// The longest name and version that are kept, in bytes.
const MAX_TEXT: usize = 255;

/// What a node says of itself.
///
/// [`Hub::nodes`](crate::Hub::nodes) returns them.
///
/// ```
/// let node = longwire_hub::NodeInfo::default();
/// assert_eq!(node.clients, 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NodeInfo {
    /// The node's id, which is another one after a restart.
    pub node: ByteString,
    /// Its name for operators, such as its host; [`HubConfig::name`](crate::HubConfig::name).
    pub name: String,
    /// The version that clients see.
    pub version: String,
    /// How long it has been running.
    pub uptime: Duration,
    /// Clients.
    pub clients: usize,
    /// Users, without anonymous clients.
    pub users: usize,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Channels with subscribers.
    pub channels: usize,
    /// Whether the node reaches the broker.
    pub broker_reachable: bool,
    /// Whether it goes on alone, with channels of its own, because it does not.
    pub broker_alone: bool,
    /// How long a call to the broker takes; `None` in memory, and before the first call.
    pub broker_latency: Option<Duration>,
    /// How often subscribers of a channel have learned that publications are missing.
    pub gaps_lost: u64,
}

#[derive(Debug)]
struct KnownNode {
    info: NodeInfo,
    heard: Millis,
}

/// The other nodes, by id.
#[derive(Debug, Default)]
pub(in crate::hub) struct KnownNodes(HashMap<ByteString, KnownNode>);

impl KnownNodes {
    /// A node lives. Says whether it was not known before.
    pub(in crate::hub) fn heard(&mut self, node: &ByteString, figures: NodeFigures, now: Millis) -> bool {
        let is_full = self.0.len() >= MAX_NODES;
        let info = figures.read(node);
        match self.0.entry(node.clone()) {
            Entry::Occupied(mut known) => {
                known.insert(KnownNode { info, heard: now });
                false
            }
            Entry::Vacant(_) if is_full => false,
            Entry::Vacant(free) => {
                free.insert(KnownNode { info, heard: now });
                true
            }
        }
    }

    pub(in crate::hub) fn remove(&mut self, node: &str) {
        self.0.remove(node);
    }

    /// Forgets the nodes that have not been heard for a while, and returns them.
    pub(in crate::hub) fn forget_silent(&mut self, now: Millis) -> Vec<ByteString> {
        let is_silent = |node: &KnownNode| now.since(node.heard) >= FORGOTTEN_AFTER;
        self.0.extract_if(|_, node| is_silent(node)).map(|(node, _)| node).collect()
    }

    pub(in crate::hub) fn knows(&self, node: &str) -> bool {
        self.0.contains_key(node)
    }

    pub(in crate::hub) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::hub) fn ids(&self) -> impl Iterator<Item = &ByteString> {
        self.0.keys()
    }

    /// The figures of each node, as its last heartbeat gave them.
    pub(in crate::hub) fn infos(&self) -> impl Iterator<Item = &NodeInfo> {
        self.0.values().map(|node| &node.info)
    }
}

impl NodeFigures {
    fn read(self, node: &ByteString) -> NodeInfo {
        NodeInfo {
            node: node.clone(),
            name: bounded(self.name),
            version: bounded(self.version),
            uptime: Duration::from_millis(self.uptime_millis),
            clients: size(self.clients),
            users: size(self.users),
            subscriptions: self.subscriptions,
            channels: size(self.channels),
            broker_reachable: self.broker_reachable,
            broker_alone: self.broker_alone,
            broker_latency: self.broker_latency_micros.map(Duration::from_micros),
            gaps_lost: self.gaps_lost,
        }
    }
}

impl From<NodeInfo> for NodeFigures {
    fn from(info: NodeInfo) -> NodeFigures {
        NodeFigures {
            name: bounded(info.name),
            version: bounded(info.version),
            uptime_millis: u64::try_from(info.uptime.as_millis()).unwrap_or(u64::MAX),
            clients: count(info.clients),
            users: count(info.users),
            subscriptions: info.subscriptions,
            channels: count(info.channels),
            broker_reachable: info.broker_reachable,
            broker_alone: info.broker_alone,
            broker_latency_micros: info.broker_latency.map(micros),
            gaps_lost: info.gaps_lost,
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The text, or its beginning.
fn bounded(mut text: String) -> String {
    let end = (0..=MAX_TEXT.min(text.len())).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_nodes_are_known_than_the_bound_and_their_names_are_short() {
        let mut known = KnownNodes::default();
        for number in 0..2 * MAX_NODES {
            let figures = NodeFigures { name: "ä".repeat(MAX_TEXT), ..NodeFigures::default() };
            let is_new = known.heard(&number.to_string().into(), figures, Millis(0));
            assert_eq!(is_new, number < MAX_NODES);
        }
        assert_eq!(known.infos().count(), MAX_NODES);
        assert!(known.infos().all(|info| info.name.len() == MAX_TEXT - 1));
        assert_eq!(known.forget_silent(Millis(9_999)).len(), 0);
        assert_eq!(known.forget_silent(Millis(10_000)).len(), MAX_NODES);
    }
}
