//! Nodes of tests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use longwire_hub::{
    BrokerError, ChannelName, ClientInfo, Data, HistoryOptions, HistoryPage, HistoryQuery, Member, Millis,
    NewPublication, PublishOutcome, Store as _, StreamPosition,
};
use longwire_hub_nats::{NatsOptions, NatsStore};

use crate::heard::{Heard, text_of};
use crate::server::NatsServer;

/// A node with its store.
pub(crate) struct Node {
    pub(crate) store: NatsStore,
    pub(crate) heard: Arc<Heard>,
    pub(crate) history: HistoryOptions,
}

impl Node {
    pub(crate) async fn of(server: &NatsServer) -> Node {
        Node::with(NatsOptions::new(server.url())).await
    }

    pub(crate) async fn with(options: NatsOptions) -> Node {
        let heard = Arc::new(Heard::default());
        let store = NatsStore::connect(options, heard.clone()).await.unwrap();
        Node { store, heard, history: ten_for_an_hour() }
    }

    pub(crate) async fn publish(&self, channel: &str, text: &str) -> Result<PublishOutcome, BrokerError> {
        self.publish_this(channel, NewPublication::new(Data::from_text(text.to_owned()))).await
    }

    pub(crate) async fn publish_this(
        &self,
        channel: &str,
        new: NewPublication,
    ) -> Result<PublishOutcome, BrokerError> {
        self.store.publish(&name(channel), new, &self.history, now()).await
    }

    /// The offset of a new publication.
    pub(crate) async fn offset_of(&self, channel: &str, text: &str) -> u64 {
        self.publish(channel, text).await.unwrap().position.unwrap().offset
    }

    pub(crate) async fn page(
        &self,
        channel: &str,
        since: Option<StreamPosition>,
    ) -> Result<HistoryPage, BrokerError> {
        let query = HistoryQuery { limit: 10_000, since, reverse: false };
        self.store.history(&name(channel), query, &self.history, now()).await
    }

    /// The texts that are kept, and the position.
    pub(crate) async fn kept(&self, channel: &str) -> (Vec<String>, StreamPosition) {
        let page = self.page(channel, None).await.unwrap();
        (page.publications.iter().map(|one| text_of(&one.data)).collect(), page.position)
    }

    pub(crate) async fn listen(&self, channel: &str) {
        self.store.listen(&name(channel)).await.unwrap();
    }
}

pub(crate) fn name(channel: &str) -> ChannelName {
    channel.parse().unwrap()
}

pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Millis(u64::try_from(since.as_millis()).unwrap())
}

pub(crate) fn ten_for_an_hour() -> HistoryOptions {
    let mut history = HistoryOptions::default();
    (history.size, history.ttl, history.meta_ttl) =
        (10, Duration::from_secs(3600), Duration::from_secs(7200));
    history
}

pub(crate) fn member(client: &str, user: &str, ttl: Duration) -> Member {
    Member { info: ClientInfo { user: user.into(), client: client.into(), ..ClientInfo::default() }, ttl }
}
