//! Connections that are lost.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use longwire_hub::{BrokerError, Record, Store as _};
use longwire_hub_redis::RedisOptions;

use crate::recorder::{Event, Node, channel};
use crate::server::{PATIENCE, Server};

/// Options with short times.
fn quick(server: &Server) -> RedisOptions {
    let mut options = server.options();
    options.connect_timeout = Duration::from_millis(500);
    options.timeout = Duration::from_secs(1);
    options.silence = Duration::from_millis(400);
    options
}

fn is_interruption(event: &Event) -> bool {
    matches!(event, Event::Interrupted(_))
}

#[tokio::test]
async fn a_lost_connection_for_messages_is_an_interruption_until_all_is_listened_to_again() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &["a", "b", "not listened to"]).await;
    node.listen("a").await;
    node.listen("b").await;
    let _killed: i64 = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    node.recorder.until_restored("a").await;
    let both = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(node.recorder.events(), [Event::Interrupted(both.clone()), Event::Restored(both)]);
    for name in ["a", "b"] {
        node.published(name, "after").await;
        node.recorder.until_published(name, "after").await;
    }
    assert_eq!(node.store.figures().interruptions, 1);
}

#[tokio::test]
async fn many_channels_are_listened_to_again_before_the_interruption_is_over() {
    const COUNT: usize = 20_000;

    let server = Server::start(&[]);
    let names: Vec<String> = (0..COUNT).map(|number| format!("channel{number}")).collect();
    let watched: Vec<&str> = names.iter().map(String::as_str).collect();
    let node = Node::connect(server.options(), &watched).await;
    let listening: Vec<_> = names.iter().map(|name| node.store.listen(&channel(name))).collect();
    let listening: Vec<_> = listening.into_iter().map(tokio::spawn).collect();
    for call in listening {
        call.await.unwrap().unwrap();
    }
    let _killed: i64 = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    node.recorder.until_restored("channel0").await;
    let events = node.recorder.events();
    let counts = events.iter().map(|event| match event {
        Event::Interrupted(names) | Event::Restored(names) => names.len(),
        _ => 0,
    });
    assert!(counts.eq([COUNT, COUNT]), "{} events", events.len());
    let subscribed: Vec<String> = server.ask(&["PUBSUB", "CHANNELS", "longwire:events:*"]);
    assert_eq!(subscribed.len(), COUNT);
}

#[tokio::test]
async fn a_subscription_that_is_refused_for_a_while_is_asked_for_again() {
    let server = Server::start(&[]);
    let () = server.ask(&["ACL", "SETUSER", "hub", "on", ">secret", "~*", "&*", "+@all"]);
    let mut options = quick(&server);
    (options.user, options.password) = (Some("hub".to_owned()), Some("secret".to_owned()));
    let node = Node::connect(options, &["news", "other"]).await;
    node.listen("news").await;
    node.listen("other").await;
    // Redis ends the connections that have subscribed to what is forbidden now.
    let () = server.ask(&["ACL", "SETUSER", "hub", "resetchannels", "&longwire:nodes:*", "&*{other}"]);
    node.recorder.until_restored("other").await;
    server.ask_until(&["ACL", "LOG"], |log| log.contains("{news}")).await;
    let () = server.ask(&["ACL", "SETUSER", "hub", "allchannels"]);
    node.recorder.until_restored("news").await;
    node.published("news", "after").await;
    node.recorder.until_published("news", "after").await;
}

#[tokio::test]
async fn a_lost_connection_for_commands_is_made_again() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    node.published("news", "before").await;
    let _killed: i64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    // The first call may find the connection closing; a publication is not sent twice.
    if node.publish("news", "during").await.is_err() {
        node.published("news", "after").await;
    }
    node.contents("news").await;
}

#[tokio::test]
async fn a_server_that_is_silent_is_noticed_and_calls_end_in_time() {
    let server = Server::start(&[]);
    let node = Node::connect(quick(&server), &["news"]).await;
    node.listen("news").await;
    node.published("news", "before").await;
    server.signal("-STOP");
    let start = Instant::now();
    node.recorder.until(|events| events.iter().any(is_interruption)).await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(node.publish("news", "during").await, Err(BrokerError::Unavailable));
    assert_eq!(node.page("news").await.unwrap_err(), BrokerError::Unavailable);
    assert_eq!(node.store.listen(&channel("other")).await, Err(BrokerError::Unavailable));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    server.signal("-CONT");
    node.recorder.until_restored("news").await;
    node.published("news", "after").await;
    node.recorder.until_published("news", "after").await;
    // What could not be listened to is not listened to later.
    node.listen("third").await;
    let listeners: Vec<String> = server.ask(&["PUBSUB", "CHANNELS", "longwire:events:*"]);
    assert!(!listeners.iter().any(|name| name.contains("other")), "{listeners:?}");
}

#[tokio::test]
async fn calls_fail_at_once_while_a_server_is_known_to_be_gone() {
    let mut server = Server::start(&[]);
    let node = Node::connect(quick(&server), &[]).await;
    server.kill();
    // The first ones wait for it.
    assert_eq!(node.publish("news", "x").await, Err(BrokerError::Unavailable));
    let start = Instant::now();
    let mut last = Duration::MAX;
    while last > Duration::from_millis(300) {
        let before = Instant::now();
        assert_eq!(node.publish("news", "x").await, Err(BrokerError::Unavailable));
        last = before.elapsed();
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(node.store.figures().failed_calls >= 2);
    server.start_again();
    let start = Instant::now();
    while node.publish("news", "x").await.is_err() {
        assert!(start.elapsed() < PATIENCE);
    }
}

/// Redis holds messages for a slow node only up to a limit, and then ends the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_too_slow_is_told_that_it_has_missed_messages() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let hook = move |event: &Event| {
        if matches!(event, Event::Arrived(_, Record::Publication(_), Some(position)) if position.offset == 1)
        {
            let _released = may_go_on.lock().unwrap().recv_timeout(PATIENCE);
        }
    };
    let slow = Node::with_hook(server.options(), &["news"], Box::new(hook)).await;
    slow.listen("news").await;
    let node = Node::connect(server.options(), &[]).await;
    let text = "x".repeat(100_000);
    let mut published = 0;
    let subscribers = || {
        let counts: Vec<redis::Value> = server.ask(&["PUBSUB", "NUMSUB", "longwire:events:{news}"]);
        counts[1] == redis::Value::Int(1)
    };
    while subscribers() {
        node.published("news", &text).await;
        published += 1;
        assert!(published < 2_000, "Redis keeps everything");
    }
    go_on.send(()).unwrap();
    slow.recorder.until_restored("news").await;
    let arrived = slow.recorder.offsets("news");
    assert!(arrived.len() < published, "{} of {published}", arrived.len());
    assert!(arrived.iter().copied().eq(1..=u64::try_from(arrived.len()).unwrap()), "in order, without a gap");
}
