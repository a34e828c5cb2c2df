//! A token's end, and its renewal.

use std::time::Duration;

use crate::connecting::{connect_with, in_seconds, token, with_tokens};
use crate::support::World;

fn expiring(world: &mut World, seconds: u64) -> usize {
    let client = connect_with(world, &format!(r#"{{"sub":"42","exp":{}}}"#, in_seconds(seconds)));
    world.heard(client);
    client
}

fn refresh(world: &mut World, client: usize, claims: &str) {
    let token = token(claims);
    world.say(client, &format!(r#"{{"id":5,"refresh":{{"token":"{token}"}}}}"#));
}

#[test]
fn a_connection_ends_a_grace_after_its_token() {
    let mut world = World::new(with_tokens());
    let client = expiring(&mut world, 60);
    world.pass(Duration::from_millis(84_999));
    assert_eq!(world.end(client), None);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.end(client), Some(3005));
}

#[test]
fn a_refresh_in_time_goes_unnoticed() {
    let mut world = World::new(with_tokens());
    let client = expiring(&mut world, 60);
    world.pass(Duration::from_secs(70));
    refresh(&mut world, client, &format!(r#"{{"sub":"42","exp":{}}}"#, in_seconds(170)));
    world
        .expect(client, &[r#"{"id":5,"refresh":{"client":"C0","version":"test","expires":true,"ttl":100}}"#]);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.end(client), None);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.end(client), Some(3005));
}

#[test]
fn a_token_without_an_end_renews_for_good() {
    let mut world = World::new(with_tokens());
    let client = expiring(&mut world, 60);
    refresh(&mut world, client, r#"{"sub":"42"}"#);
    world.expect(client, &[r#"{"id":5,"refresh":{"client":"C0","version":"test"}}"#]);
    world.pass(Duration::from_secs(1_000_000));
    assert_eq!(world.end(client), None);
}

#[test]
fn a_refresh_with_a_bad_token_disconnects() {
    let mut world = World::new(with_tokens());
    for (claims, code) in [
        (r#"{"sub":"43"}"#.to_owned(), 3500),
        (r#"{"info":1}"#.to_owned(), 3500),
        (format!(r#"{{"sub":"42","exp":{}}}"#, in_seconds(0)), 3005),
    ] {
        let client = expiring(&mut world, 60);
        refresh(&mut world, client, &claims);
        assert_eq!(world.end(client), Some(code), "{claims}");
    }
    let client = expiring(&mut world, 60);
    world.ask_for_end(client, r#"{"id":5,"refresh":{}}"#, 3501);
    // One that does not expire need not be refreshed.
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    refresh(&mut world, client, r#"{"sub":"42"}"#);
    assert_eq!(world.end(client), Some(3501));
}

fn subscribe(world: &mut World, client: usize, seconds: u64) {
    let claims = format!(r#"{{"sub":"42","channel":"news","exp":{}}}"#, in_seconds(seconds));
    let token = token(&claims);
    world.say(client, &format!(r#"{{"id":2,"subscribe":{{"channel":"news","token":"{token}"}}}}"#));
}

#[test]
fn a_subscription_ends_a_grace_after_its_token() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.heard(client);
    subscribe(&mut world, client, 30);
    world.expect(client, &[r#"{"id":2,"subscribe":{"expires":true,"ttl":30}}"#]);
    world.pass(Duration::from_millis(54_999));
    world.expect(client, &[]);
    world.pass(Duration::from_millis(1));
    world.expect(
        client,
        &[r#"{"push":{"channel":"news","unsubscribe":{"code":2501,"reason":"subscription expired"}}}"#],
    );
    assert_eq!((world.end(client), world.hub.counts().channels), (None, 0));
}

#[test]
fn a_subscription_is_refreshed_in_time() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.heard(client);
    let refresh = |world: &mut World, claims: &str, reply: &str| {
        let token = token(claims);
        let command = format!(r#"{{"id":3,"sub_refresh":{{"channel":"news","token":"{token}"}}}}"#);
        world.ask(client, &command, &[reply]);
    };
    let good = |seconds| format!(r#"{{"sub":"42","channel":"news","exp":{}}}"#, in_seconds(seconds));
    let denied = r#"{"id":3,"error":{"code":103,"message":"permission denied"}}"#;
    refresh(&mut world, &good(60), denied);
    subscribe(&mut world, client, 30);
    world.heard(client);
    refresh(&mut world, &good(60), r#"{"id":3,"sub_refresh":{"expires":true,"ttl":60}}"#);
    refresh(&mut world, r#"{"sub":"43","channel":"news"}"#, denied);
    let expired = r#"{"id":3,"error":{"code":109,"message":"token expired","temporary":true}}"#;
    refresh(&mut world, &good(0), expired);
    world.ask(
        client,
        r#"{"id":4,"sub_refresh":{"channel":"news"}}"#,
        &[r#"{"id":4,"error":{"code":107,"message":"bad request"}}"#],
    );
    world.pass(Duration::from_secs(84));
    world.expect(client, &[]);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.heard(client).len(), 1);
}

#[test]
fn what_does_not_expire_by_a_token_is_not_refreshed() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.say(client, r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    world.heard(client);
    world.ask_for_end(client, r#"{"id":3,"sub_refresh":{"channel":"news","token":"x"}}"#, 3501);
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.heard(client);
    world.ask_for_end(client, r#"{"id":3,"sub_refresh":{"token":"x"}}"#, 3501);
}
