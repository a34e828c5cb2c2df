//! Redis Cluster.

use std::time::Instant;

use bytes::Bytes;
use longwire_hub::{Millis, PresenceStats, Store as _};
use longwire_hub_redis::{Deployment, RedisOptions};

use crate::presence;
use crate::recorder::{Event, Node, channel, new};
use crate::server::{PATIENCE, Server, free_port};

const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i}j", "{k", "news:x#1,2", "%7D"];

/// The fourth server of a Cluster, beside three masters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fourth {
    Nothing,
    ReplicaOfFirst,
    MasterWithoutSlots,
}

pub(crate) async fn cluster(fourth: Fourth) -> Vec<Server> {
    const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];

    let servers: Vec<(Server, String)> = (0..if fourth == Fourth::Nothing { 3 } else { 4 })
        .map(|_| {
            let bus = free_port().to_string();
            let settings =
                ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
            (Server::start(&settings), bus)
        })
        .collect();
    for (number, (server, _)) in servers.iter().enumerate() {
        let () = server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        if let Some([first, last]) = SLOTS.get(number) {
            let () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
        }
        let (to, bus) = &servers[0];
        let () = server.ask(&["CLUSTER", "MEET", "127.0.0.1", &to.port.to_string(), bus]);
    }
    for (server, _) in &servers {
        let known = format!("cluster_known_nodes:{}", servers.len());
        server.ask_until(&["CLUSTER", "INFO"], |info| info.contains(&known)).await;
    }
    let first = id(&servers[0].0);
    for (replica, _) in servers.iter().skip(3).filter(|_| fourth == Fourth::ReplicaOfFirst) {
        replica.ask_until(&["CLUSTER", "REPLICATE", &first], |answer| answer.contains("ok")).await;
        replica.ask_until(&["ROLE"], |role| role.contains("\"connected\"")).await;
    }
    for (server, _) in &servers {
        server.ask_until(&["CLUSTER", "INFO"], |info| info.contains("cluster_state:ok")).await;
    }
    servers.into_iter().map(|(server, _)| server).collect()
}

fn id(server: &Server) -> String {
    server.ask(&["CLUSTER", "MYID"])
}

pub(crate) fn options(servers: &[Server]) -> RedisOptions {
    RedisOptions::new(Deployment::Cluster(vec![servers[1].url()]))
}

#[tokio::test]
async fn channels_are_divided_among_masters_and_all_calls_work() {
    let servers = cluster(Fourth::Nothing).await;
    let nodes = [Node::connect(options(&servers), &[]).await, Node::connect(options(&servers), &[]).await];
    for name in NAMES {
        nodes[0].listen(name).await;
        presence::add(&nodes[1], name, "c1", "u1").await.unwrap();
        let mut publication = new("x");
        publication.idempotency_key = Some("}key".into());
        publication.version = Some((1, "".into()));
        let publish = || {
            let publication = publication.clone();
            nodes[1].store.publish(&channel(name), publication, &crate::recorder::kept(), Millis(1))
        };
        let first = publish().await.unwrap();
        assert!(!first.was_known && publish().await.unwrap().was_known);
        assert_eq!(nodes[0].recorder.until_published(name, "x").await, first.position);
        assert_eq!(nodes[0].contents(name).await, ["x"]);
        let stats = nodes[0].store.presence_stats(&channel(name), Millis(1)).await.unwrap();
        assert_eq!(stats, PresenceStats { clients: 1, users: 1 });
        nodes[1].store.remove_presence(&channel(name), "c1", true, Millis(1)).await.unwrap();
        nodes[1].store.remove_history(&channel(name), Millis(1)).await.unwrap();
        assert!(nodes[0].contents(name).await.is_empty());
    }
    for server in &servers {
        let keys: i64 = server.ask(&["DBSIZE"]);
        assert!(keys > 0);
    }
    nodes[0].store.tell_nodes(Bytes::from("hello")).await.unwrap();
    for node in &nodes {
        node.recorder.until(|events| events.contains(&Event::Told(Bytes::from("hello")))).await;
    }
}

