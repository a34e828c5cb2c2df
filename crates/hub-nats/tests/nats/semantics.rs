//! Publishing, history and listening, of one node.

use std::time::Duration;

use bytes::Bytes;
use longwire_hub::{BrokerError, Data, HistoryQuery, Millis, NewPublication, Store as _};

use crate::heard::{Event, text_of};
use crate::server::NatsServer;
use crate::setup::{Node, name, now};

#[tokio::test]
async fn publications_get_offsets_from_one_and_are_heard_with_them() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    node.listen("news").await;
    for (text, offset) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(node.offset_of("news", text).await, offset);
        assert_eq!(node.heard.next_text().await, (text.to_owned(), offset));
    }
    let (texts, position) = node.kept("news").await;
    assert_eq!((texts.len(), position.offset), (3, 3));
    assert!(!position.epoch.is_empty());
}

#[tokio::test]
async fn what_is_published_without_history_is_heard_and_not_kept() {
    let server = NatsServer::start().await;
    let mut node = Node::of(&server).await;
    node.history = node.history.without_history();
    node.listen("news").await;
    let outcome = node.publish("news", "a").await.unwrap();
    assert_eq!((outcome.position, outcome.was_known), (None, false));
    assert_eq!(node.heard.next_text().await, ("a".to_owned(), 0));
    let (texts, position) = node.kept("news").await;
    assert!(texts.is_empty() && position.epoch.is_empty());
}

#[tokio::test]
async fn nothing_is_heard_of_a_channel_after_its_end() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    node.listen("a").await;
    node.listen("b").await;
    node.store.stop_listening(&name("a")).await.unwrap();
    node.publish("a", "1").await.unwrap();
    node.publish("b", "2").await.unwrap();
    assert_eq!(node.heard.next_text().await, ("2".to_owned(), 1));
    node.listen("a").await;
    node.publish("a", "3").await.unwrap();
    assert_eq!(node.heard.next_text().await, ("3".to_owned(), 2));
}

#[tokio::test]
async fn listening_twice_hears_once() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    let news = name("news");
    let (first, second) = tokio::join!(node.store.listen(&news), node.store.listen(&news));
    first.and(second).unwrap();
    node.publish("news", "1").await.unwrap();
    node.publish("news", "2").await.unwrap();
    assert_eq!(node.heard.next_text().await, ("1".to_owned(), 1));
    assert_eq!(node.heard.next_text().await, ("2".to_owned(), 2));
}

#[tokio::test]
async fn a_channel_that_was_only_read_keeps_its_epoch() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    let (_, position) = node.kept("news").await;
    assert_eq!(position.offset, 0);
    node.publish("news", "a").await.unwrap();
    let page = node.page("news", Some(position.clone())).await.unwrap();
    assert_eq!((page.publications.len(), &page.position.epoch), (1, &position.epoch));
    let other = longwire_hub::StreamPosition { epoch: "another".into(), ..position };
    assert_eq!(node.page("news", Some(other)).await.unwrap_err(), BrokerError::UnrecoverablePosition);
}

#[tokio::test]
async fn a_position_survives_when_all_publications_have_expired() {
    let server = NatsServer::start().await;
    let mut node = Node::of(&server).await;
    node.history.ttl = Duration::from_secs(1);
    let long = "x".repeat(10_000);
    for _ in 0..3 {
        node.publish("news", &long).await.unwrap();
    }
    let (_, before) = node.kept("news").await;
    let later = Millis(now().0 + 1_001);
    let query = HistoryQuery { limit: 10, since: None, reverse: false };
    let page = node.store.history(&name("news"), query, &node.history, later).await.unwrap();
    assert!(page.publications.is_empty());
    assert_eq!(page.position, before);

    // The node also removes them from the disk.
    expect_removed(&server).await;
    assert_eq!(node.kept("news").await, (vec![], before));
    assert_eq!(node.offset_of("news", "next").await, 4);
}

#[tokio::test]
async fn what_expires_is_removed_also_after_later_publications() {
    let server = NatsServer::start().await;
    let mut node = Node::of(&server).await;
    node.history.ttl = Duration::from_secs(2);
    node.publish("news", &"x".repeat(10_000)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    node.publish("news", &"x".repeat(10_000)).await.unwrap();
    expect_removed(&server).await;
}

/// Waits until no publication takes room any more.
async fn expect_removed(server: &NatsServer) {
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = jetstream.get_stream("longwire-history-=none").await.unwrap();
    let removed = async {
        while stream.get_info().await.unwrap().state.bytes > 2_000 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::heard::PATIENCE, removed).await.expect("expired publications are kept");
}

#[tokio::test]
async fn a_channel_that_is_listened_to_keeps_its_position() {
    let server = NatsServer::start().await;
    let mut node = Node::of(&server).await;
    (node.history.ttl, node.history.meta_ttl) = (Duration::from_secs(1), Duration::from_secs(4));
    node.listen("used").await;
    let (_, empty) = node.kept("used").await;
    node.listen("empty").await;
    let (_, unwritten) = node.kept("empty").await;
    for channel in ["used", "forgotten"] {
        node.publish(channel, "a").await.unwrap();
    }
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = jetstream.get_stream("longwire-history-=none").await.unwrap();
    let forgotten = async {
        while stream.get_last_raw_message_by_subject("longwire.history.=none.forgotten").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::heard::PATIENCE, forgotten).await.expect("positions are kept forever");
    assert_eq!(node.kept("empty").await.1, unwritten);
    let (_, position) = node.kept("used").await;
    assert_eq!((position.offset, position.epoch), (1, empty.epoch));
    // What keeps a position is not heard.
    node.publish("used", "b").await.unwrap();
    for offset in 1..=2 {
        assert_eq!(node.heard.next_text().await.1, offset);
    }
}

#[tokio::test]
async fn removing_history_keeps_the_position() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    node.store.remove_history(&name("never:used"), now()).await.unwrap();
    for text in ["a", "b", "c"] {
        node.publish("news", text).await.unwrap();
    }
    node.store.remove_history(&name("news"), now()).await.unwrap();
    let (texts, position) = node.kept("news").await;
    assert_eq!((texts.len(), position.offset), (0, 3));
    node.publish("news", "d").await.unwrap();
    let page = node.page("news", Some(position)).await.unwrap();
    assert_eq!(page.publications.iter().map(|one| one.offset).collect::<Vec<_>>(), [4]);
}

