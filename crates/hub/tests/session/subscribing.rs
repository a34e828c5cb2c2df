//! The commands `subscribe` and `unsubscribe`.

use crate::connecting::{connect_with, in_seconds, token, with_tokens};
use crate::support::{World, config};

#[test]
fn a_subscriber_receives_what_is_published() {
    let mut world = World::new(config());
    let (ann, bob) = (world.subscribed("demo:tea"), world.connected());
    world.ask(ann, r#"{"id":3,"publish":{"channel":"demo:tea","data":{"text": "hi"}}}"#, &[
        r#"{"id":3,"publish":{}}"#,
        r#"{"push":{"channel":"demo:tea","pub":{"data":{"text": "hi"},"info":{"user":"","client":"C0"},"offset":1}}}"#,
    ]);
    world.expect(bob, &[]);
    world.ask(
        bob,
        r#"{"id":2,"subscribe":{"channel":"demo:tea","recoverable":true}}"#,
        &[r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":1,"positioned":true}}"#],
    );
}

#[test]
fn after_unsubscribe_nothing_comes() {
    let mut world = World::new(config());
    let (ann, bob) = (world.subscribed("demo:tea"), world.subscribed("demo:tea"));
    world.ask(ann, r#"{"id":3,"unsubscribe":{"channel":"demo:tea"}}"#, &[r#"{"id":3,"unsubscribe":{}}"#]);
    world.ask(ann, r#"{"id":4,"unsubscribe":{"channel":"demo:tea"}}"#, &[r#"{"id":4,"unsubscribe":{}}"#]);
    world.ask(
        bob,
        r#"{"id":3,"publish":{"channel":"demo:tea","data":1}}"#,
        &[
            r#"{"id":3,"publish":{}}"#,
            r#"{"push":{"channel":"demo:tea","pub":{"data":1,"info":{"user":"","client":"C1"},"offset":1}}}"#,
        ],
    );
    world.expect(ann, &[]);
    assert_eq!(world.hub.counts().unsubscribes, 1);
    // And it may subscribe again.
    world.ask(ann, r#"{"id":5,"subscribe":{"channel":"demo:tea"}}"#, &[r#"{"id":5,"subscribe":{}}"#]);
}

#[test]
fn what_is_on_its_way_when_a_client_unsubscribes_and_subscribes_again_is_not_delivered_twice() {
    let mut world = World::new(config());
    let (ann, bob) = (world.subscribed("demo:tea"), world.subscribed("demo:tea"));
    world.settle();
    world.say(bob, r#"{"id":3,"publish":{"channel":"demo:tea","data":1}}"#);
    // The event loop has not delivered it yet.
    let resubscribe = [
        r#"{"id":3,"unsubscribe":{"channel":"demo:tea"}}"#,
        r#"{"id":4,"subscribe":{"channel":"demo:tea"}}"#,
    ];
    world.ask(ann, &resubscribe.join("\n"), &["{\"id\":3,\"unsubscribe\":{}}\n{\"id\":4,\"subscribe\":{}}"]);
}

#[test]
fn a_channel_is_subscribed_once() {
    let mut world = World::new(config());
    let client = world.subscribed("demo:tea");
    world.ask(
        client,
        r#"{"id":3,"subscribe":{"channel":"demo:tea"}}"#,
        &[r#"{"id":3,"error":{"code":105,"message":"already subscribed"}}"#],
    );
}

#[test]
fn names_that_cannot_be_are_refused() {
    let mut world = World::new(config());
    let client = world.connected();
    let long = "a".repeat(256);
    for (name, code, message) in [
        ("none:tea", 102, "unknown channel"),
        ("demo:", 107, "bad request"),
        ("tea\\n", 107, "bad request"),
        ("t\u{e9}", 107, "bad request"),
        (long.as_str(), 106, "limit exceeded"),
    ] {
        let command = format!(r#"{{"id":2,"subscribe":{{"channel":"{name}"}}}}"#);
        let reply = format!(r#"{{"id":2,"error":{{"code":{code},"message":"{message}"}}}}"#);
        world.ask(client, &command, &[&reply]);
    }
    world.ask_for_end(client, r#"{"id":3,"subscribe":{"channel":""}}"#, 3501);
}

#[test]
fn a_client_has_no_more_subscriptions_than_allowed() {
    let mut config = config();
    config.limits.channels = 2;
    let mut world = World::new(config);
    let client = world.connected();
    let subscribe = |id, name| format!(r#"{{"id":{id},"subscribe":{{"channel":"demo:{name}"}}}}"#);
    world.ask(client, &subscribe(2, "a"), &[r#"{"id":2,"subscribe":{}}"#]);
    world.ask(client, &subscribe(3, "b"), &[r#"{"id":3,"subscribe":{}}"#]);
    world.ask(client, &subscribe(4, "c"), &[r#"{"id":4,"error":{"code":106,"message":"limit exceeded"}}"#]);
    world.ask(client, r#"{"id":5,"unsubscribe":{"channel":"demo:a"}}"#, &[r#"{"id":5,"unsubscribe":{}}"#]);
    world.ask(client, &subscribe(6, "c"), &[r#"{"id":6,"subscribe":{}}"#]);
}

#[test]
fn a_subscription_token_lets_a_client_in() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.heard(client);
    let subscribe = |world: &mut World, id: u32, claims: &str, reply: &str| {
        let token = token(claims);
        let command = format!(r#"{{"id":{id},"subscribe":{{"channel":"$news","token":"{token}"}}}}"#);
        world.ask(client, &command, &[reply]);
    };
    let denied = |id| format!(r#"{{"id":{id},"error":{{"code":103,"message":"permission denied"}}}}"#);
    world.ask(client, r#"{"id":1,"subscribe":{"channel":"$news"}}"#, &[&denied(1)]);
    subscribe(&mut world, 2, r#"{"sub":"42","channel":"other"}"#, &denied(2));
    subscribe(&mut world, 3, r#"{"sub":"43","channel":"$news"}"#, &denied(3));
    subscribe(&mut world, 4, r#"{"sub":"42","channel":"$news","client":"c7"}"#, &denied(4));
    let log = world.log();
    assert_eq!(
        log[0],
        "client C0, channel $news: the token's claim `channel` is wrong: it is other, not $news"
    );
    let expired = format!(r#"{{"sub":"42","channel":"$news","exp":{}}}"#, in_seconds(0));
    subscribe(&mut world, 5, &expired, r#"{"id":5,"error":{"code":109,"message":"token expired"}}"#);
    let good = format!(r#"{{"sub":"42","channel":"$news","exp":{},"data":{{"a":1}}}}"#, in_seconds(30));
    subscribe(&mut world, 6, &good, r#"{"id":6,"subscribe":{"expires":true,"ttl":30,"data":{"a":1}}}"#);
}

#[test]
fn members_see_each_other_join_and_leave_if_they_ask() {
    let mut world = World::new(config());
    let ann = world.connected();
    world.ask(
        ann,
        r#"{"id":2,"subscribe":{"channel":"demo:tea","join_leave":true}}"#,
        &["{\"id\":2,\"subscribe\":{}}\n{\"push\":{\"channel\":\"demo:tea\",\"join\":{\"info\":{\"user\":\"\",\"client\":\"C0\"}}}}"],
    );
    let bob = world.subscribed("demo:tea");
    world.expect(ann, &[r#"{"push":{"channel":"demo:tea","join":{"info":{"user":"","client":"C1"}}}}"#]);
    world.cut(bob);
    world.expect(ann, &[r#"{"push":{"channel":"demo:tea","leave":{"info":{"user":"","client":"C1"}}}}"#]);
    let eve = world.subscribed("demo:tea");
    world.heard(ann);
    world.say(eve, r#"{"id":3,"unsubscribe":{"channel":"demo:tea"}}"#);
    world.expect(ann, &[r#"{"push":{"channel":"demo:tea","leave":{"info":{"user":"","client":"C2"}}}}"#]);
}

#[test]
fn newer_kinds_of_subscriptions_are_declined() {
    let mut world = World::new(config());
    let client = world.connected();
    let declined = r#"{"id":2,"error":{"code":108,"message":"not available"}}"#;
    world.ask(client, r#"{"id":2,"subscribe":{"channel":"demo:tea","type":1}}"#, &[declined]);
    world.ask(client, r#"{"id":2,"subscribe":{"channel":"demo:tea","tf":{"key":"a"}}}"#, &[declined]);
    world.ask(
        client,
        r#"{"id":3,"track":{}}"#,
        &[r#"{"id":3,"error":{"code":104,"message":"method not found"}}"#],
    );
    world.ask_for_end(client, r#"{"id":4,"subscribe":{"channel":"demo:tea","delta":"xyz"}}"#, 3501);
}