#[tokio::test]
async fn a_slot_that_moves_to_another_master_takes_its_channels_along() {
    let servers = cluster(Fourth::Nothing).await;
    move_news(&servers, |owner| (owner + 1) % 3).await;
}

#[tokio::test]
async fn a_slot_may_move_to_a_master_that_nobody_has_asked_yet() {
    let servers = cluster(Fourth::MasterWithoutSlots).await;
    move_news(&servers, |_| 3).await;
}

/// A slot that moves from one master to another.
pub(crate) struct MovingSlot<'a> {
    pub(crate) slot: &'a str,
    pub(crate) from: &'a Server,
    pub(crate) to: &'a Server,
}

impl MovingSlot<'_> {
    pub(crate) fn begin(&self) {
        let MovingSlot { slot, from, to } = self;
        let () = to.ask(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &id(from)]);
        let () = from.ask(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &id(to)]);
    }

    /// Moves the keys that are there now.
    pub(crate) fn move_keys(&self) {
        let keys: Vec<String> = self.from.ask(&["CLUSTER", "GETKEYSINSLOT", self.slot, "100"]);
        let port = self.to.port.to_string();
        let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        command.extend(keys.iter().map(String::as_str));
        let () = self.from.ask(&command);
    }

    pub(crate) fn end(&self, all: &[Server]) {
        let MovingSlot { slot, from, to } = self;
        for server in [to, from].into_iter().copied().chain(all) {
            let () = server.ask(&["CLUSTER", "SETSLOT", slot, "NODE", &id(to)]);
        }
    }
}

/// Moves the slot of a channel step by step from its owner to the server with this number.
async fn move_news(servers: &[Server], to: impl Fn(usize) -> usize) {
    let slot: usize = servers[0].ask(&["CLUSTER", "KEYSLOT", "news"]);
    let owner = slot / 5_461;
    let (from, to, slot) = (&servers[owner], &servers[to(owner)], slot.to_string());
    let node = Node::connect(options(servers), &["news", "elsewhere"]).await;
    node.listen("news").await;
    node.listen("elsewhere").await;
    node.published("news", "before").await;

    let moving = MovingSlot { slot: &slot, from, to };
    moving.begin();
    node.published("news", "at the old master").await;
    moving.move_keys();
    node.published("news", "on its way").await;
    moving.end(servers);

    node.recorder.until_restored("news").await;
    let interrupted = |event: &Event| matches!(event, Event::Interrupted(names) if names.len() != 1);
    assert!(!node.recorder.events().iter().any(interrupted), "{:?}", node.recorder.events());
    node.published("news", "after").await;
    node.recorder.until_published("news", "after").await;
    assert_eq!(node.contents("news").await, ["before", "at the old master", "on its way", "after"]);
    let keys: i64 = to.ask(&["CLUSTER", "COUNTKEYSINSLOT", &slot]);
    assert_eq!(keys, 3);
}

#[tokio::test]
async fn a_replica_takes_over_the_channels_of_its_master() {
    let mut servers = cluster(Fourth::ReplicaOfFirst).await;
    // The hash slot of `b` is 3300.
    let node = Node::connect(options(&servers), &["a", "b"]).await;
    node.listen("a").await;
    node.listen("b").await;
    let before = node.published("b", "before").await;
    let replica = &servers[3];
    replica.ask_until(&["DBSIZE"], |size| size == "int(3)").await;
    servers[0].kill();
    node.recorder.until_restored("b").await;
    let start = Instant::now();
    let page = loop {
        match node.page("b").await {
            Ok(page) => break page,
            Err(_) => assert!(start.elapsed() < PATIENCE),
        }
    };
    assert_eq!((page.publications.len(), page.position.offset), (1, 1));
    assert_ne!(page.position.epoch, before.epoch);
    node.published("b", "after").await;
    node.recorder.until_published("b", "after").await;
    let interrupted =
        |event: &Event| matches!(event, Event::Interrupted(names) if names.contains(&"a".to_owned()));
    assert!(!node.recorder.events().iter().any(interrupted), "{:?}", node.recorder.events());
}
