//! Memory that is full.

use longwire_hub::{BrokerError, HistoryOptions, Millis, PresenceStats, Store as _};

use crate::presence;
use crate::recorder::{Node, channel, kept, new};
use crate::server::Server;

#[tokio::test]
async fn without_eviction_what_would_grow_is_refused_and_the_rest_works() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let node = Node::connect(server.options(), &[]).await;
    node.listen("news").await;
    let position = node.published("news", "before").await;
    presence::add(&node, "news", "c1", "u1").await.unwrap();
    let () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);

    assert_eq!(node.publish("news", "x").await, Err(BrokerError::LimitExceeded));
    assert_eq!(node.contents("news").await, ["before"]);
    assert_eq!(node.page("other").await.unwrap_err(), BrokerError::LimitExceeded, "a stream would begin");
    assert_eq!(presence::add(&node, "news", "c2", "u1").await, Err(BrokerError::LimitExceeded));
    presence::add(&node, "news", "c1", "u1").await.expect("it is there already");
    let stats = node.store.presence_stats(&channel("news"), Millis(1)).await.unwrap();
    assert_eq!(stats, PresenceStats { clients: 1, users: 1 });
    let passing = HistoryOptions::default();
    node.store.publish(&channel("news"), new("passing"), &passing, Millis(1)).await.unwrap();
    node.recorder.until_published("news", "passing").await;
    node.store.remove_presence(&channel("news"), "c1", true, Millis(1)).await.unwrap();

    let () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    let after = node.published("news", "after").await;
    assert_eq!((after.offset, after.epoch), (position.offset + 1, position.epoch));
    node.recorder.until_published("news", "after").await;
    assert_eq!(node.recorder.offsets("news"), [1, 2]);
}

#[tokio::test]
async fn a_stream_whose_position_was_evicted_begins_anew() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-random"]);
    let node = Node::connect(server.options(), &[]).await;
    let first = node.published("news", "x").await;
    let () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    // Every command evicts what there is.
    server
        .ask_until(&["DBSIZE"], |answer| {
            let _refused = server.try_ask::<redis::Value>(&["SET", "filler", "x"]);
            answer == "int(0)"
        })
        .await;
    let () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    let second = node.published("news", "y").await;
    assert_eq!(second.offset, 1);
    assert_ne!(second.epoch, first.epoch);
}

/// Redis evicts single keys. What is left of a channel then claims nothing.
#[tokio::test]
async fn the_loss_of_any_single_key_is_noticed() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    let evict = |kind: &str, name: &str| {
        let removed: i64 = server.ask(&["DEL", &format!("longwire:{kind}:{{{name}}}")]);
        assert_eq!(removed, 1);
    };
    for kind in ["position", "entries", "sizes"] {
        let name = format!("{kind}-lost");
        let before = node.published(&name, "before").await;
        evict(kind, &name);
        let after = node.published(&name, "after").await;
        assert_eq!(node.contents(&name).await, ["after"]);
        let lens: [i64; 2] = [("XLEN", "entries"), ("LLEN", "sizes")]
            .map(|(command, kind)| server.ask(&[command, &format!("longwire:{kind}:{{{name}}}")]));
        assert_eq!(lens, [1, 1], "{kind}");
        match kind {
            "position" => assert!(after.epoch != before.epoch && after.offset == 1),
            _ => assert!(after.epoch == before.epoch && after.offset == 2),
        }
    }
    for kind in ["members", "deadlines", "users"] {
        let name = format!("{kind}-lost");
        presence::add(&node, &name, "c1", "u1").await.unwrap();
        presence::add(&node, &name, "c2", "u2").await.unwrap();
        evict(kind, &name);
        presence::add(&node, &name, "c2", "u2").await.unwrap();
        let stats = node.store.presence_stats(&channel(&name), Millis(1)).await.unwrap();
        assert_eq!(stats, PresenceStats { clients: 1, users: 1 }, "{kind}");
    }
    let mut publication = new("x");
    publication.idempotency_key = Some("key".into());
    let publish = || node.store.publish(&channel("keyed"), publication.clone(), &kept(), Millis(1));
    assert!(!publish().await.unwrap().was_known);
    assert!(publish().await.unwrap().was_known);
    let removed: i64 = server.ask(&["DEL", "longwire:key:{keyed}:key"]);
    assert_eq!((removed, publish().await.unwrap().was_known), (1, false));
}
