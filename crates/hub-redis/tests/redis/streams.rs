//! Streams: epochs, trimming and times to live.

use std::time::Duration;

use longwire_hub::{BrokerError, HistoryQuery, Millis, Store as _, StreamPosition};
use longwire_hub_redis::Clock;

use crate::recorder::{Node, channel, everything, kept, new};
use crate::server::Server;

#[tokio::test]
async fn a_stream_that_was_not_used_for_its_time_has_a_new_epoch() {
    let server = Server::start(&[]);
    let mut options = server.options();
    options.clock = Clock::Caller;
    let Node { store, .. } = Node::connect(options, &[]).await;
    let mut history = kept();
    history.meta_ttl = Duration::from_secs(600);
    let (news, start) = (channel("news"), Millis(1_000_000));
    let publish = |now| store.publish(&news, new("x"), &history, now);
    let first = publish(start).await.unwrap().position.unwrap();
    let read = |now| store.history(&news, everything(), &history, now);
    // Reading it is using it.
    let page = read(start + Duration::from_secs(599)).await.unwrap();
    assert_eq!((page.publications.len(), &page.position), (0, &first), "its publications have expired");
    let page = read(start + Duration::from_secs(1_198)).await.unwrap();
    assert_eq!(page.position, first);
    let later = publish(start + Duration::from_secs(1_798)).await.unwrap().position.unwrap();
    assert_eq!(later.offset, 1);
    assert_ne!(later.epoch, first.epoch);
}

#[tokio::test]
async fn a_stream_without_publications_keeps_its_epoch() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    let empty = node.page("news").await.unwrap().position;
    assert_eq!((empty.offset, empty.epoch.is_empty()), (0, false));
    assert_eq!(node.published("news", "x").await, StreamPosition { offset: 1, epoch: empty.epoch });
}

#[tokio::test]
async fn all_keys_live_for_a_limited_time() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    let mut publication = new("x");
    publication.idempotency_key = Some("key".into());
    publication.version = Some((1, "".into()));
    node.store.publish(&channel("news"), publication, &kept(), Millis(1)).await.unwrap();
    node.page("empty").await.unwrap();
    crate::presence::add(&node, "news", "c1", "u1").await.unwrap();
    let keys: Vec<String> = server.ask(&["KEYS", "*"]);
    assert_eq!(keys.len(), 9, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("longwire:"), "{key}");
        let left: i64 = server.ask(&["PTTL", &key]);
        assert!((1..=30 * 86_400_000).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn the_clock_of_the_server_decides_what_has_expired() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    node.published("news", "x").await;
    // A node whose clock is a year ahead.
    let ahead = Millis(365 * 86_400_000_000);
    let page = node.store.history(&channel("news"), everything(), &kept(), ahead).await.unwrap();
    assert_eq!(page.publications.len(), 1);
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_sent_again() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    let first = node.published("news", "x").await;
    let () = server.ask(&["SCRIPT", "FLUSH", "SYNC"]);
    assert_eq!(node.published("news", "y").await.epoch, first.epoch);
}

#[tokio::test]
async fn offsets_beyond_what_scripts_can_count_are_no_error() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    let epoch = node.published("news", "x").await.epoch;
    for offset in [(1 << 53) - 1, 1 << 53, u64::MAX] {
        for reverse in [false, true] {
            let since = Some(StreamPosition { offset, epoch: epoch.clone() });
            let query = HistoryQuery { limit: usize::MAX, since, reverse };
            let page = node.store.history(&channel("news"), query, &kept(), Millis(1)).await.unwrap();
            assert_eq!(page.publications.len(), 0, "{offset}");
        }
    }
    let since = Some(StreamPosition { offset: 1, epoch: "other".into() });
    let query = HistoryQuery { limit: 1, since, reverse: false };
    let page = node.store.history(&channel("news"), query, &kept(), Millis(1)).await;
    assert_eq!(page.unwrap_err(), BrokerError::UnrecoverablePosition);
}
