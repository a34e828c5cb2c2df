//! Connects nodes through a broker of `longwire-hub`.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use longwire_hub::{
    Broker, BrokerError, ChannelName, ClientInfo, Data, Fanout, HistoryOptions, Millis, NewPublication,
    Publication, Since,
};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::io::{Adapter, NodeInbox};

/// The channel of the broker on which nodes meet, unless another is named.
const CHANNEL: &str = "longwire-socketio";

/// How many bytes may wait for the broker.
const MAX_WAITING: usize = 64 << 20;

/// How often a subscription that the broker has refused is tried again, and expired state is forgotten.
const SECOND: Duration = Duration::from_secs(1);

/// Connects servers of Socket.IO that share a broker of `longwire-hub`: each publishes to one channel, and is subscribed to it.
///
/// Messages reach the nodes that are connected to the broker at their time, at most once. While the broker cannot be reached, or
/// while more than 64 MiB wait for it, messages are lost, which is logged. When the broker says that the channel was
/// [lost](Fanout::lost), the adapter subscribes again: with a `FallbackBroker`, servers go apart and come together as their broker
/// does.
///
/// ```
/// use std::sync::Arc;
///
/// use longwire_hub::{MemoryBroker, MemoryLimits};
/// use longwire_socketio::{HubAdapter, SocketIo, SocketIoConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), longwire_hub::InvalidChannelName> {
/// // A broker of one process. `RemoteBroker` is shared by many.
/// let adapter = HubAdapter::new(|fanout| Arc::new(MemoryBroker::new(fanout, MemoryLimits::default())))
///     .channel("chat-servers")?;
/// let io = SocketIo::with_adapter(SocketIoConfig::default(), adapter);
/// # Ok(())
/// # }
/// ```
pub struct HubAdapter {
    broker: Arc<dyn Broker>,
    receiver: Arc<Receiver>,
    outbox: OnceLock<Outbox>,
    channel: Option<ChannelName>,
}

/// What the broker calls.
#[derive(Default)]
struct Receiver {
    /// Set when the server begins.
    inbox: OnceLock<(ChannelName, NodeInbox)>,
    /// The channel was lost, and the subscription may have ended.
    lost: Notify,
}

/// Messages on their way to the broker.
struct Outbox {
    sender: UnboundedSender<Bytes>,
    waiting: Arc<AtomicUsize>,
}

impl HubAdapter {
    /// An adapter over the broker that `connect` makes. The broker calls the `fanout` that `connect` gets.
    pub fn new(connect: impl FnOnce(Arc<dyn Fanout>) -> Arc<dyn Broker>) -> HubAdapter {
        let receiver = Arc::<Receiver>::default();
        let broker = connect(Arc::<Receiver>::clone(&receiver));
        HubAdapter { broker, receiver, outbox: OnceLock::new(), channel: None }
    }

    /// The channel on which nodes meet; `longwire-socketio` by default. Servers with different channels have nothing to do with each
    /// other.
    ///
    /// # Errors
    ///
    /// If no channel can have this name.
    pub fn channel(mut self, name: &str) -> Result<HubAdapter, longwire_hub::InvalidChannelName> {
        self.channel = Some(name.parse()?);
        Ok(self)
    }
}

impl Adapter for HubAdapter {
    fn start(&self, inbox: NodeInbox) {
        let channel = self.channel.clone().or_else(|| CHANNEL.parse().ok());
        let Some(channel) = channel else { return };
        let (sender, messages) = unbounded_channel();
        let waiting = Arc::<AtomicUsize>::default();
        let outbox = Outbox { sender, waiting: Arc::clone(&waiting) };
        if self.outbox.set(outbox).is_ok() && self.receiver.inbox.set((channel.clone(), inbox)).is_ok() {
            let link = BrokerLink {
                broker: Arc::clone(&self.broker),
                receiver: Arc::clone(&self.receiver),
                channel,
                subscriptions: AtomicUsize::new(0),
            };
            tokio::spawn(link.run(messages, waiting));
        }
    }

