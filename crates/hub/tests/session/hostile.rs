//! Clients that ask for too much. Each is answered within its bounds.

use longwire_hub::{Access, HubConfig, MemoryLimits, NamespaceOptions, Namespaces};

use crate::connecting::{connect_with, with_tokens};
use crate::support::{World, config};

fn without_rate() -> HubConfig {
    let mut options = NamespaceOptions::demo();
    options.publish_rate = None;
    options.publish = Access::ANONYMOUS;
    let mut config = config();
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
    config
}

#[test]
fn ten_thousand_subscriptions_end_at_128_and_then_at_the_limit_of_errors() {
    let mut world = World::new(config());
    let client = world.connected();
    let mut sent = 0;
    while world.end(client).is_none() {
        let frame: Vec<String> = (sent..sent + 100)
            .map(|number| format!(r#"{{"id":2,"subscribe":{{"channel":"demo:{number}"}}}}"#))
            .collect();
        world.say(client, &frame.join("\n"));
        assert!(world.hub.counts().channels <= 128);
        sent += 100;
        assert!(sent < 10_000);
    }
    assert_eq!(world.end(client), Some(3509));
    let heard = world.heard(client).join("\n");
    assert_eq!(heard.matches(r#""subscribe":{}"#).count(), 128);
    assert_eq!(heard.matches(r#""code":106"#).count(), 257);
    assert_eq!(world.hub.counts().channels, 0);
}

#[test]
fn more_commands_in_a_frame_than_allowed_are_a_bad_request() {
    let mut world = World::new(config());
    let client = world.connected();
    let ping = r#"{"id":2,"ping":{}}"#;
    world.say(client, &vec![ping; 1_024].join("\n"));
    assert_eq!(world.heard(client)[0].lines().count(), 1_024);
    world.say(client, &vec![ping; 1_025].join("\n"));
    assert_eq!(world.end(client), Some(3501));
}

#[test]
fn a_name_of_64_kib_is_refused_and_not_repeated() {
    let mut world = World::new(config());
    let client = world.connected();
    let name = "a".repeat(64 << 10);
    for command in ["subscribe", "presence", "history", "presence_stats"] {
        let command = format!(r#"{{"id":2,"{command}":{{"channel":"{name}"}}}}"#);
        world.ask(client, &command, &[r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#]);
    }
    let token =
        format!(r#"{{"id":2,"subscribe":{{"channel":"demo:tea","token":"{}"}}}}"#, "a".repeat(1 << 20));
    world.ask(client, &token, &[r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#]);
    assert!(world.log().iter().all(|line| line.len() < 300));
}

#[test]
fn a_storm_of_publications_is_kept_within_history() {
    let mut world = World::new(without_rate());
    let client = world.connected();
    for _ in 0..20 {
        let frame = vec![r#"{"id":2,"publish":{"channel":"demo:tea","data":"0123456789"}}"#; 1_000];
        world.say(client, &frame.join("\n"));
        assert_eq!(world.heard(client)[0].matches("\"publish\":{}").count(), 1_000);
    }
    world.say(client, r#"{"id":3,"subscribe":{"channel":"demo:tea"}}"#);
    world.heard(client);
    world.say(client, r#"{"id":3,"history":{"channel":"demo:tea","limit":-1}}"#);
    assert_eq!(world.heard(client)[0].matches(r#""data""#).count(), 100);
}

#[test]
fn deep_json_is_refused() {
    let mut world = World::new(without_rate());
    let client = world.connected();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    world.ask_for_end(
        client,
        &format!(r#"{{"id":2,"publish":{{"channel":"demo:tea","data":{deep}}}}}"#),
        3501,
    );
}

#[test]
fn what_the_broker_cannot_keep_is_error_106_and_3004_as_a_client_connects() {
    let mut limits = MemoryLimits::default();
    limits.channels = 1;
    let mut world = World::with_limits(with_tokens(), limits);
    let client = connect_with(&mut world, r#"{"sub":"42","channels":["demo:a"]}"#);
    assert_eq!(world.heard(client).len(), 1);
    let subscribe = r#"{"id":2,"subscribe":{"channel":"demo:b"}}"#;
    world.ask(client, subscribe, &[r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#]);
    let other = connect_with(&mut world, r#"{"sub":"42","channels":["demo:b"]}"#);
    assert_eq!(world.end(other), Some(3004));
    let counts = world.hub.counts();
    assert_eq!((counts.clients, counts.channels), (1, 1));
}

#[test]
fn a_subscription_that_presence_has_no_place_for_does_not_begin() {
    let mut limits = MemoryLimits::default();
    limits.presences = 1;
    let mut world = World::with_limits(config(), limits);
    let _first = world.subscribed("demo:tea");
    let second = world.connected();
    let subscribe = r#"{"id":2,"subscribe":{"channel":"demo:tea","join_leave":true}}"#;
    let error = r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#;
    world.ask(second, subscribe, &[error]);
    world.ask(second, subscribe, &[error]);
    let counts = world.hub.counts();
    assert_eq!((counts.subscribes - counts.unsubscribes, counts.channels), (1, 1));
}