#[tokio::test]
async fn a_long_history_is_read_in_pages_from_both_ends() {
    let server = NatsServer::start().await;
    let mut node = Node::of(&server).await;
    node.history.size = 100;
    for number in 1..=130 {
        node.publish("news", &number.to_string()).await.unwrap();
        // Others come in between.
        node.publish("other", "x").await.unwrap();
    }
    let (_, position) = node.kept("news").await;
    let page = async |reverse, since: Option<u64>, limit| {
        let since = since.map(|offset| longwire_hub::StreamPosition { offset, ..position.clone() });
        let query = HistoryQuery { limit, since, reverse };
        let page = node.store.history(&name("news"), query, &node.history, now()).await.unwrap();
        let numbers = page.publications.iter().map(|one| (text_of(&one.data).parse().unwrap(), one.offset));
        numbers
            .map(|(number, offset): (u64, u64)| (number == offset).then_some(offset).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(page(false, None, 1000).await, (31..=130).collect::<Vec<_>>());
    assert_eq!(page(false, None, 3).await, [31, 32, 33]);
    assert_eq!(page(false, Some(5), 2).await, [31, 32]);
    assert_eq!(page(false, Some(127), 1000).await, [128, 129, 130]);
    assert_eq!(page(true, None, 3).await, [130, 129, 128]);
    assert_eq!(page(true, Some(40), 3).await, [39, 38, 37]);
    assert_eq!(page(true, Some(33), 1000).await, [32, 31]);
    assert_eq!(page(true, Some(20), 1000).await, [0_u64; 0]);
}

#[tokio::test]
async fn any_name_of_a_channel_is_its_own() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    let names = [
        "a.b", "a*b", "a>b", "a b", " ", ".", "*", ">", "a=2Eb", "$SYS", "ns:a.b", "n.s:ab", "%", "a#1,2",
        "a\\b", "a/b",
    ];
    let long = "x.".repeat(127);
    let names: Vec<&str> = names.into_iter().chain([&*long]).collect();
    for channel in &names {
        node.listen(channel).await;
    }
    for channel in &names {
        assert_eq!(node.offset_of(channel, channel).await, 1, "{channel}");
        match node.heard.next().await {
            Event::Arrived(at, record, _) => {
                assert_eq!((&*at, &*crate::heard::text(&record)), (*channel, *channel));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(node.kept(channel).await.0, [*channel]);
    }
}

#[tokio::test]
async fn a_publication_that_is_too_long_is_refused_and_others_go_on() {
    let server = NatsServer::with("max_payload: 10000").await;
    let mut node = Node::of(&server).await;
    let long = "x".repeat(11_000);
    assert_eq!(node.publish("news", &long).await.unwrap_err(), BrokerError::LimitExceeded);
    assert_eq!(node.offset_of("news", "short").await, 1);
    node.history.bytes = 100;
    assert_eq!(node.publish("news", &"x".repeat(101)).await.unwrap_err(), BrokerError::LimitExceeded);
    node.history = node.history.without_history();
    assert_eq!(node.publish("news", &long).await.unwrap_err(), BrokerError::LimitExceeded);
    assert_eq!(node.store.figures().interruptions, 0);
}

#[tokio::test]
async fn what_is_not_known_is_counted_and_skipped() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    node.listen("news").await;
    let stranger = async_nats::connect(server.url()).await.unwrap();
    // The second is an entry with a record of a kind that does not exist yet.
    for garbage in [&b"\xff\xff"[..], b"\x08\x07\x12\x01e\x4a\x02\x7a\x00"] {
        stranger.publish("longwire.events.=none.news", Bytes::copy_from_slice(garbage)).await.unwrap();
    }
    stranger.flush().await.unwrap();
    node.publish("other", "x").await.unwrap();
    let both = async {
        while node.store.figures().unknown_messages < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::heard::PATIENCE, both).await.expect("garbage is not counted");
    assert!(node.heard.is_empty());
    node.publish("news", "a").await.unwrap();
    assert_eq!(node.heard.next_text().await, ("a".to_owned(), 1));
}

#[tokio::test]
async fn a_key_publishes_once_and_is_answered_with_the_same_position() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    let keyed = |key: &str| {
        let mut new = NewPublication::new(Data::from_text("a"));
        new.idempotency_key = Some(key.into());
        new
    };
    let first = node.publish_this("news", keyed("k")).await.unwrap();
    for _ in 0..20 {
        // So many that the first is kept no more.
        node.publish("news", "b").await.unwrap();
    }
    let again = node.publish_this("news", keyed("k")).await.unwrap();
    assert!(!first.was_known && again.was_known);
    assert_eq!(again.position, first.position);
    assert!(!node.publish_this("news", keyed("l")).await.unwrap().was_known);
    assert!(!node.publish_this("other", keyed("k")).await.unwrap().was_known);
    let long = "k".repeat(256);
    assert_eq!(node.publish_this("news", keyed(&long)).await.unwrap_err(), BrokerError::LimitExceeded);
}
