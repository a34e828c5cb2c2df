//! Several nodes on one server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use longwire_hub::{Data, NewPublication, Store as _};

use crate::heard::Event;
use crate::server::NatsServer;
use crate::setup::{Node, name};

/// Publications of each publisher.
const EACH: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_publish_at_once_to_a_channel_number_all_without_a_gap() {
    let server = NatsServer::start().await;
    let nodes: Vec<_> = [Node::of(&server).await, Node::of(&server).await, Node::of(&server).await].into();
    let nodes: Vec<_> = nodes
        .into_iter()
        .map(|mut node| {
            node.history.size = 1_000;
            Arc::new(node)
        })
        .collect();
    nodes[0].listen("news").await;
    let mut publishers = tokio::task::JoinSet::new();
    for (index, node) in nodes.iter().enumerate() {
        for publisher in 0..2 {
            let node = node.clone();
            publishers.spawn(async move {
                let mut published = Vec::new();
                for number in 0..EACH {
                    let text = format!("{index}-{publisher}-{number}");
                    published.push((node.offset_of("news", &text).await, text));
                }
                published
            });
        }
    }
    let published: BTreeMap<u64, String> = publishers.join_all().await.into_iter().flatten().collect();
    let all = 6 * EACH;
    assert_eq!(
        published.keys().copied().collect::<Vec<_>>(),
        (1..=u64::try_from(all).unwrap()).collect::<Vec<_>>()
    );
    // What was refused because another was faster was not heard, either.
    for (offset, text) in &published {
        assert_eq!(nodes[0].heard.next_text().await, (text.clone(), *offset));
    }
    let (texts, position) = nodes[1].kept("news").await;
    assert_eq!(texts, published.into_values().collect::<Vec<_>>());
    assert_eq!(position, nodes[2].kept("news").await.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_channel_does_not_keep_others_waiting() {
    let server = NatsServer::start().await;
    let mut options = longwire_hub_nats::NatsOptions::new(server.url());
    options.call_timeout = crate::heard::PATIENCE * 3;
    let node = Arc::new(Node::with(options).await);
    let mut publishers = tokio::task::JoinSet::new();
    let come = Arc::new(AtomicUsize::new(0));
    for _ in 0..8_000 {
        let (node, come) = (node.clone(), come.clone());
        publishers.spawn(async move {
            come.fetch_add(1, Ordering::Relaxed);
            node.offset_of("busy", "x").await
        });
    }
    while come.load(Ordering::Relaxed) < 8_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(node.offset_of("quiet", "x").await, 1);
    let published = node.kept("busy").await.1.offset;
    assert!(published < 2_000, "{published} came first");
    publishers.abort_all();
    while publishers.join_next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_two_nodes_use_at_once_publishes_once() {
    let server = NatsServer::start().await;
    let (a, b) = (Node::of(&server).await, Node::of(&server).await);
    for round in 0..20 {
        let mut new = NewPublication::new(Data::from_text("x"));
        new.idempotency_key = Some(format!("k{round}").into());
        let (a, b) = tokio::join!(a.publish_this("news", new.clone()), b.publish_this("news", new));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.position.as_ref().map(|position| position.offset), Some(round + 1));
        assert_eq!(a.position, b.position);
        assert!(a.was_known != b.was_known);
    }
}

#[tokio::test]
async fn only_a_higher_version_is_published_whichever_node_has_it() {
    let server = NatsServer::start().await;
    let (a, mut b) = (Node::of(&server).await, Node::of(&server).await);
    let versioned = |version: u64, epoch: &str| {
        let mut new = NewPublication::new(Data::from_text(format!("{epoch}{version}")));
        new.version = Some((version, epoch.into()));
        new
    };
    assert!(!a.publish_this("news", versioned(5, "e")).await.unwrap().was_known);
    assert!(b.publish_this("news", versioned(5, "e")).await.unwrap().was_known);
    assert!(b.publish_this("news", versioned(4, "")).await.unwrap().was_known);
    assert!(!b.publish_this("news", versioned(1, "f")).await.unwrap().was_known);
    // Publications without a version do not hide the last one.
    b.publish("news", "plain").await.unwrap();
    assert!(a.publish_this("news", versioned(1, "f")).await.unwrap().was_known);
    let again = a.publish_this("news", versioned(6, "e")).await.unwrap();
    assert_eq!((again.was_known, again.position.unwrap().offset), (false, 4));

    b.history = b.history.without_history();
    b.listen("live").await;
    for (version, was_known) in [(3, false), (3, true), (2, true), (4, false)] {
        assert_eq!(b.publish_this("live", versioned(version, "e")).await.unwrap().was_known, was_known);
    }
    assert_eq!(b.heard.next_text().await.0, "e3");
    assert_eq!(b.heard.next_text().await.0, "e4");
}

#[tokio::test]
async fn what_a_node_tells_reaches_every_node_once() {
    let server = NatsServer::start().await;
    let nodes = [Node::of(&server).await, Node::of(&server).await];
    for message in ["one", "two"] {
        nodes[0].store.tell_nodes(Bytes::from(message)).await.unwrap();
    }
    for node in &nodes {
        assert_eq!(node.heard.next().await, Event::Told(Bytes::from("one")));
        assert_eq!(node.heard.next().await, Event::Told(Bytes::from("two")));
        assert!(node.heard.is_empty());
    }
}

#[tokio::test]
async fn nodes_with_different_prefixes_do_not_meet() {
    let server = NatsServer::start().await;
    let a = Node::of(&server).await;
    let mut options = longwire_hub_nats::NatsOptions::new(server.url());
    options.prefix = "other".to_owned();
    let b = Node::with(options).await;
    b.listen("news").await;
    a.publish("news", "a").await.unwrap();
    assert_eq!(b.offset_of("news", "b").await, 1);
    assert_eq!(b.heard.next_text().await, ("b".to_owned(), 1));
    b.store.stop_listening(&name("news")).await.unwrap();
}

#[tokio::test]
async fn a_node_with_other_limits_keeps_the_positions_of_channels() {
    let server = NatsServer::start().await;
    let a = Node::of(&server).await;
    for text in ["a", "b", "c"] {
        a.publish("news", text).await.unwrap();
    }
    let mut b = Node::of(&server).await;
    b.history.size = 20;
    assert_eq!(b.offset_of("news", "d").await, 4);
    assert_eq!(b.kept("news").await.1, a.kept("news").await.1);
    // A node that keeps less takes nothing from the others.
    let mut c = Node::of(&server).await;
    c.history.size = 2;
    assert_eq!(c.offset_of("news", "e").await, 5);
    assert_eq!(c.kept("news").await.0, ["d", "e"]);
    assert_eq!(a.kept("news").await.0.len(), 5);

    let mut d = Node::of(&server).await;
    d.history = d.history.without_history();
    let mut new = NewPublication::new(Data::from_text("live"));
    new.version = Some((1, "e".into()));
    d.publish_this("other", new).await.unwrap();
    assert_eq!(a.kept("news").await.0, ["a", "b", "c", "d", "e"]);
}
