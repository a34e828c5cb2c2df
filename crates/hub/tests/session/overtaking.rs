//! What happens in a channel between a subscription's beginning at the broker and the reply: the client learns of it after the
//! reply.

use std::num::NonZeroU32;
use std::time::Duration;

use longwire_hub::centrifuge::Encoding;
use longwire_hub::{
    ClientFilter, Data, HubConfig, NamespaceOptions, Namespaces, PlainRequest, PublishCall,
    ServerSubscription, SlowPolicy, Transport, TransportKind,
};

use crate::connecting::{token, with_tokens};
use crate::support::{World, config, finish};

fn publish(world: &World, channel: &str, text: &str) {
    let call = PublishCall::new(Data::from_text(text.to_owned()));
    finish(world.hub.publish(channel, call, world.now)).unwrap();
}

/// A client that has connected and now waits for the answer to this command.
fn waiting(world: &mut World, command: &str) -> usize {
    let client = world.connected();
    world.say(client, command);
    assert!(world.waits(client));
    client
}

fn answer_all(world: &mut World, client: usize) {
    while world.waits(client) {
        world.answer(client);
    }
}

#[test]
fn publications_and_joins_come_after_the_reply() {
    let mut world = World::later(config(), 7);
    let ann = waiting(&mut world, r#"{"id":2,"subscribe":{"channel":"demo:tea","join_leave":true}}"#);
    publish(&world, "demo:tea", "0");
    world.act(ann);
    publish(&world, "demo:tea", "1");
    let bob = waiting(&mut world, r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#);
    answer_all(&mut world, bob);
    publish(&world, "demo:tea", "2");
    world.expect(ann, &[]);
    world.answer(ann);
    // Now it waits for presence.
    world.act(ann);
    publish(&world, "demo:tea", "3");
    world.expect(ann, &[]);
    world.answer(ann);
    let push = |text: &str| format!(r#"{{"push":{{"channel":"demo:tea",{text}}}}}"#);
    let member =
        |name: &str, user: &str| push(&format!(r#""join":{{"info":{{"user":"{user}","client":"{name}"}}}}"#));
    let publication = |number: u8| push(&format!(r#""pub":{{"data":{number},"offset":{}}}"#, number + 1));
    let frame = [
        r#"{"id":2,"subscribe":{}}"#.to_owned(),
        publication(1),
        member("C1", ""),
        publication(2),
        member("C0", ""),
        publication(3),
    ];
    world.expect(ann, &[&frame.join("\n")]);
    publish(&world, "demo:tea", "4");
    world.expect(ann, &[&publication(4)]);
}

#[test]
fn what_is_recovered_comes_first() {
    let mut world = World::later(config(), 7);
    publish(&world, "demo:tea", "1");
    let ann = waiting(
        &mut world,
        r#"{"id":2,"subscribe":{"channel":"demo:tea","recover":true,"recoverable":true}}"#,
    );
    publish(&world, "demo:tea", "2");
    world.act(ann);
    publish(&world, "demo:tea", "3");
    world.settle();
    answer_all(&mut world, ann);
    let heard = world.heard(ann).join("\n");
    let offsets: Vec<&str> =
        heard.split("\"offset\":").skip(1).map(|rest| rest.split(['}', ',']).next().unwrap()).collect();
    assert_eq!(offsets, ["1", "2", "3"], "{heard}");
}

#[test]
fn the_server_s_subscriptions_wait_for_the_reply_to_connect() {
    let mut world = World::later(with_tokens(), 7);
    let client = world.open();
    let token = token(r#"{"sub":"42","channels":["demo:a","demo:b"]}"#);
    world.say(client, &format!(r#"{{"id":1,"connect":{{"token":"{token}"}}}}"#));
    world.answer(client);
    world.answer(client);
    publish(&world, "demo:a", "1");
    world.expect(client, &[]);
    answer_all(&mut world, client);
    let heard = world.heard(client);
    let lines: Vec<&str> = heard.iter().flat_map(|frame| frame.lines()).collect();
    assert!(lines[0].starts_with(r#"{"id":1,"connect":"#), "{lines:?}");
    assert_eq!(lines[1..], [r#"{"push":{"channel":"demo:a","pub":{"data":1,"offset":1}}}"#]);
    publish(&world, "demo:b", "2");
    world.expect(client, &[r#"{"push":{"channel":"demo:b","pub":{"data":2,"offset":1}}}"#]);

    let filter = ClientFilter { user: "42".into(), ..ClientFilter::default() };
    finish(world.hub.subscribe(&filter, &ServerSubscription::new("demo:c".parse().unwrap()))).unwrap();
    world.settle();
    world.act(client);
    publish(&world, "demo:c", "3");
    world.expect(client, &[]);
    answer_all(&mut world, client);
    let heard = world.heard(client);
    let push = r#"{"push":{"channel":"demo:c","pub":{"data":3,"offset":1}}}"#;
    assert!(
        heard[0].starts_with(r#"{"push":{"channel":"demo:c","subscribe":{"#) && heard[0].ends_with(push),
        "{heard:?}"
    );
}

#[test]
fn a_plain_client_gets_the_past_first() {
    let mut world = World::later(config(), 7);
    publish(&world, "demo:tea", "1");
    let client = world.open_as(Transport::new(TransportKind::Plain, Encoding::Json));
    let request = PlainRequest { channel: "demo:tea".into(), history: 10, ..PlainRequest::default() };
    let now = world.now;
    world.call(client, |session, link| session.open_plain(link, request, now));
    world.act(client);
    publish(&world, "demo:tea", "2");
    world.expect(client, &[]);
    answer_all(&mut world, client);
    publish(&world, "demo:tea", "3");
    world.expect(client, &["1", "2", "3"]);
}

/// A namespace whose subscribers are treated like this when they are slow, with little room for what waits.
fn with_little_room(slow: SlowPolicy) -> HubConfig {
    let mut config = with_tokens();
    let mut options = NamespaceOptions::demo();
    options.slow = slow;
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
    config.anonymous = true;
    config.limits.held = 1_000;
    config
}

#[test]
fn what_does_not_fit_is_insufficient_state() {
    let mut world = World::later(with_little_room(SlowPolicy::Disconnect), 7);
    let ann = waiting(&mut world, r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#);
    world.act(ann);
    for _ in 0..100 {
        publish(&world, "demo:tea", "1");
    }
    answer_all(&mut world, ann);
    let end = r#"{"push":{"channel":"demo:tea","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#;
    world.expect(ann, &[&format!("{{\"id\":2,\"subscribe\":{{}}}}\n{end}")]);
    let counts = world.hub.counts();
    assert_eq!((counts.channels, counts.subscribes), (0, counts.unsubscribes));
    // It may come again at once.
    world.say(ann, r#"{"id":3,"subscribe":{"channel":"demo:tea"}}"#);
    answer_all(&mut world, ann);
    publish(&world, "demo:tea", "2");
    let heard = world.heard(ann);
    assert_eq!(heard[0], r#"{"id":3,"subscribe":{}}"#);
    assert!(heard[1].contains(r#""pub":{"data":2"#), "{heard:?}");

    // A subscription of the server's cannot be asked for again: the client returns.
    let bob = world.open();
    let token = token(r#"{"sub":"42","channels":["demo:tea"]}"#);
    world.say(bob, &format!(r#"{{"id":1,"connect":{{"token":"{token}"}}}}"#));
    world.act(bob);
    for _ in 0..100 {
        publish(&world, "demo:tea", "1");
    }
    answer_all(&mut world, bob);
    assert_eq!(world.end(bob), Some(3010));
}

#[test]
fn where_old_publications_may_be_dropped_the_newest_stay() {
    for (slow, expected) in [
        (SlowPolicy::Latest, vec!["100"]),
        (SlowPolicy::DropOldest(NonZeroU32::new(3).unwrap()), vec!["98", "99", "100"]),
    ] {
        let mut world = World::later(with_little_room(slow), 7);
        let ann = waiting(&mut world, r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#);
        world.act(ann);
        for number in 1..=100 {
            publish(&world, "demo:tea", &number.to_string());
        }
        answer_all(&mut world, ann);
        let heard = world.heard(ann).join("\n");
        let seen: Vec<&str> =
            heard.split("\"data\":").skip(1).map(|rest| rest.split(',').next().unwrap()).collect();
        assert_eq!(seen, expected, "{heard}");
    }
}

#[test]
fn a_subscription_that_expires_before_its_reply_ends_after_it() {
    let mut config = with_tokens();
    config.anonymous = true;
    let mut world = World::later(config, 7);
    let soon = (world.now.0 / 1_000) + 1;
    let token = token(&format!(r#"{{"sub":"","channel":"demo:tea","exp":{soon}}}"#));
    let command = format!(r#"{{"id":2,"subscribe":{{"channel":"demo:tea","token":"{token}"}}}}"#);
    let ann = waiting(&mut world, &command);
    world.answer(ann);
    world.pass(Duration::from_secs(60));
    world.expect(ann, &[]);
    answer_all(&mut world, ann);
    world.pass(Duration::from_secs(1));
    let heard = world.heard(ann).join("\n");
    let lines: Vec<&str> = heard.lines().collect();
    assert!(lines[0].starts_with(r#"{"id":2,"subscribe":"#), "{heard}");
    assert!(lines[1].contains(r#""unsubscribe":{"code":2501"#), "{heard}");
    assert_eq!(world.hub.counts().channels, 0);
}

#[test]
fn who_goes_before_the_reply_leaves_nothing_behind() {
    for acts in [false, true] {
        let mut world = World::later(config(), 7);
        let ann = waiting(&mut world, r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#);
        if acts {
            world.act(ann);
            publish(&world, "demo:tea", "1");
        }
        world.cut(ann);
        publish(&world, "demo:tea", "2");
        assert_eq!(world.hub.counts().channels, 0);
        world.assert_forgotten();
    }
}
