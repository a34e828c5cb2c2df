//! Presence.

use std::collections::BTreeSet;
use std::time::Duration;

use longwire_hub::{BrokerError, Record, Store as _};

use crate::heard::{Event, PATIENCE};
use crate::server::NatsServer;
use crate::setup::{Node, member, name, now};

const MINUTE: Duration = Duration::from_secs(60);

impl Node {
    async fn add(&self, client: &str, user: &str, ttl: Duration) {
        self.store.add_presence(&name("room"), member(client, user, ttl), true, now()).await.unwrap();
    }

    async fn present(&self) -> Vec<String> {
        let presence = self.store.presence(&name("room"), 1_000, now()).await.unwrap();
        presence.clients.keys().map(ToString::to_string).collect()
    }

    async fn stats(&self) -> (u64, u64) {
        let stats = self.store.presence_stats(&name("room"), now()).await.unwrap();
        (stats.clients, stats.users)
    }

    async fn heard_record(&self) -> Record {
        match self.heard.next().await {
            Event::Arrived(_, record, None) => *record,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_is_present_is_seen_and_announced_by_every_node() {
    let server = NatsServer::start().await;
    let (a, b) = (Node::of(&server).await, Node::of(&server).await);
    assert_eq!((a.present().await, a.stats().await), (vec![], (0, 0)));
    b.listen("room").await;
    a.add("c.1", "u 1", MINUTE).await;
    a.add("c>2", "u 1", MINUTE).await;
    a.add("c.1", "u 1", MINUTE).await;
    // A node that does not know the client renews it, too.
    b.add("c.1", "u 1", MINUTE).await;
    a.add("", "", MINUTE).await;
    assert_eq!(b.present().await, ["", "c.1", "c>2"]);
    assert_eq!(b.stats().await, (3, 2));
    for client in ["c.1", "c>2", ""] {
        assert!(matches!(b.heard_record().await, Record::Join(info) if info.client == client));
    }
    // Whether or not the node has added it.
    b.store.remove_presence(&name("room"), "c>2", true, now()).await.unwrap();
    a.store.remove_presence(&name("room"), "c>2", true, now()).await.unwrap();
    a.store.remove_presence(&name("room"), "c.1", true, now()).await.unwrap();
    for client in ["c>2", "c.1"] {
        assert!(matches!(b.heard_record().await, Record::Leave(info) if info.client == client));
    }
    assert_eq!(a.present().await, [""]);
    assert!(b.heard.is_empty());
}

#[tokio::test]
async fn a_client_that_is_not_renewed_is_forgotten_in_time() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    let ttl = Duration::from_secs(2);
    node.add("stays", "1", ttl).await;
    node.add("goes", "2", ttl).await;
    let only_one = async {
        loop {
            node.add("stays", "1", ttl).await;
            if node.present().await == ["stays"] && node.stats().await == (1, 1) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, only_one).await.expect("a client that is gone is present");
}

#[tokio::test]
async fn the_leave_of_a_client_whose_node_is_gone_is_announced_once() {
    let server = NatsServer::start().await;
    let (gone, a, b) = (Node::of(&server).await, Node::of(&server).await, Node::of(&server).await);
    a.listen("room").await;
    b.listen("room").await;
    let ttl = Duration::from_secs(1);
    gone.add("goes", "1", ttl).await;
    let silent = member("goes silently", "1", ttl);
    gone.store.add_presence(&name("room"), silent, false, now()).await.unwrap();
    a.add("stays", "2", Duration::from_secs(600)).await;
    drop(gone);
    for node in [&a, &b] {
        for client in ["goes", "stays"] {
            assert!(matches!(node.heard_record().await, Record::Join(info) if info.client == client));
        }
        assert!(matches!(node.heard_record().await, Record::Leave(info) if info.client == "goes"));
    }
    let only_one = async {
        while a.stats().await != (1, 1) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, only_one).await.expect("a client that is gone is counted");
    assert_eq!(a.present().await, ["stays"]);
    // A client that comes back joins again, and nothing else was announced.
    b.add("goes", "1", ttl).await;
    for node in [&a, &b] {
        assert!(matches!(node.heard_record().await, Record::Join(info) if info.client == "goes"));
    }
}

#[tokio::test]
async fn all_clients_of_a_node_that_died_leave_and_no_other_does() {
    const EACH: usize = 1_000;
    let server = NatsServer::start().await;
    let (gone, stays, listens) = (Node::of(&server).await, Node::of(&server).await, Node::of(&server).await);
    let ttl = Duration::from_secs(4);
    for number in 0..EACH {
        gone.add(&format!("goes {number}"), "1", ttl).await;
        stays.add(&format!("stays {number}"), "2", ttl).await;
    }
    listens.listen("room").await;
    drop(gone);
    let renewing = async {
        loop {
            for number in 0..EACH {
                stays.add(&format!("stays {number}"), "2", ttl).await;
            }
        }
    };
    let leaving = async {
        let mut left = BTreeSet::new();
        while left.len() < EACH {
            match listens.heard_record().await {
                Record::Leave(info) => {
                    assert!(info.client.starts_with("goes"), "{info:?}");
                    assert!(left.insert(info.client), "a leave is announced twice");
                }
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::select! { () = renewing => {}, () = leaving => {} }
    assert_eq!(listens.stats().await, (u64::try_from(EACH).unwrap(), 1));
    assert!(listens.heard.is_empty());
}

#[tokio::test]
async fn the_time_of_presence_is_that_of_the_node_that_started_last() {
    let server = NatsServer::start().await;
    let before = Node::of(&server).await;
    before.add("goes", "1", Duration::from_secs(600)).await;
    let after = Node::of(&server).await;
    after.add("goes too", "1", Duration::from_secs(1)).await;
    let nobody = async {
        while !after.present().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, nobody).await.expect("a client that is gone is present");
}

#[tokio::test]
async fn a_client_has_one_user() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    node.add("c", "1", MINUTE).await;
    node.add("c", "2", MINUTE).await;
    assert_eq!(node.stats().await, (1, 1));
    let presence = node.store.presence(&name("room"), 10, now()).await.unwrap();
    assert_eq!(presence.clients["c"].user, "2");
}

#[tokio::test]
async fn many_clients_are_counted_and_read_up_to_the_limit() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    for client in 0..300 {
        node.add(&format!("c{client}"), &format!("u{}", client % 7), MINUTE).await;
    }
    assert_eq!(node.stats().await, (300, 7));
    assert_eq!(node.present().await.len(), 300);
    let some = node.store.presence(&name("room"), 5, now()).await.unwrap();
    assert_eq!(some.clients.len(), 5);
    let long = member(&"c".repeat(256), "1", MINUTE);
    let refused = node.store.add_presence(&name("room"), long, false, now()).await;
    assert_eq!(refused, Err(BrokerError::LimitExceeded));
}
