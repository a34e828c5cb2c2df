//! The plain face: `/channel/{name}`.

use std::time::Duration;

use longwire_hub::centrifuge::Encoding;
use longwire_hub::{
    Data, Frame, NamespaceOptions, Namespaces, PlainRequest, PublishCall, RecoveryPolicy, SlowPolicy,
    Transport, TransportKind,
};

use crate::connecting::{in_seconds, token, with_tokens};
use crate::support::{World, config, finish};

fn open(world: &mut World, channel: &str, history: usize, token: &str) -> usize {
    let client = world.open_as(Transport::new(TransportKind::Plain, Encoding::Json));
    let request = PlainRequest { channel: channel.into(), token: token.into(), history };
    let now = world.now;
    world.call(client, |session, link| session.open_plain(link, request, now));
    client
}

#[test]
fn text_in_is_a_publication_and_publications_come_out_as_they_were_sent() {
    let mut world = World::new(config());
    let (ann, bob) = (open(&mut world, "demo:tea", 0, ""), open(&mut world, "demo:tea", 0, ""));
    let centrifuge = world.subscribed("demo:tea");
    world.say(ann, "hello");
    world.say(ann, "{\"a\":\n1}");
    world.send(ann, &Frame::Binary(vec![0, 255].into()));
    for client in [ann, bob] {
        world.settle();
        let frames = [Frame::from("hello"), Frame::from("{\"a\":\n1}"), Frame::Binary(vec![0, 255].into())];
        assert_eq!(world.received(client), frames);
    }
    let info = r#""info":{"user":"","client":"C0"}"#;
    world.expect(
        centrifuge,
        &[
            &format!(r#"{{"push":{{"channel":"demo:tea","pub":{{"data":"hello",{info},"offset":1}}}}}}"#),
            &format!(r#"{{"push":{{"channel":"demo:tea","pub":{{"data":{{"a":1}},{info},"offset":2}}}}}}"#),
            &format!(r#"{{"push":{{"channel":"demo:tea","pub":{{"data":"AP8=",{info},"offset":3}}}}}}"#),
        ],
    );
    world.say(centrifuge, r#"{"id":3,"publish":{"channel":"demo:tea","data":{"b": 2}}}"#);
    world.expect(bob, &["{\"b\": 2}"]);
    world.cut(ann);
    world.cut(bob);
    world.cut(centrifuge);
    assert_eq!(world.hub.counts().channels, 0);
}

#[test]
fn the_newest_come_first_from_old_to_new() {
    let mut world = World::new(config());
    for text in ["one", "two", "three"] {
        let _ = world.hub.publish("demo:tea", PublishCall::new(Data::from_text(text)), world.now);
    }
    let client = open(&mut world, "demo:tea", 2, "");
    let _ = world.hub.publish("demo:tea", PublishCall::new(Data::from_text("four")), world.now);
    world.expect(client, &["two", "three", "four"]);
    let client = open(&mut world, "demo:tea", usize::MAX, "");
    world.expect(client, &["one", "two", "three", "four"]);
}

#[test]
fn the_past_is_as_much_of_the_newest_as_fits() {
    let mut config = config();
    config.limits.plain_history = 100;
    let mut world = World::new(config);
    for text in ["a".repeat(90), "b".repeat(50), "c".repeat(50)] {
        let _ = world.hub.publish("demo:tea", PublishCall::new(Data::from_text(text)), world.now);
    }
    let client = open(&mut world, "demo:tea", 10, "");
    world.expect(client, &[&"b".repeat(50), &"c".repeat(50)]);
    let _ = world.hub.publish("demo:tea", PublishCall::new(Data::from_text("d".repeat(101))), world.now);
    let client = open(&mut world, "demo:tea", 10, "");
    world.expect(client, &[&"d".repeat(101)]);
}

#[test]
fn a_slow_one_is_treated_as_the_namespace_says() {
    for slow in [SlowPolicy::Latest, SlowPolicy::Disconnect] {
        for recovery in [RecoveryPolicy::OnRequest, RecoveryPolicy::Forced] {
            let mut options = NamespaceOptions::demo();
            (options.slow, options.recovery) = (slow, recovery);
            let mut config = config();
            config.namespaces = Namespaces::default().with("demo", options).unwrap();
            let mut world = World::new(config);
            let client = open(&mut world, "demo:tea", 1, "");
            assert_eq!(world.policy(client, "t:demo:tea"), Some(slow), "{recovery:?}");
        }
    }
}

#[test]
fn the_same_rules_hold_as_for_other_clients() {
    let mut world = World::new(config());
    for (channel, code) in [("news", 3507), ("none:tea", 3501), ("", 3501)] {
        let client = open(&mut world, channel, 0, "");
        assert_eq!(world.end(client), Some(code), "{channel}");
    }
    let client = open(&mut world, "demo:tea", 0, "");
    for _ in 0..20 {
        world.say(client, "a");
    }
    assert_eq!(world.end(client), None);
    world.say(client, "a");
    assert_eq!(world.end(client), Some(3013));
    assert_eq!(world.hub.counts().clients, 0);
}

#[test]
fn a_token_says_who_it_is_and_where_it_may() {
    let mut world = World::new(with_tokens());
    let without = open(&mut world, "news", 0, "");
    assert_eq!(world.end(without), Some(3507));
    let wrong = open(&mut world, "news", 0, "nonsense");
    assert_eq!(world.end(wrong), Some(3500));
    let named = open(&mut world, "$news", 0, &token(r#"{"sub":"42","channels":["$news"]}"#));
    assert_eq!(world.end(named), None);
    let other = open(&mut world, "$other", 0, &token(r#"{"sub":"42","channels":["$news"]}"#));
    assert_eq!(world.end(other), Some(3507));
    world.say(named, "who may not publish");
    assert_eq!(world.end(named), Some(3507));
    let expiring = open(&mut world, "news", 0, &token(&format!(r#"{{"sub":"42","exp":{}}}"#, in_seconds(9))));
    world.pass(Duration::from_secs(33));
    assert_eq!(world.end(expiring), None);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.end(expiring), Some(3005));
}

/// A user that may have one connection does not lose it to one that is refused.
#[test]
fn one_that_is_refused_replaces_none() {
    let mut config = with_tokens();
    config.single_connection = true;
    let mut world = World::new(config);
    let claims = r#"{"sub":"42","channels":["$news"]}"#;
    let first = open(&mut world, "$news", 0, &token(claims));
    let refused = open(&mut world, "$other", 0, &token(claims));
    assert_eq!((world.end(first), world.end(refused)), (None, Some(3507)));
    let second = open(&mut world, "$news", 0, &token(claims));
    assert_eq!((world.end(first), world.end(second)), (Some(3504), None));
}

#[test]
fn the_back_end_ends_it_by_unsubscribing() {
    let mut world = World::new(config());
    let client = open(&mut world, "demo:tea", 0, "");
    let filter = longwire_hub::ClientFilter { client: Some(world.id("C0").into()), ..Default::default() };
    finish(world.hub.unsubscribe(&filter, Some("demo:tea"))).unwrap();
    assert_eq!(world.end(client), Some(3503));
    world.expect(client, &[]);
}
