//! The traits between a node and an engine that keeps channels for several nodes.

use bytes::Bytes;

use super::record::Record;
use crate::broker::{
    BrokerError, HistoryOptions, HistoryPage, HistoryQuery, Member, NewPublication, Presence, PresenceStats,
    PublishOutcome,
};
use crate::call::BoxFuture;
use crate::channel::ChannelName;
use crate::publication::StreamPosition;
use crate::time::Millis;

/// Keeps the streams and presences of channels for all nodes, and carries what happens in them: Redis, NATS.
///
/// A store moves bytes. When which subscriber gets what is decided above it, and so a store need not deliver exactly
/// once: what arrives may come twice, may be missing after an interruption, and may be older than what was read. It must
/// keep the order of the offsets between two interruptions. A read must not be older than what has arrived before it: a
/// replica that lags behind must not answer it.
///
/// Futures end within a time that the store bounds, with [`BrokerError::Unavailable`] while the engine cannot be reached.
/// They do nothing before they are polled, and may be dropped at any time.
pub trait Store: Send + Sync + 'static {
    /// Publishes. In one atomic step: what is known by its key or version is left out, the publication gets the next
    /// offset, it is added to the stream, and the stream is trimmed to its options. Then nodes that listen receive it.
    /// Without history, nodes only receive it.
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<PublishOutcome, BrokerError>>;

    /// Reads a page and the newest position, at one point of the channel's order. A stream that does not exist gets its
    /// epoch by this, so that a position with offset 0 can be continued. The rules are those of
    /// [`Broker::history`](crate::Broker::history).
    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<HistoryPage, BrokerError>>;

    /// Removes the publications of a channel. Its position stays.
    fn remove_history(&self, channel: &ChannelName, now: Millis) -> BoxFuture<Result<(), BrokerError>>;

    /// Adds a client to a channel's presence, or renews its time to live. If it is new and `announce` is set, nodes that
    /// listen receive [`Record::Join`].
    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>>;

    /// Removes a client from a channel's presence. If it was there and `announce` is set, nodes that listen receive
    /// [`Record::Leave`].
    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>>;

    /// The clients that are present, at most `limit` of them.
    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> BoxFuture<Result<Presence, BrokerError>>;

    /// How many clients and users are present, counted without reading them all.
    fn presence_stats(
        &self,
        channel: &ChannelName,
        now: Millis,
    ) -> BoxFuture<Result<PresenceStats, BrokerError>>;

    /// Listens to a channel. What is published after this has succeeded arrives at [`StoreEvents::arrived`], until
    /// [`stop_listening`](Self::stop_listening) or an interruption. The store listens again by itself after an
    /// interruption. Listening twice is like once. After an error, the store may listen or not: the caller stops it.
    fn listen(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>>;

    /// Listens no more. What is under way may still arrive.
    fn stop_listening(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>>;

    /// Sends a message to every node, this one included, once. A node that is not reached now never gets it.
    fn tell_nodes(&self, message: Bytes) -> BoxFuture<Result<(), BrokerError>>;
}

/// What a store calls. The methods do not block, and must be called for one channel one after another.
pub trait StoreEvents: Send + Sync + 'static {
    /// Something has happened in a channel. For a publication, `position` is the one after it; `None` without history.
    fn arrived(&self, channel: &ChannelName, record: Record, position: Option<StreamPosition>);

    /// Another node, or this one, has told something to all.
    fn told(&self, message: Bytes);

    /// From now on, what is published in these channels may not arrive. It stays so until [`restored`](Self::restored).
    fn interrupted(&self, channels: &dyn Fn(&ChannelName) -> bool);

    /// The store listens again to these channels. What was published in between has not arrived, and must be read. Of channels
    /// that were listened to anew since the interruption, nothing need be said.
    fn restored(&self, channels: &dyn Fn(&ChannelName) -> bool);
}
