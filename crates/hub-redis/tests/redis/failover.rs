//! Replicas that take over.

use std::time::Instant;

use longwire_hub::{BrokerError, HistoryPage, Millis, Store as _};
use longwire_hub_redis::{Deployment, RedisOptions, SentinelServer};

use crate::recorder::{Node, channel, kept, new};
use crate::server::{PATIENCE, Server};

/// A replica that has everything.
async fn replica_of(master: &Server) -> Server {
    let replicates = format!("127.0.0.1 {}", master.port);
    let replica = Server::start(&["--replicaof", &replicates, "--repl-diskless-sync-delay", "0"]);
    replica.ask_until(&["ROLE"], |role| role.contains("\"connected\"")).await;
    master.ask_until(&["INFO", "replication"], |info| info.contains("state=online")).await;
    replica
}

#[tokio::test]
async fn a_publication_that_replicas_do_not_have_is_not_answered_with_success() {
    let master = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let mut options = master.options();
    options.replicas = 1;
    let node = Node::connect(options, &[]).await;
    assert_eq!(node.publish("news", "alone").await, Err(BrokerError::Unavailable));
    let mut replica = replica_of(&master).await;
    let position = node.published("news", "kept").await;
    assert_eq!(position.offset, 2);
    let entries: usize = replica.ask(&["XLEN", "longwire:entries:{news}"]);
    assert_eq!(entries, 2);
    replica.kill();
    assert_eq!(node.publish("news", "alone again").await, Err(BrokerError::Unavailable));
}

/// The second connection has written nothing itself.
#[tokio::test]
async fn the_same_key_is_not_answered_with_success_before_replicas_have_the_publication() {
    let master = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let mut options = master.options();
    options.replicas = 1;
    let nodes = [Node::connect(options.clone(), &[]).await, Node::connect(options, &[]).await];
    let replica = replica_of(&master).await;
    let mut publication = new("x");
    publication.idempotency_key = Some("key".into());
    let publish = |node: &Node| node.store.publish(&channel("news"), publication.clone(), &kept(), Millis(1));
    replica.signal("-STOP");
    for node in &nodes {
        assert_eq!(publish(node).await, Err(BrokerError::Unavailable));
    }
    replica.signal("-CONT");
    let outcome = publish(&nodes[1]).await.unwrap();
    assert!(outcome.was_known);
    assert_eq!(outcome.position.map(|position| position.offset), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_publications_share_the_waiting_for_replicas() {
    const COUNT: usize = 500;

    let master = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let _replica = replica_of(&master).await;
    let mut options = master.options();
    options.replicas = 1;
    let node = std::sync::Arc::new(Node::connect(options, &[]).await);
    let calls: Vec<_> = (0..COUNT)
        .map(|_| {
            let node = node.clone();
            tokio::spawn(async move { node.published("news", "x").await.offset })
        })
        .collect();
    let mut offsets = Vec::new();
    for call in calls {
        offsets.push(call.await.unwrap());
    }
    offsets.sort_unstable();
    assert!(offsets.into_iter().map(usize::try_from).map(Result::unwrap).eq(1..=COUNT));
    let info: String = master.ask(&["INFO", "commandstats"]);
    let waits = info.lines().find_map(|line| line.strip_prefix("cmdstat_wait:calls=")).unwrap();
    let waits: usize = waits.split(',').next().unwrap().parse().unwrap();
    assert!(waits < COUNT / 2, "{waits}");
}

/// A master with a replica and a Sentinel, and the options to reach it.
async fn watched() -> (Server, Server, Server, RedisOptions) {
    let master = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let replica = replica_of(&master).await;
    let sentinel = Server::sentinel(master.port);
    let is_known = |answer: &str| answer.contains(&replica.port.to_string());
    sentinel.ask_until(&["SENTINEL", "REPLICAS", "main"], is_known).await;
    let options = RedisOptions::new(Deployment::Sentinel {
        sentinels: vec![sentinel.url()],
        master: "main".to_owned(),
        server: SentinelServer::default(),
    });
    (master, replica, sentinel, options)
}

/// The page, as soon as it can be read.
async fn page(node: &Node) -> HistoryPage {
    let start = Instant::now();
    loop {
        match node.page("news").await {
            Ok(page) => return page,
            Err(_) => assert!(start.elapsed() < PATIENCE),
        }
    }
}

#[tokio::test]
async fn a_failover_keeps_what_was_answered_and_says_that_positions_end() {
    let (mut master, replica, _sentinel, mut options) = watched().await;
    options.replicas = 1;
    let node = Node::connect(options, &["news"]).await;
    node.listen("news").await;
    let before = node.published("news", "answered").await;
    master.kill();
    // Until another replica is there, publishing with one fails, but reading works.
    let page = page(&node).await;
    assert_eq!((page.publications.len(), page.position.offset), (1, before.offset));
    assert_ne!(page.position.epoch, before.epoch);
    node.recorder.until_restored("news").await;
    master.start_again();
    // Sentinel would do that, too, but within half a minute.
    let () = master.ask(&["REPLICAOF", "127.0.0.1", &replica.port.to_string()]);
    let start = Instant::now();
    let after = loop {
        match node.publish("news", "after").await {
            Ok(outcome) => break outcome.position.unwrap(),
            Err(_) => assert!(start.elapsed() < PATIENCE),
        }
    };
    assert_eq!(after.epoch, page.position.epoch);
    node.recorder.until_published("news", "after").await;
}

#[tokio::test]
async fn a_master_that_hangs_is_left_and_not_believed_when_it_comes_back() {
    let (master, replica, _sentinel, options) = watched().await;
    let node = Node::connect(options.clone(), &["news"]).await;
    node.listen("news").await;
    let before = node.published("news", "before").await;
    replica.ask_until(&["XLEN", "longwire:entries:{news}"], |len| len == "int(1)").await;
    master.signal("-STOP");
    node.recorder.until_restored("news").await;
    assert_ne!(page(&node).await.position.epoch, before.epoch);
    let after = node.published("news", "after").await;
    assert_eq!(after.offset, 2);
    master.signal("-CONT");
    // A node that connects now finds the new one, too.
    let later = Node::connect(options, &[]).await;
    assert_eq!(later.page("news").await.unwrap().position, after);
    node.published("news", "last").await;
    node.recorder.until_published("news", "last").await;
    assert_eq!(later.contents("news").await, ["before", "after", "last"]);
}
