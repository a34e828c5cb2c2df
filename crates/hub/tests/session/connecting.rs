//! The command `connect`.

use std::time::Duration;

use longwire_hub::centrifuge::{EmulationRequest, Encoding};
use longwire_hub::{Algorithm, HubConfig, Keys, Millis, SigningKey, TokenVerifier, Transport, TransportKind};

use crate::support::{START, World, config, finish};

const SECRET: &[u8] = b"a secret that has 32 bytes or more";

/// A configuration that verifies tokens.
pub(crate) fn with_tokens() -> HubConfig {
    let mut config = config();
    config.tokens = TokenVerifier::new(Keys::new().hmac(Algorithm::Hs256, SECRET).unwrap());
    config.anonymous = false;
    config
}

/// A signed token with these claims.
pub(crate) fn token(claims: &str) -> String {
    let claims: serde_json::Value = serde_json::from_str(claims).unwrap();
    SigningKey::hmac(Algorithm::Hs256, SECRET).unwrap().sign(&claims).unwrap()
}

/// Seconds since the epoch, so long after the start.
pub(crate) fn in_seconds(seconds: u64) -> u64 {
    (START + Duration::from_secs(seconds)).as_secs()
}

/// Connects with a token of these claims.
pub(crate) fn connect_with(world: &mut World, claims: &str) -> usize {
    let client = world.open();
    world.say(client, &format!(r#"{{"id":1,"connect":{{"token":"{}"}}}}"#, token(claims)));
    client
}

#[test]
fn a_client_connects_without_a_token_if_that_is_allowed() {
    let mut world = World::new(config());
    let client = world.open();
    world.ask(
        client,
        r#"{"id":1,"connect":{"name":"js"}}"#,
        &[r#"{"id":1,"connect":{"client":"C0","version":"test"}}"#],
    );
    assert_eq!(world.hub.counts().clients, 1);
    world.cut(client);
    assert_eq!(world.hub.counts().clients, 0);
}

#[test]
fn without_a_token_error_101_if_it_is_not() {
    let mut world = World::new(with_tokens());
    let client = world.open();
    world.ask(
        client,
        r#"{"id":1,"connect":{}}"#,
        &[r#"{"id":1,"error":{"code":101,"message":"unauthorized"}}"#],
    );
    assert_eq!(world.hub.counts().clients, 0);
    // It may try again.
    let with_token = format!(r#"{{"id":2,"connect":{{"token":"{}"}}}}"#, token(r#"{"sub":"42"}"#));
    world.ask(client, &with_token, &[r#"{"id":2,"connect":{"client":"C0","version":"test"}}"#]);
    assert_eq!(world.session(client).user().unwrap(), "42");
}

#[test]
fn the_ping_interval_is_announced() {
    let mut world = World::new(HubConfig::default());
    let client = world.open();
    world.say(client, r#"{"id":1,"connect":{}}"#);
    let heard = world.heard(client);
    assert!(heard[0].ends_with(r#","ping":25,"pong":true}}"#), "{heard:?}");
}

#[test]
fn a_token_says_who_the_client_is_and_when_it_expires() {
    let mut world = World::new(with_tokens());
    let claims = format!(r#"{{"sub":"42","exp":{}}}"#, in_seconds(60));
    let client = connect_with(&mut world, &claims);
    world.expect(client, &[r#"{"id":1,"connect":{"client":"C0","version":"test","expires":true,"ttl":60}}"#]);
}

#[test]
fn an_expired_token_is_error_109_and_a_wrong_one_is_3500() {
    let mut world = World::new(with_tokens());
    let claims = format!(r#"{{"sub":"42","exp":{}}}"#, in_seconds(0));
    let client = connect_with(&mut world, &claims);
    world.expect(client, &[r#"{"id":1,"error":{"code":109,"message":"token expired"}}"#]);
    assert_eq!(world.end(client), None);

    let client = world.open();
    world.ask_for_end(client, r#"{"id":1,"connect":{"token":"nonsense"}}"#, 3500);
    let log = world.log();
    assert!(log[1].contains("this is not a signed token"), "{log:?}");
    let client = connect_with(&mut world, r#"{"info":{}}"#);
    assert_eq!(world.end(client), Some(3500));
    let log = world.log();
    assert!(log[0].ends_with("the token has no claim `sub`"), "{log:?}");
}

#[test]
fn a_connection_that_should_have_ended_is_error_110() {
    let mut world = World::new(with_tokens());
    let claims = format!(r#"{{"sub":"42","expire_at":{}}}"#, in_seconds(0));
    let client = connect_with(&mut world, &claims);
    world.expect(client, &[r#"{"id":1,"error":{"code":110,"message":"expired"}}"#]);
}

#[test]
fn connect_must_come_first_and_once() {
    let mut world = World::new(config());
    for before in [
        r#"{"id":1,"subscribe":{"channel":"demo:tea"}}"#,
        r#"{"id":1,"publish":{"channel":"demo:tea","data":1}}"#,
        r#"{"send":{"data":1}}"#,
        "{}",
        r#"{"id":1}"#,
    ] {
        let client = world.open();
        world.ask_for_end(client, before, 3501);
    }
    let client = world.connected();
    world.ask_for_end(client, r#"{"id":2,"connect":{}}"#, 3501);
    assert!(world.log().iter().any(|line| line.ends_with("a second connect")));
}

#[test]
fn commands_after_connect_may_come_in_the_same_frame() {
    let mut world = World::new(config());
    let client = world.open();
    let frame = [
        r#"{"id":1,"connect":{}}"#,
        r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#,
        r#"{"id":3,"subscribe":{"channel":"news"}}"#,
        r#"{"id":4,"ping":{}}"#,
    ];
    let replies = [
        r#"{"id":1,"connect":{"client":"C0","version":"test"}}"#,
        r#"{"id":2,"subscribe":{}}"#,
        r#"{"id":3,"error":{"code":103,"message":"permission denied"}}"#,
        r#"{"id":4,"ping":{}}"#,
    ];
    world.ask(client, &frame.join("\n"), &[&replies.join("\n")]);
}

#[test]
fn a_client_that_does_not_connect_is_stale() {
    let mut world = World::new(config());
    let client = world.open();
    world.pass(Duration::from_millis(9_999));
    assert_eq!(world.end(client), None);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.end(client), Some(3502));
}

#[test]
fn a_user_has_no_more_connections_than_allowed() {
    let mut config = with_tokens();
    config.limits.user_connections = 2;
    let mut world = World::new(config);
    let clients: Vec<usize> = (0..3).map(|_| connect_with(&mut world, r#"{"sub":"42"}"#)).collect();
    assert_eq!([0, 1, 2].map(|n: usize| world.end(clients[n])), [None, None, Some(3504)]);
    world.cut(clients[0]);
    let another = connect_with(&mut world, r#"{"sub":"42"}"#);
    assert_eq!(world.end(another), None);
    let other = connect_with(&mut world, r#"{"sub":"43"}"#);
    assert_eq!(world.end(other), None);
}

#[test]
fn with_single_connection_the_older_one_ends() {
    let mut config = with_tokens();
    config.single_connection = true;
    let mut world = World::new(config);
    let older = connect_with(&mut world, r#"{"sub":"42"}"#);
    let newer = connect_with(&mut world, r#"{"sub":"42"}"#);
    assert_eq!((world.end(older), world.end(newer)), (Some(3504), None));
}

#[test]
fn a_blocked_user_is_refused_until_then() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    let until = world.now + Duration::from_secs(60);
    finish(world.hub.block("42", Some(until))).unwrap();
    assert_eq!(world.end(client), Some(3507));
    let again = connect_with(&mut world, r#"{"sub":"42"}"#);
    assert_eq!(world.end(again), Some(3507));
    let other = connect_with(&mut world, r#"{"sub":"43"}"#);
    assert_eq!(world.end(other), None);
    world.now = until;
    let later = connect_with(&mut world, r#"{"sub":"42"}"#);
    assert_eq!(world.end(later), None);
    assert!(finish(world.hub.block("", Some(Millis(0)))).is_err());
}

#[test]
fn emulated_transports_learn_their_session_and_node() {
    let mut world = World::new(config());
    let client = world.open_as(Transport::new(TransportKind::Sse, Encoding::Json));
    world.say(client, r#"{"id":1,"connect":{}}"#);
    let heard = world.heard(client);
    assert!(heard[0].contains(r#","session":""#) && heard[0].ends_with(r#","node":"NODE"}}"#), "{heard:?}");
    // It has no close code, so a push says why it ends.
    world.say(client, r#"{"id":2,"connect":{}}"#);
    world.expect(client, &[r#"{"push":{"disconnect":{"code":3501,"reason":"bad request"}}}"#]);
    assert_eq!(world.end(client), Some(3501));
}

#[test]
fn clients_of_socket_io_are_not_pinged_and_learn_why_they_are_disconnected() {
    let mut config = config();
    config.ping_interval = Duration::from_secs(25);
    let mut world = World::new(config);
    let client = world.open_as(Transport::new(TransportKind::SocketIo, Encoding::Json));
    world.say(client, r#"{"id":1,"connect":{}}"#);
    let heard = world.heard(client);
    assert!(!["ping", "pong", "session"].iter().any(|key| heard[0].contains(key)), "{heard:?}");
    world.pass(Duration::from_secs(100));
    world.expect(client, &[]);
    world.say(client, r#"{"id":2,"connect":{}}"#);
    world.expect(client, &[r#"{"push":{"disconnect":{"code":3501,"reason":"bad request"}}}"#]);
}

#[test]
fn an_emulated_client_sends_its_commands_in_requests() {
    let mut world = World::new(config());
    let client = world.open_as(Transport::new(TransportKind::HttpStream, Encoding::Json));
    world.say(client, r#"{"id":1,"connect":{}}"#);
    let connected = world.heard(client).remove(0);
    let session = connected.split(r#""session":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let request = |node: &str, session: &str| EmulationRequest {
        node: node.into(),
        session: session.into(),
        data: r#"{"id":2,"ping":{}}"#.into(),
    };
    let node = world.id("NODE");
    finish(world.hub.emulate(request(&node, &session))).unwrap();
    world.expect(client, &[r#"{"id":2,"ping":{}}"#]);
    let id = world.id("C0");
    for (node, session) in
        [("other", session.as_str()), (node.as_str(), "other"), (node.as_str(), id.as_str())]
    {
        assert_eq!(finish(world.hub.emulate(request(node, session))).unwrap_err().code(), 108);
    }
    world.cut(client);
    assert!(finish(world.hub.emulate(request(&node, &session))).is_err());
}
