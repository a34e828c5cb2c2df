//! What a store brings to a node.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::following::Following;
use super::held::Arrival;
use super::node::FollowingNode;
use super::record::Record;
use super::store::StoreEvents;
use crate::channel::ChannelName;
use crate::publication::{Publication, StreamPosition};

/// The events of a node. The store keeps it.
pub(super) struct NodeEvents(pub(super) Arc<FollowingNode>);

impl StoreEvents for NodeEvents {
    fn arrived(&self, channel: &ChannelName, record: Record, position: Option<StreamPosition>) {
        let NodeEvents(node) = self;
        node.step(channel, |entry, conditions, effects| match record {
            Record::Publication(publication) => {
                let offset = position.as_ref().map_or(0, |position| position.offset);
                let publication = Arc::new(Publication { offset, ..publication });
                entry.following.arrived(Arrival { publication, position }, conditions, effects);
            }
            // Who is present does not depend on the order of publications.
            Record::Join(client) if entry.following.has_subscribers() => node.fanout.join(channel, &client),
            Record::Leave(client) if entry.following.has_subscribers() => node.fanout.leave(channel, &client),
            Record::Join(_) | Record::Leave(_) => {}
        });
    }

    fn told(&self, message: Bytes) {
        self.0.fanout.told(message);
    }

    fn interrupted(&self, channels: &dyn Fn(&ChannelName) -> bool) {
        self.0.meter.interruptions.fetch_add(1, Ordering::Relaxed);
        self.0.each(channels, Following::interrupted);
    }

    fn restored(&self, channels: &dyn Fn(&ChannelName) -> bool) {
        self.0.each(channels, |following, _, effects| following.restored(effects));
    }
}
