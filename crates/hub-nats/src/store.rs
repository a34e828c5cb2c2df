//! The store.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use longwire_hub::{
    BoxFuture, BrokerError, ChannelName, HistoryOptions, HistoryPage, HistoryQuery, Member, Millis,
    NewPublication, Presence, PresenceStats, PublishOutcome, Store, StoreEvents,
};
use tokio::task::JoinHandle;

use crate::acknowledged::Acknowledged;
use crate::connect::{check, connect};
use crate::error::NatsError;
use crate::failure::Failure;
use crate::history::History;
use crate::history::care::keep_up;
use crate::jetstream::JetStream;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::line::{Interruptions, Line};
use crate::listening::{Arrivals, Listening, hear};
use crate::names::{Group, Names};
use crate::options::NatsOptions;
use crate::presence::Presences;
use crate::presence::leaving::announce_leaves;
use crate::streams::Streams;
use crate::upkeep::Upkeep;
use crate::watch::{Watched, watch};

/// How often a call is made whose stream was missing. It is created for the next.
const ATTEMPTS: usize = 3;

/// Keeps channels in NATS. The crate's page says what it can promise.
///
/// It has to be created, used and dropped within a runtime of tokio. Dropping it ends its connection and its tasks.
pub struct NatsStore {
    node: Arc<Node>,
    tasks: Vec<JoinHandle<()>>,
}

/// What calls need.
struct Node {
    line: Arc<Line>,
    names: Names,
    streams: Arc<Streams>,
    history: Arc<History>,
    presences: Arc<Presences>,
    listening: Listening,
    arrivals: Arc<Arrivals>,
}

/// Figures of a store, since it was created.
///
/// ```
/// assert_eq!(longwire_hub_nats::NatsFigures::default().unknown_messages, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NatsFigures {
    /// Whether there is a connection now.
    pub is_connected: bool,
    /// How often what arrives was interrupted.
    pub interruptions: u64,
    /// How often a connection was made.
    pub connections: u64,
    /// Messages that were skipped because this version does not know what they are.
    pub unknown_messages: u64,
}

impl NatsStore {
    /// Connects to NATS, and finds out whether it can be used. What happens is reported to `events`.
    ///
    /// # Errors
    ///
    /// If no server can be reached, or none that may be used and has JetStream. Later, it connects again by itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn connect(options: NatsOptions, events: Arc<dyn StoreEvents>) -> Result<NatsStore, NatsError> {
        options.check()?;
        let interruptions = Arc::new(Interruptions::default());
        let client = connect(&options, interruptions.clone()).await?;
        let lost = |_| NatsError::Unreachable("the connection ended at once".to_owned());
        let line = Line::new(client.clone(), interruptions, options.call_timeout).await.map_err(lost)?;
        let (line, names) = (Arc::new(line), Names::new(&options.prefix));
        let jetstream = JetStream::new(client.clone(), options.call_timeout);
        check(&line, &jetstream, &names).await?;
        let told = client.subscribe(names.nodes()).await.map_err(|_| lost(BrokerError::Unavailable))?;
        let heard = tokio::time::timeout(options.call_timeout, line.pass()).await;
        heard.unwrap_or(Err(BrokerError::Unavailable)).map_err(lost)?;
        let node = Arc::new(Node::new(line, names, jetstream, &options, events));
        let watched = Watched {
            line: node.line.clone(),
            history: node.history.clone(),
            presences: node.presences.clone(),
            arrivals: node.arrivals.clone(),
        };
        let tasks = vec![
            tokio::spawn(hear(told, node.arrivals.clone())),
            tokio::spawn(watch(watched, options.ping_interval)),
            tokio::spawn(keep_up(Arc::downgrade(&node.history))),
            tokio::spawn(announce_leaves(Arc::downgrade(&node.presences))),
        ];
        Ok(NatsStore { node, tasks })
    }

    /// How it is doing.
    #[must_use]
    pub fn figures(&self) -> NatsFigures {
        let Node { line, arrivals, .. } = &*self.node;
        NatsFigures {
            is_connected: line.is_connected(),
            interruptions: line.interruptions.count(),
            connections: line.connects(),
            unknown_messages: arrivals.unknown(),
        }
    }

    /// Makes a call, within its time.
    fn call<T, F>(&self, call: impl Fn(Arc<Node>) -> F + Send + 'static) -> BoxFuture<Result<T, BrokerError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let node = self.node.clone();
        Box::pin(async move {
            if !node.line.is_usable() {
                return Err(BrokerError::Unavailable);
            }
            let time = node.line.call_timeout();
            let answer = tokio::time::timeout(time, node.attempts(call)).await;
            answer.unwrap_or(Err(BrokerError::Unavailable))
        })
    }
}

