//! Numbers that stand for channels in pushes.

use longwire_hub::centrifuge::{ConnectRequest, Encoding, Request, SubscribeRequest};
use longwire_hub::{Data, PublishCall, Transport, TransportKind};

use crate::connecting::{connect_with, with_tokens};
use crate::encodings::frame;
use crate::support::{World, config, finish};

fn publish(world: &World, channel: &str, text: &'static str) {
    finish(world.hub.publish(channel, PublishCall::new(Data::from_text(text)), world.now)).unwrap();
}

fn subscribe(world: &mut World, client: usize, request: &str) -> Vec<String> {
    world.say(client, &format!(r#"{{"id":2,"subscribe":{{{request}}}}}"#));
    world
        .heard(client)
        .iter()
        .flat_map(|frame| frame.lines().map(ToString::to_string).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_client_that_asks_gets_a_number_and_pushes_with_it() {
    let mut world = World::new(config());
    let (ann, bob, cleo) = (world.connected(), world.connected(), world.connected());
    let asks = r#""channel":"demo:tea","join_leave":true,"flag":1"#;
    let join = |name: &str, by: &str| {
        format!(r#"{{"push":{{{by},"join":{{"info":{{"user":"","client":"{name}"}}}}}}}}"#)
    };
    let by_number = |name: &str| join(name, r#""id":1"#);
    let by_name = |name: &str| join(name, r#""channel":"demo:tea""#);
    assert_eq!(subscribe(&mut world, ann, asks), [r#"{"id":2,"subscribe":{"id":1}}"#, &by_number("C0")]);
    assert_eq!(subscribe(&mut world, bob, asks), [r#"{"id":2,"subscribe":{"id":1}}"#, &by_number("C1")]);
    let does_not = r#""channel":"demo:tea","join_leave":true,"flag":4"#;
    assert_eq!(subscribe(&mut world, cleo, does_not), [r#"{"id":2,"subscribe":{}}"#, &by_name("C2")]);
    world.expect(ann, &[&by_number("C1"), &by_number("C2")]);
    world.expect(bob, &[&by_number("C2")]);
    publish(&world, "demo:tea", "1");
    for client in [ann, bob] {
        world.expect(client, &[r#"{"push":{"id":1,"pub":{"data":1,"offset":1}}}"#]);
    }
    world.expect(cleo, &[r#"{"push":{"channel":"demo:tea","pub":{"data":1,"offset":1}}}"#]);
    // Other pushes have the name: clients look for it there.
    let filter = longwire_hub::ClientFilter { client: Some(world.id("C0").into()), ..Default::default() };
    finish(world.hub.unsubscribe(&filter, Some("demo:tea"))).unwrap();
    let end = r#"{"push":{"channel":"demo:tea","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}"#;
    world.expect(ann, &[end]);
}

#[test]
fn a_number_never_stands_for_another_channel() {
    let mut world = World::new(config());
    let client = world.connected();
    for (channel, number) in [("demo:a", 1), ("demo:b", 2)] {
        let heard = subscribe(&mut world, client, &format!(r#""channel":"{channel}","flag":1"#));
        assert_eq!(heard, [format!(r#"{{"id":2,"subscribe":{{"id":{number}}}}}"#)]);
    }
    world.say(client, r#"{"id":3,"unsubscribe":{"channel":"demo:a"}}"#);
    world.heard(client);
    for (channel, number) in [("demo:c", 3), ("demo:a", 4)] {
        let heard = subscribe(&mut world, client, &format!(r#""channel":"{channel}","flag":1"#));
        assert_eq!(heard, [format!(r#"{{"id":2,"subscribe":{{"id":{number}}}}}"#)]);
    }
}

#[test]
fn deltas_come_with_the_number_too() {
    let mut world = World::new(config());
    let client = world.connected();
    let asks = r#""channel":"demo:tea","delta":"fossil","flag":1"#;
    assert_eq!(subscribe(&mut world, client, asks), [r#"{"id":2,"subscribe":{"delta":true,"id":1}}"#]);
    publish(&world, "demo:tea", r#"{"text":"It rains in Bern, and it has rained for days"}"#);
    publish(&world, "demo:tea", r#"{"text":"It rains in Bonn, and it has rained for days"}"#);
    let heard = world.heard(client);
    assert!(heard.iter().all(|push| push.starts_with(r#"{"push":{"id":1,"pub":{"data":""#)), "{heard:?}");
    assert!(heard[1].ends_with(r#""delta":true}}}"#), "{heard:?}");
}

/// The JavaScript client finds its own subscriptions by numbers, and the server's by names alone.
#[test]
fn the_server_s_subscriptions_and_those_in_protobuf_have_none() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42","channels":["news"]}"#);
    world.heard(client);
    publish(&world, "news", "1");
    world.expect(client, &[r#"{"push":{"channel":"news","pub":{"data":1}}}"#]);

    let mut world = World::new(config());
    let client = world.open_as(Transport::new(TransportKind::WebSocket, Encoding::Protobuf));
    let request = SubscribeRequest { channel: "demo:tea".into(), flag: 1, ..SubscribeRequest::default() };
    world.send(client, &frame([Request::Connect(ConnectRequest::default()), Request::Subscribe(request)]));
    world.received(client);
    publish(&world, "demo:tea", "1");
    world.settle();
    let frames = world.received(client);
    assert!(frames[0].as_bytes().windows(8).any(|part| part == b"demo:tea"), "{frames:?}");
}
