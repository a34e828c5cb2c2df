//! The trait of what keeps channels: their streams and their presence.

mod deadlines;
pub(crate) mod fallback;
pub(crate) mod memory;
pub(crate) mod remote;
pub(crate) mod status;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use self::status::BrokerStatus;
use crate::call::Call;
use crate::channel::ChannelName;
use crate::data::Data;
use crate::publication::{ClientInfo, Publication, StreamPosition};
use crate::time::Millis;

/// Keeps the streams and the presence of channels, and brings publications to every node.
///
/// A broker calls the [`Fanout`](crate::Fanout) of every node that has subscribers. For one channel, publishing,
/// joining and reading happen in one order, which all nodes see alike.
pub trait Broker: Send + Sync + 'static {
    /// Publishes. If history is kept, a publication that this has answered with success is in it.
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<PublishOutcome, BrokerError>>;

    /// Subscribes a client of this node at one point of the channel's order: `start` is called at that point, which
    /// [`Joined::position`] names. Every later publication goes to the [`Fanout`](crate::Fanout) after that call, and no
    /// earlier one does. With `since`, what the client has missed up to that point is read, too.
    ///
    /// Each success is followed by one call of [`unsubscribe`](Self::unsubscribe): a channel's position is not forgotten
    /// while it has subscribers. After an error there is no subscription. `start` was not called then, unless the broker has
    /// lost the channel meanwhile.
    fn subscribe(
        &self,
        channel: &ChannelName,
        since: Since,
        history: &HistoryOptions,
        now: Millis,
        start: Start,
    ) -> Call<Result<Joined, BrokerError>>;

    /// Ends a subscription that [`subscribe`](Self::subscribe) began.
    fn unsubscribe(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>>;

    /// One page of history. The position of another epoch is an error; an empty epoch stands for any.
    ///
    /// As in Centrifugo, a page after a position whose successor is not kept any more begins with the oldest that is
    /// kept, and a page before such a position is empty. The offsets show what is missing.
    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<HistoryPage, BrokerError>>;

    /// Removes the publications of a channel. Its position stays.
    fn remove_history(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>>;

    /// Adds a client to a channel's presence, or renews its time to live. If it is new and `announce` is set, a join is
    /// delivered.
    ///
    /// Sessions do not wait for renewals: one that takes effect after a later [`remove_presence`](Self::remove_presence) keeps
    /// the client until its time to live is over.
    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>>;

    /// Removes a client from a channel's presence. If it was there and `announce` is set, a leave is delivered.
    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>>;

    /// The clients that are present, at most `limit` of them.
    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> Call<Result<Presence, BrokerError>>;

    /// How many clients and users are present, counted without reading them all.
    fn presence_stats(&self, channel: &ChannelName, now: Millis) -> Call<Result<PresenceStats, BrokerError>>;

    /// Sends a message to every node, this one included, whose [`Fanout::told`](crate::Fanout::told) gets it once. A node
    /// that is not reached now never gets it. A broker of a single node does nothing: the caller has done its part already.
    fn tell_nodes(&self, message: Bytes) -> Call<Result<(), BrokerError>> {
        let _ = message;
        Call::Ready(Ok(()))
    }

    /// Whether other nodes may share this broker, and [`tell_nodes`](Self::tell_nodes) reaches them.
    fn is_shared(&self) -> bool {
        false
    }

    /// Forgets what has expired. The program calls this about once a second.
    fn expire(&self, now: Millis);

    /// How the broker is doing. In memory, it is always reachable.
    fn status(&self) -> BrokerStatus {
        BrokerStatus::default()
    }
}

/// Called at the point of the channel's order at which a subscription begins.
pub type Start = Box<dyn FnOnce() + Send>;

/// What to publish.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewPublication {
    /// The content.
    pub data: Data,
    /// Who publishes, if a client does.
    pub info: Option<ClientInfo>,
    /// Labels.
    pub tags: BTreeMap<String, String>,
    /// Publishing again with the same key within [`HistoryOptions::idempotency`] answers with the same position and
    /// publishes nothing. Keys are compared within a channel.
    pub idempotency_key: Option<ByteString>,
    /// The version of what the publication describes, with the epoch of these versions. A version that is not higher
    /// than the last one of the same epoch is not published. An empty epoch is compared with any. The last version is
    /// remembered for [`HistoryOptions::meta_ttl`].
    pub version: Option<(u64, ByteString)>,
}

impl NewPublication {
    /// A publication of this content.
    #[must_use]
    pub fn new(data: Data) -> NewPublication {
        NewPublication { data, info: None, tags: BTreeMap::new(), idempotency_key: None, version: None }
    }
}

