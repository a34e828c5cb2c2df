//! Several nodes that tell and ask one another.

mod asking;
mod pulse;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use longwire_hub::{BoxFuture, Call, HubConfig};

use crate::support::World;
use crate::support::bus::Bus;

/// Several nodes on one bus, which know one another.
struct Cluster {
    bus: Arc<Bus>,
    nodes: Vec<World>,
}

impl Cluster {
    fn new(count: u8, config: impl Fn() -> HubConfig) -> Cluster {
        let bus = Arc::new(Bus::default());
        let node = |number: u8| {
            let mut config = config();
            config.name = format!("node {number}");
            World::node(config, &bus, number)
        };
        let mut cluster = Cluster { nodes: (0..count).map(node).collect(), bus };
        cluster.second();
        cluster.second();
        cluster
    }

    /// A second passes on all nodes, and what they say is carried.
    fn second(&mut self) {
        for node in &mut self.nodes {
            node.pass(Duration::from_secs(1));
            node.hub.expire(node.now);
        }
        self.settle();
    }

    /// All messages are carried, and all sessions do what is to be done.
    fn settle(&mut self) {
        loop {
            self.nodes.iter_mut().for_each(World::settle);
            if !self.bus.carry() {
                return;
            }
        }
    }

    /// The answer to a call, for which others may have to do something.
    fn finish<T>(&mut self, call: Call<T>) -> T {
        let mut future = match call {
            Call::Ready(answer) => return answer,
            Call::Later(future) => future,
        };
        for _ in 0..4 {
            if let Some(answer) = polled(&mut future) {
                return answer;
            }
            self.settle();
            if let Some(answer) = polled(&mut future) {
                return answer;
            }
            self.second();
        }
        panic!("there is no answer");
    }

    /// What a node knows of all, by name.
    fn known_to(&self, node: usize) -> Vec<String> {
        self.nodes[node].hub.nodes().into_iter().map(|info| info.name).collect()
    }
}

fn polled<T>(future: &mut BoxFuture<T>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => None,
    }
}
