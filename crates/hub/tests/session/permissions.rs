//! Who may do what.

use longwire_hub::{Access, HubConfig, NamespaceOptions, Namespaces};

use crate::connecting::{connect_with, with_tokens};
use crate::support::{World, config};

fn with_options(mut config: HubConfig, change: impl FnOnce(&mut NamespaceOptions)) -> HubConfig {
    let mut options = NamespaceOptions::demo();
    change(&mut options);
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
    config
}

fn may(world: &mut World, client: usize, command: &str) -> bool {
    world.heard(client);
    world.say(client, command);
    !world.heard(client)[0].contains(r#""error":{"code":103,"#)
}

#[test]
fn only_listed_users_subscribe_to_a_user_limited_channel() {
    let mut world = World::new(with_options(with_tokens(), |options| options.user_limited = true));
    let (ann, bob) =
        (connect_with(&mut world, r#"{"sub":"42"}"#), connect_with(&mut world, r#"{"sub":"4"}"#));
    let subscribe = r#"{"id":2,"subscribe":{"channel":"demo:talk#42,43"}}"#;
    assert!(may(&mut world, ann, subscribe));
    assert!(!may(&mut world, bob, subscribe));
}

#[test]
fn groups_decide() {
    let anonymous = r#"{"sub":""}"#;
    for (access, claims, allowed) in [
        (Access::NOBODY, r#"{"sub":"42"}"#, false),
        (Access::USER, r#"{"sub":"42"}"#, true),
        (Access::USER, anonymous, false),
        (Access::ANONYMOUS, anonymous, true),
        (Access::HOOK, r#"{"sub":"42"}"#, false),
    ] {
        let config = with_options(with_tokens(), |options| {
            options.subscribe = access;
            options.publish = access;
            options.read_presence = access;
            options.read_history = access;
        });
        let mut world = World::new(config);
        let client = connect_with(&mut world, claims);
        for command in [
            r#"{"id":2,"publish":{"channel":"demo:tea","data":1}}"#,
            r#"{"id":2,"presence":{"channel":"demo:tea"}}"#,
            r#"{"id":2,"history":{"channel":"demo:tea"}}"#,
            r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#,
        ] {
            assert_eq!(may(&mut world, client, command), allowed, "{access:?} {claims} {command}");
        }
    }
}

#[test]
fn insecure_allows_everything() {
    let mut config = with_options(config(), |options| options.subscribe = Access::NOBODY);
    config.anonymous = false;
    config.insecure = true;
    let mut world = World::new(config);
    let client = world.connected();
    for command in [
        r#"{"id":2,"subscribe":{"channel":"$demo:tea"}}"#,
        r#"{"id":2,"publish":{"channel":"news","data":1}}"#,
        r#"{"id":2,"presence":{"channel":"demo:tea"}}"#,
        r#"{"id":2,"history":{"channel":"demo:tea"}}"#,
    ] {
        assert!(may(&mut world, client, command), "{command}");
    }
}

#[test]
fn a_new_configuration_holds_from_the_next_command() {
    let mut world = World::new(config());
    let client = world.connected();
    let subscribe = r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#;
    world.hub.configure(with_options(config(), |options| options.subscribe = Access::NOBODY));
    assert!(!may(&mut world, client, subscribe));
    world.hub.configure(config());
    assert!(may(&mut world, client, subscribe));
}
