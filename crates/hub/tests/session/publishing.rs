//! The commands `publish`, `rpc` and `send`.

use std::time::Duration;

use longwire_hub::{Access, Data, Frame, NamespaceOptions, Namespaces, PublishCall};

use crate::support::{World, config};

#[test]
fn every_subscriber_receives_every_publication_in_order() {
    let mut world = World::new(config());
    let clients: Vec<usize> = (0..3).map(|_| world.subscribed("demo:tea")).collect();
    for number in 1..=9 {
        let command = format!(r#"{{"id":3,"publish":{{"channel":"demo:tea","data":{number}}}}}"#);
        let publisher = clients[number % 3];
        world.say(publisher, &command);
    }
    for client in clients {
        let heard = world.heard(client);
        let pushes: Vec<&String> = heard.iter().filter(|frame| frame.contains("push")).collect();
        for (push, number) in pushes.iter().zip(1..) {
            assert!(push.contains(&format!(r#""data":{number},"#)), "{push}");
            assert!(push.contains(&format!(r#""offset":{number}}}"#)), "{push}");
        }
        assert_eq!(pushes.len(), 9);
    }
}

#[test]
fn who_may_not_publish_gets_error_103() {
    let mut world = World::new(config());
    let client = world.connected();
    let denied = |id| format!(r#"{{"id":{id},"error":{{"code":103,"message":"permission denied"}}}}"#);
    world.ask(client, r#"{"id":2,"publish":{"channel":"news","data":1}}"#, &[&denied(2)]);
    // In the demo, subscribers may.
    world.ask(client, r#"{"id":3,"publish":{"channel":"demo:tea","data":1}}"#, &[&denied(3)]);
    world.ask(
        client,
        r#"{"id":4,"publish":{"channel":"none:tea","data":1}}"#,
        &[r#"{"id":4,"error":{"code":102,"message":"unknown channel"}}"#],
    );
}

#[test]
fn publishing_is_limited_by_rate_and_size() {
    let mut config = config();
    config.limits.publication = 20;
    let mut world = World::new(config);
    let client = world.subscribed("demo:tea");
    let publish = r#"{"id":3,"publish":{"channel":"demo:tea","data":1}}"#;
    for _ in 0..20 {
        world.say(client, publish);
    }
    assert!(world.heard(client).iter().all(|frame| !frame.contains("error")));
    world.ask(
        client,
        publish,
        &[r#"{"id":3,"error":{"code":111,"message":"too many requests","temporary":true}}"#],
    );
    world.pass(Duration::from_secs(1));
    world.say(client, publish);
    assert_eq!(world.heard(client)[0], r#"{"id":3,"publish":{}}"#);
    let long = format!(r#"{{"id":4,"publish":{{"channel":"demo:tea","data":"{}"}}}}"#, "a".repeat(19));
    world.ask(client, &long, &[r#"{"id":4,"error":{"code":106,"message":"limit exceeded"}}"#]);
}

#[test]
fn a_publication_without_channel_or_data_is_a_bad_request() {
    let mut world = World::new(config());
    for command in [r#"{"id":3,"publish":{"channel":"demo:tea"}}"#, r#"{"id":3,"publish":{"data":1}}"#] {
        let client = world.subscribed("demo:tea");
        world.ask_for_end(client, command, 3501);
    }
}

#[test]
fn without_a_back_end_rpc_is_not_available_and_send_disconnects() {
    let mut world = World::new(config());
    let client = world.connected();
    world.ask(
        client,
        r#"{"id":2,"rpc":{"method":"year","data":{}}}"#,
        &[r#"{"id":2,"error":{"code":108,"message":"not available"}}"#],
    );
    world.ask_for_end(client, r#"{"send":{"data":1}}"#, 3508);
}

#[test]
fn publications_have_the_publishers_information() {
    let mut world = World::new(crate::connecting::with_tokens());
    let client = crate::connecting::connect_with(&mut world, r#"{"sub":"42","info":{"name":"Ann"}}"#);
    world.ask(
        client,
        r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#,
        &[r#"{"id":1,"connect":{"client":"C0","version":"test"}}"#, r#"{"id":2,"subscribe":{}}"#],
    );
    world.ask(client, r#"{"id":3,"publish":{"channel":"demo:tea","data":1}}"#, &[
        r#"{"id":3,"publish":{}}"#,
        r#"{"push":{"channel":"demo:tea","pub":{"data":1,"info":{"user":"42","client":"C0","conn_info":{"name":"Ann"}},"offset":1}}}"#,
    ]);
}

#[test]
fn a_channel_without_history_has_no_offsets() {
    let mut config = config();
    let mut options = NamespaceOptions::default();
    options.subscribe = Access::ANONYMOUS;
    options.publish = Access::ANONYMOUS;
    config.namespaces = Namespaces::new(options);
    let mut world = World::new(config);
    let client = world.connected();
    world.ask(
        client,
        "{\"id\":2,\"subscribe\":{\"channel\":\"a\",\"recover\":true,\"positioned\":true,\"recoverable\":true}}\n{\"id\":3,\"publish\":{\"channel\":\"a\",\"data\":[1,\n 2]}}",
        &[
            "{\"id\":2,\"subscribe\":{\"was_recovering\":true}}\n{\"id\":3,\"publish\":{}}",
            r#"{"push":{"channel":"a","pub":{"data":[1, 2],"info":{"user":"","client":"C0"}}}}"#,
        ],
    );
    assert_eq!(world.received(client), [] as [Frame; 0]);
}

#[test]
fn publications_have_their_time_live_and_in_history() {
    let mut world = World::new(config());
    let client = world.subscribed("demo:tea");
    let published = world.now;
    let _ = world.hub.publish("demo:tea", PublishCall::new(Data::from_text("1")), published);
    world.pass(Duration::from_secs(5));
    world.say(client, r#"{"id":3,"history":{"channel":"demo:tea","limit":1}}"#);
    world.settle();
    let frames = world.received(client);
    let time = format!(r#""time":{}}}"#, published.0);
    let texts: Vec<_> = frames.iter().map(|frame| String::from_utf8_lossy(frame.as_bytes())).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts.iter().all(|text| text.contains(&time)), "{texts:?}");
}