/// How much history a channel keeps. Without a size, bytes or a time, it keeps none, and offsets are 0.
///
/// What is published without history is not part of the channel's stream: no recovery brings it back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryOptions {
    /// The number of publications.
    pub size: usize,
    /// The total length of their content, labels and publishers' descriptions, in bytes. A longer publication is
    /// refused.
    pub bytes: usize,
    /// How long a publication is kept.
    pub ttl: Duration,
    /// How long the position of a stream is remembered after its last use. At least `ttl`.
    pub meta_ttl: Duration,
    /// How long idempotency keys are remembered.
    pub idempotency: Duration,
}

impl HistoryOptions {
    /// The same for a publication that is not to be kept.
    #[must_use]
    pub fn without_history(&self) -> HistoryOptions {
        HistoryOptions { size: 0, ..self.clone() }
    }

    /// Whether history is kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.size > 0 && self.bytes > 0 && !self.ttl.is_zero()
    }
}

impl Default for HistoryOptions {
    fn default() -> HistoryOptions {
        HistoryOptions {
            size: 0,
            bytes: 16 << 20,
            ttl: Duration::ZERO,
            meta_ttl: Duration::from_secs(30 * 86_400),
            idempotency: Duration::from_secs(300),
        }
    }
}

/// The outcome of publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishOutcome {
    /// The position after it; `None` in a channel without history.
    pub position: Option<StreamPosition>,
    /// Whether nothing was published, because the key or a newer version was known.
    pub was_known: bool,
}

/// What a new subscriber wants of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// Nothing.
    Now,
    /// Everything after this position, but no more than `limit` publications: if more are missing, nothing is recovered.
    /// The position of a client that never had one has offset 0 and an empty epoch: it misses all that was published.
    Position {
        /// The last position that the client saw.
        position: StreamPosition,
        /// The most publications that are recovered.
        limit: usize,
    },
    /// The newest publication, unless the client has it (cached recovery).
    Newest {
        /// The last position that the client saw, if any.
        position: Option<StreamPosition>,
    },
}

/// A subscription has begun.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The point of the channel's order at which it begins.
    pub position: StreamPosition,
    /// What was missed. In a channel without history, nothing can be recovered.
    pub recovery: Recovery,
}

/// What was missed, up to the position at which a subscription begins.
#[derive(Debug, Clone)]
pub enum Recovery {
    /// The client did not ask.
    NotAsked,
    /// Everything that was missed, in order. With [`Since::Newest`]: the newest publication, or nothing.
    Recovered(Vec<Arc<Publication>>),
    /// The client's position cannot be continued, since something is missing. With [`Since::Newest`]: the newest
    /// publication is not kept any more, or nothing was published.
    Unrecoverable,
}

/// Which page of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The most publications; 0 asks for the position only.
    pub limit: usize,
    /// Publications after this position, or before it if `reverse`. `None` starts at the oldest, or the newest.
    pub since: Option<StreamPosition>,
    /// From new to old.
    pub reverse: bool,
}

/// One page of history.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// In the order of the query.
    pub publications: Vec<Arc<Publication>>,
    /// The newest position.
    pub position: StreamPosition,
}

impl HistoryPage {
    /// The page with as many of its first publications as have so many bytes together, and at least one.
    pub(crate) fn within(mut self, mut room: usize) -> HistoryPage {
        let mut fits = |publication: &Arc<Publication>| {
            let len = publication.content_len();
            let fits = len <= room;
            room = room.saturating_sub(len);
            fits
        };
        let count = self.publications.iter().take_while(|publication| fits(publication)).count();
        self.publications.truncate(count.max(1));
        self
    }
}

/// A client in a channel's presence.
#[derive(Debug, Clone)]
pub struct Member {
    /// The client.
    pub info: ClientInfo,
    /// It is forgotten after this time unless it is renewed.
    pub ttl: Duration,
}

/// The clients that are present.
#[derive(Debug, Clone)]
pub struct Presence {
    /// By the client's id.
    pub clients: BTreeMap<ByteString, ClientInfo>,
}

/// How many are present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PresenceStats {
    /// Connections.
    pub clients: u64,
    /// Different users.
    pub users: u64,
}

/// A broker could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerError {
    /// The position names another epoch (error 112).
    UnrecoverablePosition,
    /// A bound is reached: the number of channels, presences or keys, or the length of what is published (error 106).
    LimitExceeded,
    /// The broker cannot be reached now (error 100, temporary).
    Unavailable,
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrokerError::UnrecoverablePosition => "the position cannot be continued",
            BrokerError::LimitExceeded => "a limit of the broker is reached",
            BrokerError::Unavailable => "the broker cannot be reached",
        })
    }
}

impl std::error::Error for BrokerError {}
