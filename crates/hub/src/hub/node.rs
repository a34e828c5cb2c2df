//! The node: what all sessions of a process share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use bytestring::ByteString;

use super::channel_table::ChannelTable;
use super::counters::{Counters, HubCounts};
use super::deliverer::Deliverer;
use super::ids::Ids;
use super::peers::state::Nodes;
use super::registry::Registry;
use super::waiting::{Reservation, WaitingBytes};
use crate::backend::Backend;
use crate::broker::Broker;
use crate::broker::status::BrokerStatus;
use crate::call::Call;
use crate::config::HubConfig;
use crate::control::ControlMessage;
use crate::delivery::Delivery;
use crate::fanout::Fanout;
use crate::time::Millis;
use crate::uuid::Uuid;

/// The most users that can be blocked at once.
const MAX_BLOCKED: usize = 100_000;

/// A node: namespaces and tokens, the broker, and the sessions that are connected here. All threads share it.
///
/// ```
/// use std::sync::Arc;
/// use longwire_hub::{BoxFuture, Delivery, Frame, Hub, HubConfig, MemoryBroker, MemoryLimits};
///
/// struct Topics;
///
/// impl Delivery for Topics {
///     fn publish(&self, topic: &str, frame: Frame) {
///         println!("to the subscribers of {topic}: {frame:?}");
///     }
///     fn spawn(&self, _work: BoxFuture<()>) {}
/// }
///
/// // In a program: a random seed.
/// let hub = Hub::new(HubConfig::default(), Arc::new(Topics), None, &[7; 32], |fanout| {
///     Arc::new(MemoryBroker::new(fanout, MemoryLimits::default()))
/// });
/// assert_eq!(hub.counts().clients, 0);
/// ```
pub struct Hub {
    config: RwLock<Arc<HubConfig>>,
    deliverer: Arc<Deliverer>,
    broker: Arc<dyn Broker>,
    backend: Option<Arc<dyn Backend>>,
    ids: Ids,
    node: ByteString,
    blocked: Mutex<HashMap<ByteString, Millis>>,
    waiting: WaitingBytes,
    nodes: Nodes,
}

impl Hub {
    /// A node. `broker` makes its broker, which is to call the given [`Fanout`]. The seed must be secret and random: the
    /// ids of clients and sessions follow from it.
    pub fn new(
        config: HubConfig,
        delivery: Arc<dyn Delivery>,
        backend: Option<Arc<dyn Backend>>,
        seed: &[u8; 32],
        broker: impl FnOnce(Arc<dyn Fanout>) -> Arc<dyn Broker>,
    ) -> Arc<Hub> {
        let ids = Ids::new(seed);
        Arc::new_cyclic(|hub: &Weak<Hub>| {
            let deliverer = Arc::new(Deliverer {
                channels: ChannelTable::new(),
                counters: Counters::default(),
                registry: Registry::new(),
                delivery,
                node: hub.clone(),
            });
            Hub {
                config: RwLock::new(Arc::new(config)),
                broker: broker(deliverer.clone()),
                deliverer,
                backend,
                node: ids.next().text(),
                ids,
                blocked: Mutex::default(),
                waiting: WaitingBytes::default(),
                nodes: Nodes::default(),
            }
        })
    }

    /// Replaces the configuration. Subscriptions keep the options of their namespace until they end.
    pub fn configure(&self, config: HubConfig) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> Arc<HubConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of this node, which emulated transports name.
    #[must_use]
    pub fn node(&self) -> &ByteString {
        &self.node
    }

    /// Forgets the blocks that have ended.
    pub(super) fn forget_blocks(&self, now: Millis) {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
    }

    /// Figures.
    #[must_use]
    pub fn counts(&self) -> HubCounts {
        let (clients, users) = self.registry().len();
        HubCounts {
            channels: self.channels_table().len(),
            users,
            clients,
            other_nodes: self.nodes.len(),
            node_messages: self.nodes.heard.get(),
            node_messages_skipped: self.nodes.skipped.get(),
            open_questions: self.nodes.open_questions(),
            waiting_bytes: self.waiting.bytes(),
            ..self.counters().snapshot()
        }
    }

    /// What is known of other nodes.
    pub(super) fn nodes_table(&self) -> &Nodes {
        &self.nodes
    }

    /// How the broker is doing.
    #[must_use]
    pub fn broker_status(&self) -> BrokerStatus {
        self.broker.status()
    }

    pub(crate) fn channels_table(&self) -> &ChannelTable {
        &self.deliverer.channels
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.deliverer.counters
    }

    pub(crate) fn delivery(&self) -> &dyn Delivery {
        &*self.deliverer.delivery
    }

    pub(crate) fn deliverer(&self) -> &Arc<Deliverer> {
        &self.deliverer
    }

    pub(crate) fn broker(&self) -> &dyn Broker {
        &*self.broker
    }

    pub(crate) fn backend(&self) -> Option<&dyn Backend> {
        self.backend.as_deref()
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.deliverer.registry
    }

    /// Counts commands that have to wait, unless those of all sessions take too much memory.
    pub(crate) fn let_wait(&self, bytes: usize) -> Option<Reservation> {
        self.waiting.reserve(bytes, self.config().max_waiting_bytes)
    }

    pub(crate) fn next_id(&self) -> Uuid {
        self.ids.next()
    }

    /// Until when a user is or was blocked.
    pub(crate) fn block_of(&self, user: &str) -> Option<Millis> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).get(user).copied()
    }

    /// Some of the users that are blocked, and until when.
    pub(super) fn all_blocked(&self, limit: usize) -> Vec<(ByteString, Millis)> {
        let blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        blocked.iter().take(limit).map(|(user, until)| (user.clone(), *until)).collect()
    }

    pub(crate) fn set_blocked(&self, user: ByteString, until: Option<Millis>) -> bool {
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        match until {
            None => {
                blocked.remove(&user);
            }
            Some(_) if blocked.len() >= MAX_BLOCKED && !blocked.contains_key(&user) => return false,
            Some(until) => {
                blocked.insert(user, until);
            }
        }
        true
    }

    /// Runs what nobody waits for.
    pub(crate) fn detach<T: Send + 'static>(&self, call: Call<T>) {
        if let Call::Later(future) = call {
            self.delivery().spawn(Box::pin(async move {
                future.await;
            }));
        }
    }

    /// Delivers a message to every session of this node, such as a disconnect at shutdown.
    pub fn broadcast_control(&self, message: &ControlMessage) {
        self.registry().each(|live| live.control.deliver(message.clone()));
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("node", &self.node)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