    fn send(&self, message: Bytes) {
        let Some(outbox) = self.outbox.get() else { return };
        let len = message.len();
        if outbox.waiting.fetch_add(len, Ordering::Relaxed).saturating_add(len) > MAX_WAITING {
            outbox.waiting.fetch_sub(len, Ordering::Relaxed);
            tracing::warn!("a message to other nodes is lost: too much waits for the broker");
            return;
        }
        // The task ends only after the adapter.
        drop(outbox.sender.send(message));
    }
}

/// The task that talks to the broker, until the adapter has gone and everything is sent.
struct BrokerLink {
    broker: Arc<dyn Broker>,
    receiver: Arc<Receiver>,
    channel: ChannelName,
    /// How many have begun and were not ended, those among them that the broker has ended.
    subscriptions: AtomicUsize,
}

impl BrokerLink {
    async fn run(self, mut messages: UnboundedReceiver<Bytes>, waiting: Arc<AtomicUsize>) {
        let expiring = tokio::spawn(expire(Arc::clone(&self.broker)));
        self.subscribe().await;
        tokio::select! {
            () = self.send_all(&mut messages, &waiting) => {}
            () = self.follow() => {}
        }
        expiring.abort();
        while self.subscriptions.load(Ordering::Relaxed) > 0 {
            self.unsubscribe().await;
        }
    }

    /// Until the adapter has gone, and everything is sent.
    async fn send_all(&self, messages: &mut UnboundedReceiver<Bytes>, waiting: &AtomicUsize) {
        while let Some(message) = messages.recv().await {
            let len = message.len();
            if let Err(error) = self.publish(message).await {
                tracing::warn!(%error, "a message to other nodes is lost");
            }
            waiting.fetch_sub(len, Ordering::Relaxed);
        }
    }

    /// Subscribes again whenever the channel is lost. Never returns.
    async fn follow(&self) {
        loop {
            self.receiver.lost.notified().await;
            // In this order, a broker that has not ended the earlier subscription leaves nothing out.
            self.subscribe().await;
            self.unsubscribe().await;
        }
    }

    async fn subscribe(&self) {
        let history = HistoryOptions::default();
        loop {
            let start = Box::new(|| {});
            let joined = self.broker.subscribe(&self.channel, Since::Now, &history, now(), start);
            match joined.answer().await {
                Ok(_) => {
                    self.subscriptions.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(error) => tracing::warn!(%error, "cannot reach other nodes; trying again"),
            }
            sleep(SECOND).await;
        }
    }

    /// Ends one subscription.
    async fn unsubscribe(&self) {
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
        if let Err(error) = self.broker.unsubscribe(&self.channel, now()).answer().await {
            tracing::debug!(%error, "cannot unsubscribe");
        }
    }

    async fn publish(&self, message: Bytes) -> Result<(), BrokerError> {
        let publication = NewPublication::new(Data::Binary(message));
        let published = self.broker.publish(&self.channel, publication, &HistoryOptions::default(), now());
        published.answer().await.map(|_| ())
    }
}

/// Lets the broker forget what has expired.
async fn expire(broker: Arc<dyn Broker>) {
    let mut ticks = interval(SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        broker.expire(now());
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Fanout for Receiver {
    fn publication(
        &self,
        channel: &ChannelName,
        publication: &Publication,
        _epoch: &str,
        _previous: Option<&Publication>,
    ) {
        if let Some((ours, inbox)) = self.inbox.get()
            && ours == channel
        {
            inbox.take(match &publication.data {
                Data::Binary(message) => message.clone(),
                other => Bytes::copy_from_slice(other.as_bytes()),
            });
        }
    }

    fn join(&self, _channel: &ChannelName, _client: &ClientInfo) {}

    fn leave(&self, _channel: &ChannelName, _client: &ClientInfo) {}

    fn lost(&self, channel: &ChannelName) {
        if self.inbox.get().is_some_and(|(ours, _)| ours == channel) {
            tracing::warn!(%channel, "messages of other nodes are lost");
            self.lost.notify_one();
        }
    }
}

impl fmt::Debug for HubAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubAdapter").field("channel", &self.channel).finish_non_exhaustive()
    }
}
