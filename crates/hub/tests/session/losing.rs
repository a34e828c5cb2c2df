//! A broker that cannot bring publications any more says so, and their subscribers learn it.

use longwire_hub::centrifuge::Encoding;
use longwire_hub::{ChannelName, Data, PlainRequest, PublishCall, Transport, TransportKind};

use crate::connecting::{connect_with, with_tokens};
use crate::support::{World, config, finish};

const LOST: &str =
    r#"{"push":{"channel":"demo:tea","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#;

fn lose(world: &World) {
    let channel: ChannelName = "demo:tea".parse().unwrap();
    world.fanout.lost(&channel);
}

fn publish(world: &World, text: &'static str) {
    finish(world.hub.publish("demo:tea", PublishCall::new(Data::from_text(text)), world.now)).unwrap();
}

fn answer_all(world: &mut World, client: usize) {
    while world.waits(client) {
        world.answer(client);
    }
}

#[test]
fn the_subscribers_of_a_channel_are_unsubscribed_and_may_return() {
    let mut world = World::new(config());
    let clients = [world.subscribed("demo:tea"), world.subscribed("demo:tea")];
    let elsewhere = world.subscribed("demo:milk");
    let was_here = world.subscribed("demo:tea");
    world.ask(
        was_here,
        r#"{"id":3,"unsubscribe":{"channel":"demo:tea"}}"#,
        &[r#"{"id":3,"unsubscribe":{}}"#],
    );
    lose(&world);
    for client in clients {
        world.expect(client, &[LOST]);
    }
    world.expect(elsewhere, &[]);
    world.expect(was_here, &[]);
    assert_eq!(world.hub.counts().channels, 1);

    let back = r#"{"id":4,"subscribe":{"channel":"demo:tea"}}"#;
    world.ask(clients[0], back, &[r#"{"id":4,"subscribe":{}}"#]);
    publish(&world, "1");
    assert_eq!(world.heard(clients[0]).len(), 1);
    world.expect(clients[1], &[]);
}

/// Otherwise it would recover from there, and never learn what it has missed.
#[test]
fn who_has_lost_publications_gets_none_that_follow() {
    let mut world = World::new(config());
    let client = world.subscribed("demo:tea");
    let plain = world.open_as(Transport::new(TransportKind::Plain, Encoding::Json));
    let request = PlainRequest { channel: "demo:tea".into(), ..PlainRequest::default() };
    let now = world.now;
    world.call(plain, |session, link| session.open_plain(link, request, now));
    publish(&world, "1");
    lose(&world);
    publish(&world, "2");
    world.handle_some_mail(100);
    let heard = world.received(client);
    assert_eq!(heard.len(), 1, "{heard:?}");
    world.expect(client, &[LOST]);
    world.expect(plain, &["1"]);
    assert_eq!(world.end(plain), Some(3010));

    let back = r#"{"id":4,"subscribe":{"channel":"demo:tea"}}"#;
    world.ask(client, back, &[r#"{"id":4,"subscribe":{}}"#]);
    publish(&world, "3");
    assert!(world.heard(client)[0].contains(r#""pub":{"data":3"#));
}

#[test]
fn a_plain_client_and_one_that_the_server_subscribed_are_disconnected_with_3010() {
    let mut world = World::new(with_tokens());
    let plain = world.open_as(Transport::new(TransportKind::Plain, Encoding::Json));
    let request = PlainRequest {
        channel: "demo:tea".into(),
        token: crate::connecting::token(r#"{"sub":"42"}"#),
        ..PlainRequest::default()
    };
    let now = world.now;
    world.call(plain, |session, link| session.open_plain(link, request, now));
    let subscribed = connect_with(&mut world, r#"{"sub":"42","channels":["demo:tea"]}"#);
    world.heard(subscribed);
    assert_eq!((world.end(plain), world.end(subscribed)), (None, None));
    lose(&world);
    assert_eq!((world.end(plain), world.end(subscribed)), (Some(3010), Some(3010)));
    world.assert_forgotten();
}

/// The broker has begun the subscription, but the client does not know it yet.
#[test]
fn who_waits_for_its_reply_learns_it_after_that() {
    let mut world = World::later(config(), 7);
    let client = world.open();
    let frame = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"demo:tea\"}}";
    world.say(client, frame);
    world.act(client);
    lose(&world);
    world.heard(client);
    answer_all(&mut world, client);
    world.expect(client, &[&format!("{{\"id\":2,\"subscribe\":{{}}}}\n{LOST}")]);
}

/// What the broker begins after the loss misses nothing.
#[test]
fn who_has_only_asked_stays_subscribed() {
    let mut world = World::later(config(), 7);
    let client = world.open();
    let frame = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"demo:tea\"}}";
    world.say(client, frame);
    lose(&world);
    answer_all(&mut world, client);
    publish(&world, "1");
    let heard = world.heard(client).join("\n");
    assert!(heard.contains(r#""pub":{"data":1"#) && !heard.contains("2500"), "{heard}");
}

/// The broker holds a lock meanwhile.
#[test]
fn many_subscribers_learn_it_in_parts_and_get_nothing_that_follows() {
    let mut world = World::new(config());
    let clients: Vec<usize> = (0..600).map(|_| world.subscribed("demo:tea")).collect();
    lose(&world);
    assert_eq!(world.controls_waiting(), 256);
    publish(&world, "1");
    for client in clients {
        world.expect(client, &[LOST]);
    }
    assert_eq!(world.hub.counts().channels, 0);
}
