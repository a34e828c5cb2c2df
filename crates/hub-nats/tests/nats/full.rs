//! Servers that have no more room.

use longwire_hub::{BrokerError, Store as _};
use longwire_hub_nats::{NatsOptions, NatsStorage};

use crate::server::NatsServer;
use crate::setup::{Node, name, now};

/// Publishes until nothing more is taken. Says how many were.
async fn fill(node: &Node) -> u64 {
    let long = "x".repeat(10_000);
    for number in 0..1_000 {
        match node.publish("news", &long).await {
            Ok(outcome) => assert_eq!(outcome.position.unwrap().offset, number + 1),
            Err(error) => {
                assert_eq!(error, BrokerError::LimitExceeded);
                return number;
            }
        }
    }
    panic!("it takes everything");
}

#[tokio::test]
async fn a_stream_that_is_full_refuses_until_there_is_room() {
    let server = NatsServer::start().await;
    let mut options = NatsOptions::new(server.url());
    options.stream_bytes = Some(200_000);
    let mut node = Node::with(options).await;
    node.history.size = 1_000;
    let taken = fill(&node).await;
    assert!((10..20).contains(&taken), "{taken}");
    // What was acknowledged is there, and nothing else.
    let (texts, position) = node.kept("news").await;
    assert_eq!((u64::try_from(texts.len()).unwrap(), position.offset), (taken, taken));
    node.store.remove_history(&name("news"), now()).await.unwrap();
    assert_eq!(node.offset_of("news", "a").await, taken + 1);
}

#[tokio::test]
async fn history_can_be_removed_when_there_is_no_room_for_a_byte_more() {
    let server = NatsServer::start().await;
    let mut options = NatsOptions::new(server.url());
    options.stream_bytes = Some(100_000);
    let mut node = Node::with(options).await;
    node.history.size = 1_000;
    let mut offset = 0;
    for len in [10_000, 1_000, 100, 10, 0] {
        while node.publish("news", &"x".repeat(len)).await.is_ok() {
            offset += 1;
        }
    }
    node.store.remove_history(&name("news"), now()).await.unwrap();
    let (texts, position) = node.kept("news").await;
    assert_eq!((texts.len(), position.offset), (0, offset));
    assert_eq!(node.offset_of("news", "a").await, offset + 1);
}

#[tokio::test]
async fn a_server_without_room_refuses() {
    for (limit, storage) in
        [("max_file_store: 300000", NatsStorage::File), ("max_memory_store: 300000", NatsStorage::Memory)]
    {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().display().to_string();
        let server = NatsServer::bare(&format!("jetstream {{ store_dir: {store:?}, {limit} }}")).await;
        let mut options = NatsOptions::new(server.url());
        options.storage = storage;
        let mut node = Node::with(options).await;
        node.history.size = 1_000;
        let taken = fill(&node).await;
        assert!((10..40).contains(&taken), "{taken}");
        assert_eq!(node.kept("news").await.1.offset, taken);
        // What nothing keeps still passes.
        node.history = node.history.without_history();
        node.listen("live").await;
        node.publish("live", "a").await.unwrap();
        assert_eq!(node.heard.next_text().await.0, "a");
    }
}
