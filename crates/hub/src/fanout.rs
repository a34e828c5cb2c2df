//! What a broker calls when something has happened in a channel.

use bytes::Bytes;

use crate::channel::ChannelName;
use crate::publication::{ClientInfo, Publication};

/// Receives, on every node, what happens in channels, and delivers it to that node's subscribers.
///
/// A broker calls these methods for one channel in one order, which is that of the offsets, and never two at a time.
/// They must not block and must not call the broker.
pub trait Fanout: Send + Sync + 'static {
    /// Something was published. `epoch` names the stream, and is empty in a channel without history; `previous` is the
    /// publication before this one, if it is known, from which a delta can be made.
    fn publication(
        &self,
        channel: &ChannelName,
        publication: &Publication,
        epoch: &str,
        previous: Option<&Publication>,
    );

    /// A client has joined.
    fn join(&self, channel: &ChannelName, client: &ClientInfo);

    /// A client has left.
    fn leave(&self, channel: &ChannelName, client: &ClientInfo);

    /// Publications of this channel may be missing, and cannot be brought any more. Its subscribers must learn it.
    ///
    /// What is published from now on follows to new subscriptions. Those that exist may have ended: they have with a
    /// [`FallbackBroker`](crate::FallbackBroker) that has changed its broker. To follow the channel with any broker,
    /// subscribe again, and unsubscribe once for the earlier subscription.
    fn lost(&self, channel: &ChannelName) {
        let _ = channel;
    }

    /// A node has told this to all nodes by [`Broker::tell_nodes`](crate::Broker::tell_nodes).
    fn told(&self, message: Bytes) {
        let _ = message;
    }
}
