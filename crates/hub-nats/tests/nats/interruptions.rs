//! Servers that start again, and connections that are cut.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use longwire_hub::{BrokerError, ChannelName, Record, Store as _, StoreEvents, StreamPosition};
use longwire_hub_nats::{NatsOptions, NatsStorage, NatsStore};

use crate::heard::{Event, Heard, PATIENCE};
use crate::proxy::{Passage, Proxy};
use crate::server::NatsServer;
use crate::setup::{Node, member, name, now};

impl Node {
    async fn expect(&self, event: Event) {
        assert_eq!(self.heard.next().await, event);
    }

    /// The same, where something may still arrive before.
    async fn expect_at_last(&self, event: Event) {
        loop {
            match self.heard.next().await {
                Event::Arrived(..) => {}
                other => return assert_eq!(other, event),
            }
        }
    }
}

#[tokio::test]
async fn a_server_with_files_goes_on_where_it_was() {
    let mut server = NatsServer::start().await;
    let node = Node::of(&server).await;
    node.listen("news").await;
    node.publish("news", "a").await.unwrap();
    node.heard.next_text().await;
    let (_, before) = node.kept("news").await;

    // What was acknowledged is kept, also if the server is killed the next moment.
    node.publish("news", "b").await.unwrap();
    server.kill();
    node.expect_at_last(Event::Interrupted).await;
    assert_eq!(node.publish("news", "lost").await.unwrap_err(), BrokerError::Unavailable);
    assert_eq!(node.page("news", None).await.unwrap_err(), BrokerError::Unavailable);
    assert!(!node.store.figures().is_connected);
    server.start_again().await;
    node.expect(Event::Restored).await;

    assert_eq!(node.offset_of("news", "c").await, 3);
    assert_eq!(node.heard.next_text().await, ("c".to_owned(), 3));
    let missed = node.page("news", Some(before)).await.unwrap();
    assert_eq!(missed.publications.iter().map(|one| one.offset).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn a_server_with_memory_only_begins_new_streams() {
    let mut server = NatsServer::start().await;
    let mut options = NatsOptions::new(server.url());
    options.storage = NatsStorage::Memory;
    let node = Node::with(options).await;
    for text in ["a", "b", "c"] {
        node.publish("news", text).await.unwrap();
    }
    let (_, before) = node.kept("news").await;
    server.kill();
    node.expect(Event::Interrupted).await;
    server.start_again().await;
    node.expect(Event::Restored).await;
    assert_eq!(
        node.page("news", Some(before.clone())).await.unwrap_err(),
        BrokerError::UnrecoverablePosition
    );
    let position = node.publish("news", "d").await.unwrap().position.unwrap();
    assert_eq!(position.offset, 1);
    assert_ne!(position.epoch, before.epoch);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The machine crashes, and has not written the newest to its disk.
async fn crash(server: &mut NatsServer, written: &Path) {
    server.kill();
    std::fs::remove_dir_all(server.store()).unwrap();
    copy(written, &server.store());
    server.start_again().await;
}

#[tokio::test]
async fn a_stream_that_went_on_from_an_older_state_begins_anew() {
    let mut server = NatsServer::start().await;
    let proxy = Proxy::before(server.at).await;
    let (node, other) = (Node::with(NatsOptions::new(proxy.url())).await, Node::of(&server).await);
    other.publish("news", "a").await.unwrap();
    server.kill();
    let copied = tempfile::tempdir().unwrap();
    copy(&server.store(), copied.path());
    server.start_again().await;
    for node in [&node, &other] {
        node.expect(Event::Interrupted).await;
        node.expect(Event::Restored).await;
    }
    let lost = node.publish("news", "b").await.unwrap().position.unwrap();
    proxy.set(Passage::Cut);
    crash(&mut server, copied.path()).await;
    other.expect(Event::Interrupted).await;
    other.expect(Event::Restored).await;
    // This node cannot know that there was another publication with this offset.
    let again = other.publish("news", "another b").await.unwrap().position.unwrap();
    assert_eq!(again, lost);

    node.expect(Event::Interrupted).await;
    proxy.set(Passage::Open);
    node.expect(Event::Restored).await;
    assert_eq!(node.page("news", Some(lost)).await.unwrap_err(), BrokerError::UnrecoverablePosition);
    assert_eq!(other.offset_of("news", "c").await, 1);
}

#[tokio::test]
async fn a_stream_that_has_lost_what_was_acknowledged_begins_anew() {
    let mut server = NatsServer::start().await;
    let (node, other) = (Node::of(&server).await, Node::of(&server).await);
    let old = other.publish("news", "a").await.unwrap().position.unwrap();
    server.kill();
    let copied = tempfile::tempdir().unwrap();
    copy(&server.store(), copied.path());
    server.start_again().await;
    for node in [&node, &other] {
        node.expect(Event::Interrupted).await;
        node.expect(Event::Restored).await;
    }
    // Both have nothing to complain of.
    assert_eq!(other.kept("news").await.1, old);
    let lost = node.publish("news", "b").await.unwrap().position.unwrap();
    assert_eq!((lost.offset, &lost.epoch), (2, &old.epoch));

    crash(&mut server, copied.path()).await;
    for node in [&node, &other] {
        node.expect(Event::Interrupted).await;
        node.expect(Event::Restored).await;
    }
    for position in [lost, old.clone()] {
        assert_eq!(node.page("news", Some(position)).await.unwrap_err(), BrokerError::UnrecoverablePosition);
    }
    let next = other.publish("news", "c").await.unwrap().position.unwrap();
    assert_eq!(next.offset, 1);
    assert_ne!(next.epoch, old.epoch);
    assert_eq!(node.kept("news").await, (vec!["c".to_owned()], next));
}

#[tokio::test]
async fn a_stream_that_somebody_deletes_begins_anew_with_another_epoch() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    node.listen("news").await;
    let before = node.publish("news", "a").await.unwrap().position.unwrap();
    node.heard.next_text().await;
    let jetstream = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    jetstream.delete_stream("longwire-history-=none").await.unwrap();
    let after = node.publish("news", "b").await.unwrap().position.unwrap();
    assert_eq!(after.offset, 1);
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(node.heard.next_text().await, ("b".to_owned(), 1));
    assert_eq!(node.page("news", Some(before)).await.unwrap_err(), BrokerError::UnrecoverablePosition);
}

#[tokio::test]
async fn a_cut_connection_is_told_and_what_was_missed_can_be_read() {
    let server = NatsServer::start().await;
    let proxy = Proxy::before(server.at).await;
    let node = Node::with(NatsOptions::new(proxy.url())).await;
    let other = Node::of(&server).await;
    node.listen("news").await;
    other.publish("news", "a").await.unwrap();
    node.heard.next_text().await;
    let (_, before) = node.kept("news").await;

    proxy.set(Passage::Cut);
    node.expect(Event::Interrupted).await;
    for text in ["b", "c"] {
        other.publish("news", text).await.unwrap();
    }
    proxy.set(Passage::Open);
    node.expect(Event::Restored).await;
    let missed = node.page("news", Some(before)).await.unwrap();
    assert_eq!(missed.publications.iter().map(|one| one.offset).collect::<Vec<_>>(), [2, 3]);
    other.publish("news", "d").await.unwrap();
    assert_eq!(node.heard.next_text().await, ("d".to_owned(), 4));
    assert_eq!(node.store.figures().connections, 2);
}

#[tokio::test]
async fn a_dead_connection_is_noticed_in_time_and_calls_do_not_hang() {
    let server = NatsServer::start().await;
    let proxy = Proxy::before(server.at).await;
    let mut options = NatsOptions::new(proxy.url());
    options.call_timeout = Duration::from_secs(1);
    options.connect_timeout = Duration::from_secs(1);
    options.ping_interval = Duration::from_millis(500);
    let node = Node::with(options).await;
    node.listen("news").await;
    node.publish("news", "a").await.unwrap();
    node.heard.next_text().await;

    proxy.set(Passage::Stalled);
    let begin = Instant::now();
    let news = name("news");
    assert_eq!(node.publish("news", "b").await.unwrap_err(), BrokerError::Unavailable);
    assert_eq!(node.page("news", None).await.unwrap_err(), BrokerError::Unavailable);
    assert_eq!(node.store.listen(&name("b")).await, Err(BrokerError::Unavailable));
    assert_eq!(node.store.tell_nodes(Bytes::from("x")).await, Err(BrokerError::Unavailable));
    let added = node.store.add_presence(&news, member("c", "1", PATIENCE), true, now()).await;
    assert_eq!(added, Err(BrokerError::Unavailable));
    assert_eq!(node.store.presence_stats(&news, now()).await.unwrap_err(), BrokerError::Unavailable);
    node.expect_at_last(Event::Interrupted).await;
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());

    // What was on the way when the line was given up may come now.
    proxy.set(Passage::Open);
    node.expect_at_last(Event::Restored).await;
    let position = node.publish("news", "c").await.unwrap().position.unwrap();
    // Whether the one that failed is there is not known; what is heard agrees with what is kept.
    let (texts, newest) = node.kept("news").await;
    assert_eq!(newest, position);
    assert_eq!(texts.last().unwrap(), "c");
    assert_eq!(u64::try_from(texts.len()).unwrap(), position.offset);
}

#[tokio::test]
async fn a_call_succeeds_only_when_the_server_has_it() {
    let server = NatsServer::start().await;
    let proxy = Proxy::before(server.at).await;
    let mut options = NatsOptions::new(proxy.url());
    options.call_timeout = Duration::from_secs(1);
    let mut node = Node::with(options).await;
    node.history = node.history.without_history();
    proxy.set(Passage::Stalled);
    assert_eq!(node.store.listen(&name("news")).await, Err(BrokerError::Unavailable));
    assert_eq!(node.publish("news", "a").await.unwrap_err(), BrokerError::Unavailable);
    assert_eq!(node.store.tell_nodes(Bytes::from("x")).await, Err(BrokerError::Unavailable));
    assert!(node.store.figures().is_connected);

    // What failed may happen later.
    proxy.set(Passage::Open);
    node.listen("news").await;
    let events = [node.heard.next().await, node.heard.next().await];
    assert!(events.contains(&Event::Told(Bytes::from("x"))), "{events:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Arrived(..))), "{events:?}");
}

/// A node that does not get on.
#[derive(Debug, Default)]
struct Stuck {
    heard: Heard,
    gate: Mutex<()>,
}

impl StoreEvents for Stuck {
    fn arrived(&self, channel: &ChannelName, record: Record, position: Option<StreamPosition>) {
        drop(self.gate.lock().unwrap());
        self.heard.arrived(channel, record, position);
    }

    fn told(&self, message: Bytes) {
        self.heard.told(message);
    }

    fn interrupted(&self, channels: &dyn Fn(&ChannelName) -> bool) {
        self.heard.interrupted(channels);
    }

    fn restored(&self, channels: &dyn Fn(&ChannelName) -> bool) {
        self.heard.restored(channels);
    }
}

#[test]
fn messages_that_are_dropped_are_an_interruption() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stuck = Arc::new(Stuck::default());
    let gate = stuck.gate.lock().unwrap();
    let (server, store) = runtime.block_on(async {
        let server = NatsServer::start().await;
        let store = NatsStore::connect(NatsOptions::new(server.url()), stuck.clone()).await.unwrap();
        store.listen(&name("news")).await.unwrap();
        let client = async_nats::connect(server.url()).await.unwrap();
        let record = Record::Join(member("c", "1", PATIENCE).info).encode();
        let message = [&[0x4a, u8::try_from(record.len()).unwrap()], &record[..]].concat();
        // More than may wait for a listener.
        for _ in 0..5_000 {
            client.publish("longwire.events.=none.news", message.clone().into()).await.unwrap();
        }
        client.flush().await.unwrap();
        assert_eq!(stuck.heard.next().await, Event::Interrupted);
        assert_eq!(stuck.heard.next().await, Event::Restored);
        (server, store)
    });
    drop(gate);
    runtime.block_on(async move { drop((store, server)) });
}

#[tokio::test]
async fn calls_that_are_dropped_change_nothing_for_later_ones() {
    let server = NatsServer::start().await;
    let node = Node::of(&server).await;
    node.publish("news", "a").await.unwrap();
    for number in 0..20 {
        let text = format!("dropped {number}");
        // It is polled once or twice, and then forgotten.
        let call = node.publish("news", &text);
        let _dropped_or_done = tokio::time::timeout(Duration::from_micros(number * 20), call).await;
    }
    let position = node.publish("news", "b").await.unwrap().position.unwrap();
    let (texts, newest) = node.kept("news").await;
    assert_eq!(newest, position);
    assert_eq!(texts.last().unwrap(), "b");
}
