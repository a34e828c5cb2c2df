//! Subscriptions that the server makes.

use std::time::Duration;

use longwire_hub::centrifuge::Encoding;
use longwire_hub::{
    ClientFilter, Data, PublishCall, ServerSubscription, StreamPosition, Transport, TransportKind,
};

use crate::connecting::{connect_with, token, with_tokens};
use crate::support::{World, finish};

fn publish(world: &World, channel: &str, text: &'static str) {
    let _ = world.hub.publish(channel, PublishCall::new(Data::from_text(text)), world.now);
}

fn of_client(world: &World, name: &str) -> ClientFilter {
    ClientFilter { client: Some(world.id(name).into()), ..ClientFilter::default() }
}

#[test]
fn a_token_subscribes_its_client() {
    let mut world = World::new(with_tokens());
    let client =
        connect_with(&mut world, r#"{"sub":"42","channels":["news"],"subs":{"demo:tea":{"data":{"a":1}}}}"#);
    world.expect(client, &[
        r#"{"id":1,"connect":{"client":"C0","version":"test","subs":{"demo:tea":{"recoverable":true,"epoch":"EPOCH","positioned":true,"data":{"a":1}},"news":{}}}}"#,
    ]);
    publish(&world, "news", "1");
    publish(&world, "demo:tea", "2");
    world.expect(
        client,
        &[
            r#"{"push":{"channel":"news","pub":{"data":1}}}"#,
            r#"{"push":{"channel":"demo:tea","pub":{"data":2,"offset":1}}}"#,
        ],
    );
}

#[test]
fn a_returning_client_recovers_them_as_it_connects() {
    let mut world = World::new(with_tokens());
    let first = connect_with(&mut world, r#"{"sub":"42","channels":["demo:tea"]}"#);
    world.heard(first);
    world.cut(first);
    publish(&world, "demo:tea", "1");
    let client = world.open();
    let token = token(r#"{"sub":"42","channels":["demo:tea"]}"#);
    let epoch = world.id("EPOCH");
    world.say(
        client,
        &format!(
            r#"{{"id":1,"connect":{{"token":"{token}","subs":{{"demo:tea":{{"recover":true,"offset":0,"epoch":"{epoch}"}},"other":{{"recover":true}}}}}}}}"#
        ),
    );
    world.expect(client, &[
        r#"{"id":1,"connect":{"client":"C1","version":"test","subs":{"demo:tea":{"recoverable":true,"epoch":"EPOCH","publications":[{"data":1,"offset":1}],"recovered":true,"positioned":true,"was_recovering":true}}}}"#,
    ]);
}

#[test]
fn more_than_a_client_may_have_is_3505_and_an_unknown_one_is_102() {
    let mut config = with_tokens();
    config.limits.channels = 2;
    let mut world = World::new(config);
    let client = connect_with(&mut world, r#"{"sub":"42","channels":["a","b","c"]}"#);
    assert_eq!(world.end(client), Some(3505));
    let client = connect_with(&mut world, r#"{"sub":"42","channels":["none:a"]}"#);
    world.expect(client, &[r#"{"id":1,"error":{"code":102,"message":"unknown channel"}}"#]);
    assert_eq!(world.hub.counts().clients, 0);
}

#[test]
fn the_back_end_subscribes_and_unsubscribes() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.heard(client);
    publish(&world, "demo:tea", "1");
    let mut subscription = ServerSubscription::new("demo:tea".parse().unwrap());
    subscription.since = Some(StreamPosition { offset: 0, epoch: "".into() });
    let filter = ClientFilter { user: "42".into(), ..ClientFilter::default() };
    finish(world.hub.subscribe(&filter, &subscription)).unwrap();
    world.expect(client, &["{\"push\":{\"channel\":\"demo:tea\",\"subscribe\":{\"recoverable\":true,\"epoch\":\"EPOCH\",\"positioned\":true}}}\n{\"push\":{\"channel\":\"demo:tea\",\"pub\":{\"data\":1,\"offset\":1}}}"]);
    // A second time changes nothing.
    finish(world.hub.subscribe(&filter, &subscription)).unwrap();
    world.expect(client, &[]);
    finish(world.hub.unsubscribe(&of_client(&world, "C0"), Some("demo:tea"))).unwrap();
    world.expect(
        client,
        &[r#"{"push":{"channel":"demo:tea","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}"#],
    );
    publish(&world, "demo:tea", "2");
    world.expect(client, &[]);
    finish(world.hub.subscribe(&filter, &ServerSubscription::new("a".parse().unwrap()))).unwrap();
    finish(world.hub.subscribe(&filter, &ServerSubscription::new("b".parse().unwrap()))).unwrap();
    world.heard(client);
    finish(world.hub.unsubscribe(&filter, None)).unwrap();
    assert_eq!(world.heard(client)[0].matches("2000").count(), 2);
    assert_eq!(world.hub.counts().channels, 0);
}

#[test]
fn one_that_expires_disconnects_with_3006() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    let mut subscription = ServerSubscription::new("demo:tea".parse().unwrap());
    subscription.expires_at = Some(world.now + Duration::from_secs(10));
    finish(world.hub.subscribe(&of_client(&world, "C0"), &subscription)).unwrap();
    world.heard(client);
    world.pass(Duration::from_secs(9));
    assert_eq!(world.end(client), None);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.end(client), Some(3006));
}

#[test]
fn the_back_end_refreshes_and_sends_messages() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.heard(client);
    let filter = of_client(&world, "C0");
    finish(world.hub.refresh(&filter, false, Some(world.now + Duration::from_secs(9)), None)).unwrap();
    world.expect(client, &[r#"{"push":{"refresh":{"expires":true,"ttl":9}}}"#]);
    finish(world.hub.send(&filter, Data::from_text("hello"))).unwrap();
    world.expect(client, &[r#"{"push":{"message":{"data":"hello"}}}"#]);
    finish(world.hub.refresh(&filter, true, None, None)).unwrap();
    assert_eq!(world.end(client), Some(3005));
}

#[test]
fn a_one_way_client_receives_bare_pushes() {
    let mut world = World::new(with_tokens());
    let client = world.open_as(Transport::new(TransportKind::UniWebSocket, Encoding::Json));
    let request = longwire_hub::centrifuge::ConnectRequest {
        token: token(r#"{"sub":"42","channels":["news"]}"#),
        ..Default::default()
    };
    let now = world.now;
    world.call(client, |session, link| session.connect(link, request, now));
    world.expect(client, &[r#"{"connect":{"client":"C0","version":"test","subs":{"news":{}}}}"#]);
    publish(&world, "news", "1");
    world.expect(client, &[r#"{"channel":"news","pub":{"data":1}}"#]);
    world.ask_for_end(client, r#"{"id":2,"ping":{}}"#, 3501);

    let expired = world.open_as(Transport::new(TransportKind::UniSse, Encoding::Json));
    let request = longwire_hub::centrifuge::ConnectRequest {
        token: token(r#"{"sub":"42","exp":1}"#),
        ..Default::default()
    };
    world.call(expired, |session, link| session.connect(link, request, now));
    world
        .expect(expired, &[r#"{"disconnect":{"code":3005,"reason":"connection expired","reconnect":true}}"#]);
    assert_eq!(world.end(expired), Some(3005));
}
