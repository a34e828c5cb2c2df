//! Messages between nodes.

use bytes::Bytes;
use longwire_hub::{Millis, Store as _};
use longwire_hub_redis::{Deployment, RedisOptions};

use crate::recorder::{Event, Node, channel, kept, new};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publications_of_two_nodes_arrive_at_both_in_the_order_of_their_offsets() {
    const EACH: u64 = 300;

    let server = Server::start(&[]);
    let mut options = server.options();
    options.connections = 3;
    let nodes = [Node::connect(options.clone(), &[]).await, Node::connect(options, &[]).await];
    for node in &nodes {
        node.listen("news").await;
    }
    let publishing = nodes.iter().flat_map(|node| {
        let one = move |_| {
            let future = node.store.publish(&channel("news"), new("x"), &kept(), Millis(1));
            tokio::spawn(future)
        };
        (0..EACH).map(one).collect::<Vec<_>>()
    });
    for call in publishing.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let all: Vec<u64> = (1..=2 * EACH).collect();
    for node in &nodes {
        node.recorder.until(|events| events.len() == all.len()).await;
        assert_eq!(node.recorder.offsets("news"), all);
    }
}

#[tokio::test]
async fn what_a_node_tells_all_nodes_arrives_once_at_each() {
    let server = Server::start(&[]);
    let nodes = [Node::connect(server.options(), &[]).await, Node::connect(server.options(), &[]).await];
    for text in ["one", "two"] {
        nodes[0].store.tell_nodes(Bytes::from(text)).await.unwrap();
    }
    for node in &nodes {
        let events = node.recorder.until(|events| events.len() >= 2).await;
        assert_eq!(events, ["one", "two"].map(|text| Event::Told(Bytes::from(text))));
    }
}

#[tokio::test]
async fn other_prefixes_are_other_hubs() {
    let server = Server::start(&[]);
    let mut options = server.options();
    let node = Node::connect(options.clone(), &[]).await;
    options.prefix = "other".to_owned();
    let other = Node::connect(options, &[]).await;
    node.listen("news").await;
    other.listen("news").await;
    other.store.tell_nodes(Bytes::from("hello")).await.unwrap();
    other.published("news", "theirs").await;
    other.recorder.until_published("news", "theirs").await;
    assert!(node.contents("news").await.is_empty());
    node.published("news", "ours").await;
    node.recorder.until_published("news", "ours").await;
    assert_eq!(node.recorder.events().len(), 1, "{:?}", node.recorder.events());
}

#[tokio::test]
async fn listening_twice_is_like_once_and_ends_with_one_stop() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    node.listen("news").await;
    node.listen("news").await;
    node.listen("other").await;
    node.published("news", "one").await;
    node.recorder.until_published("news", "one").await;
    node.store.stop_listening(&channel("news")).await.unwrap();
    let counts = |wanted: &'static str| move |answer: &str| answer.contains(wanted);
    server.ask_until(&["PUBSUB", "NUMSUB", "longwire:events:{news}"], counts("int(0)")).await;
    node.published("news", "two").await;
    node.published("other", "three").await;
    node.recorder.until_published("other", "three").await;
    assert_eq!(node.recorder.offsets("news"), [1]);
    // Ending and beginning at once leaves it listening.
    node.store.stop_listening(&channel("other")).await.unwrap();
    node.listen("other").await;
    node.published("other", "four").await;
    node.recorder.until_published("other", "four").await;
}

#[tokio::test]
async fn what_another_version_has_written_is_counted_and_skipped() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    node.listen("news").await;
    for garbage in ["", "2P1:e:", "1P1:e:\u{7f}", "1P"] {
        let _listeners: i64 = server.ask(&["PUBLISH", "longwire:events:{news}", garbage]);
    }
    let _listeners: i64 = server.ask(&["PUBLISH", "longwire:nodes:{all nodes}", "2hello"]);
    node.published("news", "x").await;
    node.recorder.until_published("news", "x").await;
    let _id: String = server.ask(&["XADD", "longwire:entries:{news}", "2-0", "2", "?"]);
    let _len: i64 = server.ask(&["RPUSH", "longwire:sizes:{news}", "1:99999999999999"]);
    let _set: i64 = server.ask(&["HSET", "longwire:position:{news}", "top", "2"]);
    assert_eq!(node.published("news", "y").await.offset, 3);
    let page = node.page("news").await.unwrap();
    let offsets: Vec<u64> = page.publications.iter().map(|publication| publication.offset).collect();
    assert_eq!(offsets, [1, 3]);
    node.recorder.until_published("news", "y").await;
    assert_eq!(node.store.figures().unknown_records, 6);
    assert_eq!(node.recorder.offsets("news"), [1, 3]);
}

#[tokio::test]
async fn the_channels_of_a_server_that_is_gone_are_the_only_ones_that_miss_it() {
    let mut servers = [Server::start(&[]), Server::start(&[]), Server::start(&[])];
    let urls = servers.iter().map(Server::url);
    let mut options = RedisOptions::new(Deployment::Servers(urls.clone().collect()));
    options.timeout = std::time::Duration::from_millis(800);
    let names: Vec<String> = (0..30).map(|number| format!("channel{number}")).collect();
    let watched: Vec<&str> = names.iter().map(String::as_str).collect();
    let node = Node::connect(options.clone(), &watched).await;
    // In another order.
    options.deployment = Deployment::Servers(urls.rev().collect());
    let other = Node::connect(options, &[]).await;
    for name in &names {
        node.listen(name).await;
        other.published(name, "before").await;
        node.recorder.until_published(name, "before").await;
    }
    let keys: Vec<i64> = servers.iter().map(|server| server.ask(&["DBSIZE"])).collect();
    assert!(keys.iter().all(|keys| *keys > 0), "{keys:?}");
    servers[0].kill();
    let is_interruption = |event: &Event| matches!(event, Event::Interrupted(_));
    let events = node.recorder.until(|events| events.iter().any(is_interruption)).await;
    let Some(Event::Interrupted(lost)) = events.into_iter().find(is_interruption) else { unreachable!() };
    assert!(!lost.is_empty() && lost.len() < names.len());
    for name in &names {
        let outcome = node.publish(name, "after").await;
        assert_eq!(outcome.is_err(), lost.contains(name), "{name}: {outcome:?}");
    }
    servers[0].start_again();
    node.recorder.until_restored(&lost[0]).await;
    node.published(&lost[0], "again").await;
    node.recorder.until_published(&lost[0], "again").await;
}
