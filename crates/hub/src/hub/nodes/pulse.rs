//! Nodes say that they live, and that they end.

use std::sync::Arc;

use crate::call::Call;
use crate::hub::api_error::ApiError;
use crate::hub::node::Hub;
use crate::hub::peers::known::NodeInfo;
use crate::hub::peers::message::{Goodbye, NodeEvent};
use crate::time::Millis;

impl Hub {
    /// Forgets what has expired, and says to other nodes that this one lives. The program calls this about once a second.
    pub fn expire(self: &Arc<Hub>, now: Millis) {
        self.broker().expire(now);
        self.forget_blocks(now);
        let due = self.nodes_table().pass(now);
        if !self.broker().is_shared() {
            return;
        }
        if due.heartbeat {
            let told = self.tell_all(NodeEvent::Heartbeat(self.info().into()));
            let hub = Arc::clone(self);
            self.delivery().spawn(Box::pin(async move {
                if told.answer().await.is_err() {
                    hub.nodes_table().heartbeat_failed();
                }
            }));
        }
        if due.blocks {
            let hub = Arc::clone(self);
            self.delivery().spawn(Box::pin(async move { hub.learn_blocks().await }));
        }
    }

    /// What this node says of itself.
    #[must_use]
    pub fn info(&self) -> NodeInfo {
        let (counts, config, broker) = (self.counts(), self.config(), self.broker_status());
        NodeInfo {
            node: self.node().clone(),
            name: if config.name.is_empty() { self.node().to_string() } else { config.name.clone() },
            version: config.version.clone(),
            uptime: self.nodes_table().uptime(),
            clients: counts.clients,
            users: counts.users,
            subscriptions: counts.subscribes.saturating_sub(counts.unsubscribes),
            channels: counts.channels,
            broker_reachable: broker.is_reachable,
            broker_alone: broker.is_alone,
            broker_latency: broker.latency,
            gaps_lost: broker.gaps_lost,
        }
    }

    /// The nodes that share the broker, this one first. The figures of others are up to 3 s old, and a node that has ended
    /// without a word is listed for 10 s.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeInfo> {
        let mut others = self.nodes_table().infos();
        others.sort_by(|one, other| (&one.name, &one.node).cmp(&(&other.name, &other.node)));
        others.insert(0, self.info());
        others
    }

    /// Tells the other nodes that this one ends, so that they ask it nothing more. The program calls this when its clients
    /// are gone.
    pub fn leave(&self) -> Call<Result<(), ApiError>> {
        self.nodes_table().leave();
        self.tell_all(NodeEvent::Goodbye(Goodbye {}))
    }
}