impl Node {
    fn new(
        line: Arc<Line>,
        names: Names,
        jetstream: JetStream,
        options: &NatsOptions,
        events: Arc<dyn StoreEvents>,
    ) -> Node {
        let streams = Arc::new(Streams::new(jetstream.clone(), names.clone(), options));
        let keys = Keys { jetstream: jetstream.clone(), names: names.clone(), streams: streams.clone() };
        let history = History {
            line: line.clone(),
            jetstream: jetstream.clone(),
            names: names.clone(),
            streams: streams.clone(),
            keys,
            lanes: Lanes::default(),
            acknowledged: Acknowledged::default(),
            confirming: tokio::sync::Mutex::new(()),
            upkeep: Upkeep::default(),
        };
        let arrivals = Arc::new(Arrivals::new(events));
        let presences = Presences::new(line.clone(), jetstream, names.clone(), streams.clone());
        Node {
            listening: Listening::new(line.clone(), names.clone(), arrivals.clone()),
            line,
            names,
            streams,
            history: Arc::new(history),
            presences: Arc::new(presences),
            arrivals,
        }
    }

    /// Makes a call, again if a stream is missing: it was removed, or lost with a server's memory.
    async fn attempts<T, F>(self: Arc<Node>, call: impl Fn(Arc<Node>) -> F) -> Result<T, BrokerError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        for _ in 0..ATTEMPTS {
            match call(self.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Broker(error)) => return Err(error),
                Err(Failure::NoStream | Failure::Conflict) => self.streams.forget(),
            }
        }
        Err(BrokerError::Unavailable)
    }
}

impl Store for NatsStore {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<PublishOutcome, BrokerError>> {
        let (channel, history) = (channel.clone(), history.clone());
        self.call(move |node| {
            let (channel, publication, history) = (channel.clone(), publication.clone(), history.clone());
            async move { node.history.publish(&channel, publication, &history, now).await }
        })
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<HistoryPage, BrokerError>> {
        let (channel, history) = (channel.clone(), history.clone());
        self.call(move |node| {
            let (channel, query, history) = (channel.clone(), query.clone(), history.clone());
            async move { node.history.page(&channel, &query, &history, now).await }
        })
    }

    fn remove_history(&self, channel: &ChannelName, now: Millis) -> BoxFuture<Result<(), BrokerError>> {
        let channel = channel.clone();
        self.call(move |node| {
            let channel = channel.clone();
            async move { nothing_without_stream(node.history.remove(&channel, now).await) }
        })
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        let channel = channel.clone();
        self.call(move |node| {
            let (channel, member) = (channel.clone(), member.clone());
            async move { node.presences.add(&channel, member, announce, now).await }
        })
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        let (channel, client) = (channel.clone(), client.to_owned());
        self.call(move |node| {
            let (channel, client) = (channel.clone(), client.clone());
            async move { nothing_without_stream(node.presences.remove(&channel, &client, announce, now).await) }
        })
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> BoxFuture<Result<Presence, BrokerError>> {
        let channel = channel.clone();
        self.call(move |node| {
            let channel = channel.clone();
            async move { node.presences.list(&channel, limit, now).await }
        })
    }

    fn presence_stats(
        &self,
        channel: &ChannelName,
        _now: Millis,
    ) -> BoxFuture<Result<PresenceStats, BrokerError>> {
        let channel = channel.clone();
        self.call(move |node| {
            let channel = channel.clone();
            async move { node.presences.stats(&channel).await }
        })
    }

    fn listen(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        let channel = channel.clone();
        self.call(move |node| {
            let channel = channel.clone();
            async move {
                node.history.upkeep.follow(&channel);
                node.presences.leaves.watch(&Group::of(&channel));
                node.listening.listen(&channel).await
            }
        })
    }

    fn stop_listening(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        let (node, channel) = (self.node.clone(), channel.clone());
        Box::pin(async move {
            node.history.upkeep.unfollow(&channel);
            node.listening.stop(&channel);
            Ok(())
        })
    }

    fn tell_nodes(&self, message: Bytes) -> BoxFuture<Result<(), BrokerError>> {
        self.call(move |node| {
            let message = message.clone();
            async move { node.line.publish(node.names.nodes(), message).await }
        })
    }
}

/// What is not there has nothing to remove.
fn nothing_without_stream(removed: Result<(), Failure>) -> Result<(), Failure> {
    match removed {
        Err(Failure::NoStream) => Ok(()),
        other => other,
    }
}

impl Drop for NatsStore {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl fmt::Debug for NatsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsStore").field("figures", &self.figures()).finish_non_exhaustive()
    }
}
