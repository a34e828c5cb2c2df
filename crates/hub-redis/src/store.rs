//! The store.

use std::sync::Arc;

use bytes::Bytes;
use longwire_hub::{
    BoxFuture, BrokerError, ChannelName, HistoryOptions, HistoryPage, HistoryQuery, Member, Millis,
    NewPublication, Presence, PresenceStats, PublishOutcome, Store, StoreEvents,
};
use tokio::task::AbortHandle;

use crate::envelope;
use crate::execute::{Errand, Executor, Repetition};
use crate::failure::ConnectError;
use crate::figures::RedisFigures;
use crate::link::Order;
use crate::options::RedisOptions;
use crate::presence_calls::PresenceCall;
use crate::routing::{Owners, Routing};
use crate::servers::Servers;
use crate::stream_calls;
use crate::topic::Topic;
use crate::topology;

/// Keeps channels in Redis, version 7 or later: alone, several servers, with Sentinel, or as a Cluster.
///
/// It lives on the tokio runtime that it was connected on. All keys begin with the prefix of the options and live for a
/// limited time. Publishing is one script: it checks the key and the version, adds to the stream, trims it, and sends to
/// the nodes. So for one channel, nodes receive publications in the order of their offsets.
///
/// ```no_run
/// use std::sync::Arc;
/// use longwire_hub::StoreEvents;
/// use longwire_hub_redis::{Deployment, RedisOptions, RedisStore};
///
/// # async fn connect(events: Arc<dyn StoreEvents>) -> Result<(), Box<dyn std::error::Error>> {
/// let options = RedisOptions::new(Deployment::Servers(vec!["redis://localhost".parse()?]));
/// let store = RedisStore::connect(options, events).await?;
/// # Ok(())
/// # }
/// ```
///
/// # What can be lost
///
/// | event | what happens |
/// |---|---|
/// | Redis is restarted, with or without persistence | streams get a new epoch: no older position is continued. What persistence has kept is still in history |
/// | a replica takes over | the same. Publications that had not reached it are lost; with [`RedisOptions::replicas`], they were not answered with success |
/// | a Cluster moves a slot | the same epoch change, and nothing is lost. While a channel's keys are on their way, calls wait |
/// | Redis evicts keys | a stream without its entries keeps its position, but recovers nothing; one without its position begins anew. An idempotency key or a version is forgotten, and a presence until its clients renew it |
/// | memory is full, without eviction | publishing with history and new clients in presence are refused; history can be read, and clients that are present stay |
/// | a node cannot reach Redis | calls fail within [`RedisOptions::timeout`]. A publication whose answer was lost may be in history |
/// | messages do not arrive for a while | [`StoreEvents::interrupted`] and [`StoreEvents::restored`] say so, also when Redis has ended the connection since the node was too slow |
/// | the last replica is gone for an hour | Redis gives its data another identity: streams get a new epoch |
/// | a node is killed | its clients leave the presence when their time to live is over. Their leaves are announced by the next call for the presence of that channel, such as another client's renewal |
#[derive(Debug)]
pub struct RedisStore {
    executor: Arc<Executor>,
    following: AbortHandle,
}

impl RedisStore {
    /// Connects to all servers, and listens to the messages of nodes. The events are reported while the store is locked:
    /// they may make futures of the store's calls, but not poll them, nor look at its figures.
    ///
    /// # Errors
    ///
    /// If the options contradict themselves, or a server cannot be used. Later on, the store connects again by itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the attempt.
    pub async fn connect(
        options: RedisOptions,
        events: Arc<dyn StoreEvents>,
    ) -> Result<RedisStore, ConnectError> {
        options.check()?;
        let nowhere = Routing { links: Vec::new(), owners: Owners::Weighed };
        let servers = Arc::new(Servers::new(options, events, nowhere));
        topology::begin(&servers).await?;
        if servers.listen(Topic::Nodes).await.is_err() {
            let routing = servers.routing();
            let link = routing.link(&Topic::Nodes).ok_or(ConnectError::Options("no server is named"))?;
            let after = servers.options.timeout;
            return Err(ConnectError::Timeout { server: link.server().clone(), after });
        }
        let look_around = servers.look_around.clone();
        let following = tokio::spawn(topology::follow(Arc::downgrade(&servers), look_around)).abort_handle();
        Ok(RedisStore { executor: Arc::new(Executor::new(servers)), following })
    }

    /// What the store has done and met.
    #[must_use]
    pub fn figures(&self) -> RedisFigures {
        self.executor.servers.figures()
    }

    /// Runs a call for a channel.
    fn call<T, F>(&self, channel: &ChannelName, call: impl FnOnce(Arc<Executor>, Topic) -> F) -> BoxFuture<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        Box::pin(call(self.executor.clone(), Topic::Channel(channel.clone())))
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl Store for RedisStore {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<PublishOutcome, BrokerError>> {
        let history = history.clone();
        self.call(channel, async move |executor: Arc<Executor>, topic| {
            let options = &executor.servers.options;
            let errand = stream_calls::publish(options, topic, publication, &history, now)?;
            stream_calls::published(&executor.run(errand).await?)
        })
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<HistoryPage, BrokerError>> {
        let history = history.clone();
        self.call(channel, async move |executor: Arc<Executor>, topic| {
            if !history.is_kept() {
                return Ok(stream_calls::empty_page());
            }
            let servers = &executor.servers;
            let errand = stream_calls::history(&servers.options, topic, &query, &history, now);
            stream_calls::page(executor.run(errand).await?, &servers.figures)
        })
    }

    fn remove_history(&self, channel: &ChannelName, _now: Millis) -> BoxFuture<Result<(), BrokerError>> {
        self.call(channel, async move |executor: Arc<Executor>, topic| {
            let errand = stream_calls::remove_history(&executor.servers.options, topic);
            executor.run(errand).await.map(drop)
        })
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        self.call(channel, async move |executor: Arc<Executor>, topic| {
            PresenceCall { executor: &executor, topic, now }.add(member, announce).await
        })
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        let client = client.to_owned();
        self.call(channel, async move |executor: Arc<Executor>, topic| {
            PresenceCall { executor: &executor, topic, now }.remove(&client, announce).await
        })
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> BoxFuture<Result<Presence, BrokerError>> {
        self.call(channel, async move |executor: Arc<Executor>, topic| {
            PresenceCall { executor: &executor, topic, now }.read(limit).await
        })
    }

    fn presence_stats(
        &self,
        channel: &ChannelName,
        now: Millis,
    ) -> BoxFuture<Result<PresenceStats, BrokerError>> {
        self.call(channel, async move |executor: Arc<Executor>, topic| {
            PresenceCall { executor: &executor, topic, now }.stats().await
        })
    }

    fn listen(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        self.call(channel, async move |executor: Arc<Executor>, topic| executor.servers.listen(topic).await)
    }

    fn stop_listening(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        self.call(channel, async move |executor: Arc<Executor>, topic| {
            executor.servers.stop_listening(&topic);
            Ok(())
        })
    }

    fn tell_nodes(&self, message: Bytes) -> BoxFuture<Result<(), BrokerError>> {
        let executor = self.executor.clone();
        Box::pin(async move {
            let options = &executor.servers.options;
            let topic = Topic::Nodes;
            let mut command = redis::cmd(stream_calls::publish_command(options));
            command.arg(topic.name(&options.prefix)).arg(envelope::to_nodes(&message));
            let order = Order::Command(command);
            let repetition = Repetition::Harmful;
            let errand = Errand { topic, order, repetition, is_durable: false };
            executor.run(errand).await.map(drop)
        })
    }
}
