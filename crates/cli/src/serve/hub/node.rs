//! The node of this process, and what keeps it going.

use std::sync::Arc;
use std::time::Duration;

use longwire::Topics;
use longwire_hub::{Backend, Hub, HubConfig, Millis};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::broker::{BrokerChoice, EngineStart};
use super::clock::Clock;
use super::delivery::TopicDelivery;
use super::hooks::Hooks;
use super::outlet::topics::StreamTopics;
use crate::failure::Failure;

/// How often the node forgets what has expired.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// How long the program waits at its end until it has told the other nodes.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Whether a node can do what clients come for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// It can, for its own clients: it goes on without the broker.
    Alone,
    /// Not now, for this reason.
    NotReady(&'static str),
}

/// The node, its hooks and its clock.
pub(crate) struct Node {
    pub(crate) hub: Arc<Hub>,
    pub(crate) hooks: Arc<Hooks>,
    /// Whom the hub delivers to beside the event loops' topics.
    pub(super) streams: Arc<StreamTopics>,
    clock: Clock,
    /// `None` with channels in memory.
    engine: Option<EngineStart>,
}

impl Node {
    /// A node. Must be called within a runtime.
    pub(crate) fn start(
        config: HubConfig,
        topics: Topics,
        hooks: Hooks,
        broker: BrokerChoice,
    ) -> Result<Arc<Node>, Failure> {
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| Failure::Other("the system has no random numbers for the ids of clients".into()))?;
        let hooks = Arc::new(hooks);
        let backend: Arc<dyn Backend> = hooks.clone();
        let streams = Arc::new(StreamTopics::new());
        let delivery = Arc::new(TopicDelivery::new(topics, Arc::clone(&streams)));
        let mut engine = None;
        let hub = Hub::new(config, delivery, Some(backend), &seed, |fanout| {
            let (broker, start) = broker.begin(fanout);
            engine = start;
            broker
        });
        let node = Arc::new(Node { hub, hooks, streams, clock: Clock::new(), engine });
        tokio::spawn(expire(Arc::clone(&node)));
        Ok(node)
    }

    /// Waits until the broker can be used, or the time for that is over.
    ///
    /// # Errors
    ///
    /// It cannot be used as it is configured.
    pub(crate) async fn wait_for_broker(&self) -> Result<(), Failure> {
        match &self.engine {
            Some(engine) => engine.wait().await,
            None => Ok(()),
        }
    }

    /// Whether this node can do what clients come for.
    pub(crate) fn readiness(&self) -> Readiness {
        let Some(engine) = &self.engine else { return Readiness::Ready };
        let status = self.hub.broker_status();
        if status.is_alone {
            Readiness::Alone
        } else if !engine.is_connected() {
            Readiness::NotReady("the broker was not reached yet")
        } else if !status.is_reachable {
            Readiness::NotReady("the broker cannot be reached")
        } else {
            Readiness::Ready
        }
    }

    /// Whether other nodes may share the broker.
    pub(crate) fn is_one_of_several(&self) -> bool {
        self.engine.is_some()
    }

    /// Says to other nodes that this one ends. Its clients are gone.
    pub(crate) async fn leave(&self) {
        let told = timeout(FAREWELL_TIME, self.hub.leave().answer()).await;
        if !matches!(told, Ok(Ok(()))) {
            tracing::info!("the other nodes could not be told that this one ends");
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }
}

/// Never returns.
async fn expire(node: Arc<Node>) {
    let mut times = interval(EXPIRE_EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_alone = false;
    loop {
        times.tick().await;
        node.clock.catch_up();
        node.hub.expire(node.now());
        let is_alone = node.hub.broker_status().is_alone;
        match (was_alone, is_alone) {
            (false, true) => {
                tracing::warn!("the broker cannot be reached: this node goes on alone, and clients are told");
            }
            (true, false) => {
                tracing::warn!("the broker is back: channels are there again, and clients are told");
            }
            _ => {}
        }
        was_alone = is_alone;
    }
}
