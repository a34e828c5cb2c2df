//! The node of this process, and what keeps it going.

use std::sync::Arc;
use std::time::Duration;

use longwire::Topics;
use longwire_hub::{Backend, Hub, HubConfig, MemoryBroker, MemoryLimits, Millis};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::time::{MissedTickBehavior, interval};

use super::clock::Clock;
use super::delivery::TopicDelivery;
use super::hooks::Hooks;
use super::outlet::topics::StreamTopics;
use crate::failure::Failure;

/// How often the node forgets what has expired.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// The node, its hooks and its clock.
pub(crate) struct Node {
    pub(crate) hub: Arc<Hub>,
    pub(crate) hooks: Arc<Hooks>,
    /// Whom the hub delivers to beside the event loops' topics.
    pub(super) streams: Arc<StreamTopics>,
    clock: Clock,
}

impl Node {
    /// A node with its channels in memory. Must be called within a runtime.
    pub(crate) fn start(config: HubConfig, topics: Topics, hooks: Hooks) -> Result<Arc<Node>, Failure> {
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| Failure::Other("the system has no random numbers for the ids of clients".into()))?;
        let hooks = Arc::new(hooks);
        let backend: Arc<dyn Backend> = hooks.clone();
        let streams = Arc::new(StreamTopics::new());
        let delivery = Arc::new(TopicDelivery::new(topics, Arc::clone(&streams)));
        let hub = Hub::new(config, delivery, Some(backend), &seed, |fanout| {
            Arc::new(MemoryBroker::new(fanout, MemoryLimits::default()))
        });
        let node = Arc::new(Node { hub, hooks, streams, clock: Clock::new() });
        tokio::spawn(expire(Arc::clone(&node)));
        Ok(node)
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }
}

/// Never returns.
async fn expire(node: Arc<Node>) {
    let mut times = interval(EXPIRE_EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        node.clock.catch_up();
        node.hub.expire(node.now());
    }
}
