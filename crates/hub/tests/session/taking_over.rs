//! A client subscribes to a channel to which the server has subscribed it: its subscription takes the place of the server's.

use std::time::Duration;

use longwire_hub::{
    Access, ClientFilter, Data, HubConfig, NamespaceOptions, Namespaces, PublishCall, ServerSubscription,
};

use crate::connecting::{connect_with, in_seconds, token, with_tokens};
use crate::support::{World, finish};

/// A private channel.
const NEWS: &str = r#"{"sub":"42","channels":["$news"]}"#;

fn publish(world: &World, channel: &str, text: &'static str) {
    finish(world.hub.publish(channel, PublishCall::new(Data::from_text(text)), world.now)).unwrap();
}

/// A namespace without a name, with presence and history, to whose channels a client may subscribe by a token alone.
fn with_members() -> HubConfig {
    let mut config = with_tokens();
    let mut options = NamespaceOptions::demo();
    options.subscribe = Access::TOKEN;
    config.namespaces = Namespaces::default().with("team", options).unwrap();
    config
}

#[test]
fn the_claim_channels_is_a_permission_too() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, NEWS);
    world.heard(client);
    world.ask(
        client,
        r#"{"id":2,"subscribe":{"channel":"$news","flag":1}}"#,
        &[r#"{"id":2,"subscribe":{"id":2}}"#],
    );
    publish(&world, "$news", "1");
    world.expect(client, &[r#"{"push":{"id":2,"pub":{"data":1}}}"#]);
    // Now it is its own.
    world.ask(
        client,
        r#"{"id":3,"subscribe":{"channel":"$news"}}"#,
        &[r#"{"id":3,"error":{"code":105,"message":"already subscribed"}}"#],
    );
    world.ask(client, r#"{"id":4,"unsubscribe":{"channel":"$news"}}"#, &[r#"{"id":4,"unsubscribe":{}}"#]);
    publish(&world, "$news", "2");
    world.expect(client, &[]);
    world.ask(
        client,
        r#"{"id":5,"subscribe":{"channel":"$news"}}"#,
        &[r#"{"id":5,"error":{"code":103,"message":"permission denied"}}"#],
    );
    world.cut(client);
    let counts = world.hub.counts();
    assert_eq!((counts.channels, counts.subscribes), (0, counts.unsubscribes));
    world.assert_forgotten();
}

#[test]
fn what_comes_before_the_reply_comes_by_the_server_s() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42","channels":["demo:tea"]}"#);
    world.heard(client);
    publish(&world, "demo:tea", "1");
    world.settle();
    world.say(client, r#"{"id":2,"subscribe":{"channel":"demo:tea","recoverable":true}}"#);
    publish(&world, "demo:tea", "2");
    world.expect(
        client,
        &[
            r#"{"push":{"channel":"demo:tea","pub":{"data":1,"offset":1}}}"#,
            r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":1,"positioned":true}}"#,
            r#"{"push":{"channel":"demo:tea","pub":{"data":2,"offset":2}}}"#,
        ],
    );
}

#[test]
fn others_see_neither_leave_nor_join() {
    for is_later in [false, true] {
        let mut world =
            if is_later { World::a_moment_later(with_members(), 7) } else { World::new(with_members()) };
        let claims =
            r#"{"sub":"43","subs":{"team:tea":{"override":{"force_push_join_leave":{"value":true}}}}}"#;
        let other = connect_with(&mut world, claims);
        let client = connect_with(&mut world, r#"{"sub":"42","subs":{"team:tea":{"info":{"a":1}}}}"#);
        world.heard(other);
        world.heard(client);
        world.say(client, r#"{"id":2,"subscribe":{"channel":"team:tea"}}"#);
        assert!(world.heard(client)[0].starts_with(r#"{"id":2,"subscribe":{"#));
        world.expect(other, &[]);
        let presence = finish(world.hub.presence("team:tea", world.now)).unwrap();
        assert_eq!(presence.clients.len(), 2);
        let info = presence.clients.values().find(|info| info.user == "42").unwrap();
        assert_eq!(info.chan_info.as_deref(), Some(r#"{"a":1}"#), "the token's");
        world.say(client, r#"{"id":3,"unsubscribe":{"channel":"team:tea"}}"#);
        assert!(world.heard(other)[0].contains(r#""leave":{"#));
        assert_eq!(finish(world.hub.presence("team:tea", world.now)).unwrap().clients.len(), 1);
    }
}

/// The client must know when to bring another token.
#[test]
fn a_token_of_its_own_goes_before_the_server_s_grant() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, NEWS);
    world.heard(client);
    let exp = in_seconds(30);
    let token = token(&format!(r#"{{"sub":"42","channel":"$news","exp":{exp},"data":{{"a":1}}}}"#));
    world.ask(
        client,
        &format!(r#"{{"id":2,"subscribe":{{"channel":"$news","token":"{token}"}}}}"#),
        &[r#"{"id":2,"subscribe":{"expires":true,"ttl":30,"data":{"a":1}}}"#],
    );
}

/// A client that wants all or nothing goes on with the server's subscription.
#[test]
fn without_recovery_the_server_s_subscription_stays() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42","channels":["demo:tea"]}"#);
    world.heard(client);
    let command =
        r#"{"id":2,"subscribe":{"channel":"demo:tea","recover":true,"offset":7,"epoch":"old","flag":2}}"#;
    world.ask(client, command, &[r#"{"id":2,"error":{"code":112,"message":"unrecoverable position"}}"#]);
    publish(&world, "demo:tea", "1");
    world.expect(client, &[r#"{"push":{"channel":"demo:tea","pub":{"data":1,"offset":1}}}"#]);
    assert_eq!(finish(world.hub.presence("demo:tea", world.now)).unwrap().clients.len(), 1);
    world.say(client, r#"{"id":3,"subscribe":{"channel":"demo:tea"}}"#);
    world.expect(client, &[r#"{"id":3,"subscribe":{}}"#]);
    world.cut(client);
    assert_eq!(world.hub.counts().channels, 0);
    world.assert_forgotten();
}

#[test]
fn one_of_the_back_end_expires_as_it_said() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.heard(client);
    let mut subscription = ServerSubscription::new("news".parse().unwrap());
    subscription.expires_at = Some(world.now + Duration::from_secs(30));
    let filter = ClientFilter { user: "42".into(), ..ClientFilter::default() };
    finish(world.hub.subscribe(&filter, &subscription)).unwrap();
    world.expect(client, &[r#"{"push":{"channel":"news","subscribe":{}}}"#]);
    world.ask(client, r#"{"id":2,"subscribe":{"channel":"news"}}"#, &[r#"{"id":2,"subscribe":{}}"#]);
    world.pass(Duration::from_secs(31));
    let end = r#"{"push":{"channel":"news","unsubscribe":{"code":2501,"reason":"subscription expired"}}}"#;
    world.expect(client, &[end]);
}

#[test]
fn a_broker_that_cannot_be_reached_sends_the_client_back() {
    let mut config = with_members();
    config.limits.channels = 1;
    let mut world = World::later(config, 7);
    let client = world.open();
    let token = token(r#"{"sub":"42","channels":["team:tea"]}"#);
    world.say(client, &format!(r#"{{"id":1,"connect":{{"token":"{token}"}}}}"#));
    while world.waits(client) {
        world.answer(client);
    }
    world.heard(client);
    world.fail_broker();
    world.say(client, r#"{"id":2,"subscribe":{"channel":"team:tea"}}"#);
    world.answer(client);
    assert_eq!(world.end(client), Some(3010));
    assert_eq!(finish(world.hub.presence("team:tea", world.now)).unwrap().clients.len(), 0);
    world.assert_forgotten();
}
