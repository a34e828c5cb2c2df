//! The broker of a node that shares its channels with other nodes.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::events::NodeEvents;
use super::joining::SubscriberId;
use super::node::{AwaitedStart, FollowingNode};
use super::options::RemoteOptions;
use super::runtime::Runtime;
use super::store::{Store, StoreEvents};
use crate::broker::status::BrokerStatus;
use crate::broker::{
    Broker, BrokerError, HistoryOptions, HistoryPage, HistoryQuery, Joined, Member, NewPublication, Presence,
    PresenceStats, PublishOutcome, Since, Start,
};
use crate::call::{BoxFuture, Call};
use crate::channel::ChannelName;
use crate::fanout::Fanout;
use crate::time::Millis;

/// While the engine cannot be reached, it is asked this often whether it can.
const PROBE: Duration = Duration::from_secs(5);

/// The channel that is asked for then. No client can publish to it under this name in the default configuration.
const PROBED: &str = "longwire:probe";

/// Keeps channels in an engine that several nodes share, through a [`Store`].
///
/// The store may deliver twice, too late, or not at all. This broker delivers to its [`Fanout`] each publication once and in
/// the order of offsets. What it misses, it reads: after a gap, after an interruption, and when a channel has been silent for
/// [`RemoteOptions::check`]. What cannot be read any more is [lost](Fanout::lost), which subscribers learn. In channels
/// without history, what is published while the engine cannot be reached is lost without a word: nothing is promised there.
///
/// While the engine cannot be reached, calls fail with [`BrokerError::Unavailable`], and subscriptions stay. They go on by
/// themselves.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// use longwire_hub::{BoxFuture, Fanout, RemoteBroker, RemoteOptions, Runtime, Store, StoreEvents};
///
/// struct Tokio(/* … */);
///
/// impl Runtime for Tokio {
///     fn spawn(&self, work: BoxFuture<()>) {
///         // tokio::spawn(work);
/// #       drop(work);
///     }
///     fn elapsed(&self) -> Duration {
///         // started.elapsed()
/// #       Duration::ZERO
///     }
/// }
///
/// fn broker(
///     fanout: Arc<dyn Fanout>,
///     connect: impl FnOnce(Arc<dyn StoreEvents>) -> Arc<dyn Store>,
/// ) -> RemoteBroker {
///     RemoteBroker::new(fanout, Arc::new(Tokio()), RemoteOptions::default(), connect)
/// }
/// ```
pub struct RemoteBroker {
    node: Arc<FollowingNode>,
    store: Arc<dyn Store>,
    probed_at: AtomicU64,
}

impl RemoteBroker {
    /// A broker that delivers to this fan-out. `store` makes its store, which is to call the given events.
    pub fn new(
        fanout: Arc<dyn Fanout>,
        runtime: Arc<dyn Runtime>,
        options: RemoteOptions,
        store: impl FnOnce(Arc<dyn StoreEvents>) -> Arc<dyn Store>,
    ) -> RemoteBroker {
        RemoteBroker::with_seed(fanout, runtime, options, RandomState::new().hash_one("channels"), store)
    }

    /// As [`new`](Self::new). What differs between nodes follows from a seed, so that a simulation can be repeated.
    pub fn with_seed(
        fanout: Arc<dyn Fanout>,
        runtime: Arc<dyn Runtime>,
        options: RemoteOptions,
        seed: u64,
        store: impl FnOnce(Arc<dyn StoreEvents>) -> Arc<dyn Store>,
    ) -> RemoteBroker {
        let node = Arc::new(FollowingNode::new(fanout, runtime, options, seed));
        let store = store(Arc::new(NodeEvents(node.clone())));
        node.set_store(&store);
        RemoteBroker { node, store, probed_at: AtomicU64::new(0) }
    }

    /// Calls the store, and counts it.
    fn call<T: Send + 'static>(
        &self,
        call: BoxFuture<Result<T, BrokerError>>,
    ) -> Call<Result<T, BrokerError>> {
        let node = self.node.clone();
        Call::Later(Box::pin(async move { node.measured(call).await }))
    }

    /// Asks the engine whether it can be reached again, if nothing else does.
    fn probe(&self, now: Millis) {
        let probed_at = Millis(self.probed_at.load(Ordering::Relaxed));
        let Ok(channel) = PROBED.parse() else { return };
        if !self.node.meter.fails() || now < probed_at + PROBE {
            return;
        }
        self.probed_at.store(now.0, Ordering::Relaxed);
        let (node, call) = (self.node.clone(), self.store.presence_stats(&channel, now));
        self.node.runtime.spawn(Box::pin(async move {
            // The outcome is counted.
            let _ = node.measured(call).await;
        }));
    }
}

/// A subscription that begins. Dropping it before it is done ends it.
struct Ticket {
    node: Arc<FollowingNode>,
    channel: ChannelName,
    subscriber: SubscriberId,
    /// `None` when it is done.
    beginning: Option<AwaitedStart>,
}

impl Ticket {
    async fn begun(mut self) -> Result<Joined, BrokerError> {
        let Some(beginning) = &mut self.beginning else { return Err(BrokerError::Unavailable) };
        let outcome = beginning.await;
        self.beginning = None;
        // It is always answered, unless the node goes away.
        outcome.unwrap_or(Err(BrokerError::Unavailable))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(beginning) = self.beginning.take() {
            self.node.abandon(&self.channel, self.subscriber, beginning);
        }
    }
}

impl Broker for RemoteBroker {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<PublishOutcome, BrokerError>> {
        self.node.see(now);
        self.call(self.store.publish(channel, publication, history, now))
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        since: Since,
        history: &HistoryOptions,
        now: Millis,
        start: Start,
    ) -> Call<Result<Joined, BrokerError>> {
        self.node.see(now);
        let (node, channel, history) = (self.node.clone(), channel.clone(), history.clone());
        Call::Later(Box::pin(async move {
            let (subscriber, beginning) = node.join(&channel, since, &history, start)?;
            Ticket { node, channel, subscriber, beginning: Some(beginning) }.begun().await
        }))
    }

    fn unsubscribe(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        self.node.see(now);
        self.node.leave(channel);
        Call::Ready(Ok(()))
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<HistoryPage, BrokerError>> {
        self.node.see(now);
        self.call(self.store.history(channel, query, history, now))
    }

    fn remove_history(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        self.node.see(now);
        self.call(self.store.remove_history(channel, now))
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        self.node.see(now);
        self.call(self.store.add_presence(channel, member, announce, now))
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        self.node.see(now);
        self.call(self.store.remove_presence(channel, client, announce, now))
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> Call<Result<Presence, BrokerError>> {
        self.node.see(now);
        self.call(self.store.presence(channel, limit, now))
    }

    fn presence_stats(&self, channel: &ChannelName, now: Millis) -> Call<Result<PresenceStats, BrokerError>> {
        self.node.see(now);
        self.call(self.store.presence_stats(channel, now))
    }

    fn tell_nodes(&self, message: Bytes) -> Call<Result<(), BrokerError>> {
        self.call(self.store.tell_nodes(message))
    }

    fn expire(&self, now: Millis) {
        self.node.see(now);
        self.node.expire();
        self.probe(now);
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn status(&self) -> BrokerStatus {
        self.node.meter.status()
    }
}

impl fmt::Debug for RemoteBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteBroker").field("status", &self.status()).finish_non_exhaustive()
    }
}
