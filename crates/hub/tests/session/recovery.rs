//! Recovery of what a client has missed.

use std::time::Duration;

use longwire_hub::{
    Access, HubConfig, NamespaceOptions, Namespaces, RecoveryMode, RecoveryPolicy, SlowPolicy,
};

use crate::support::{World, config};

fn with_options(change: impl FnOnce(&mut NamespaceOptions)) -> HubConfig {
    let mut options = NamespaceOptions::demo();
    options.publish = Access::ANONYMOUS;
    options.publish_rate = None;
    options.presence = false;
    options.join_leave = false;
    change(&mut options);
    let mut config = config();
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
    config
}

fn publish(world: &mut World, client: usize, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        world.say(client, &format!(r#"{{"id":9,"publish":{{"channel":"demo:tea","data":{number}}}}}"#));
    }
    world.heard(client);
}

fn recover(world: &mut World, offset: u64, epoch: &str) -> Vec<String> {
    let client = world.connected();
    let epoch = if epoch == "EPOCH" { world.id("EPOCH") } else { epoch.to_owned() };
    world.say(
        client,
        &format!(
            r#"{{"id":2,"subscribe":{{"channel":"demo:tea","recoverable":true,"recover":true,"offset":{offset},"epoch":"{epoch}"}}}}"#
        ),
    );
    world.heard(client)
}

#[test]
fn a_returning_client_receives_exactly_what_it_missed() {
    let mut world = World::new(with_options(|_| {}));
    let client = world.connected();
    world.ask(
        client,
        r#"{"id":2,"subscribe":{"channel":"demo:tea","recoverable":true}}"#,
        &[r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","positioned":true}}"#],
    );
    world.cut(client);
    let publisher = world.connected();
    publish(&mut world, publisher, 1..=3);
    let info = r#""info":{"user":"","client":"C1"}"#;
    assert_eq!(
        recover(&mut world, 1, "EPOCH"),
        [format!(
            r#"{{"id":2,"subscribe":{{"recoverable":true,"epoch":"EPOCH","publications":[{{"data":2,{info},"offset":2}},{{"data":3,{info},"offset":3}}],"recovered":true,"offset":1,"positioned":true,"was_recovering":true}}}}"#
        )]
    );
    assert_eq!(
        recover(&mut world, 3, "EPOCH"),
        [
            r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","recovered":true,"offset":3,"positioned":true,"was_recovering":true}}"#
        ]
    );
    let counts = world.hub.counts();
    assert_eq!((counts.recovered, counts.unrecovered), (2, 0));
}

#[test]
fn what_cannot_be_continued_is_said() {
    let mut world = World::new(with_options(|options| options.history.size = 2));
    let publisher = world.connected();
    publish(&mut world, publisher, 1..=5);
    world.say(publisher, r#"{"id":2,"history":{"channel":"demo:tea"}}"#);
    let lost = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":5,"positioned":true,"was_recovering":true}}"#;
    assert_eq!(recover(&mut world, 1, "other"), [lost]);
    assert_eq!(recover(&mut world, 2, "EPOCH"), [lost], "3 is not kept any more");
    assert_eq!(recover(&mut world, 9, "EPOCH"), [lost], "from the future");
    assert!(recover(&mut world, 3, "EPOCH")[0].contains(r#""recovered":true"#));
    world.pass(Duration::from_secs(700));
    assert_eq!(recover(&mut world, 3, "EPOCH"), [lost], "expired");
    assert!(recover(&mut world, 5, "EPOCH")[0].contains(r#""recovered":true"#));
}

#[test]
fn no_more_than_the_limit_is_recovered_at_once() {
    let mut world = World::new(with_options(|options| options.max_page = 3));
    let publisher = world.connected();
    publish(&mut world, publisher, 1..=4);
    let client = world.connected();
    world.say(client, r#"{"id":2,"subscribe":{"channel":"demo:tea","positioned":true}}"#);
    world.heard(client);
    assert!(!recover(&mut world, 0, "EPOCH")[0].contains(r#""recovered":true"#));
    assert!(recover(&mut world, 1, "EPOCH")[0].contains(r#""recovered":true"#));
}

#[test]
fn a_client_may_want_error_112_instead() {
    let mut world = World::new(with_options(|options| options.presence = true));
    let publisher = world.connected();
    publish(&mut world, publisher, 1..=1);
    let client = world.connected();
    let command =
        r#"{"id":2,"subscribe":{"channel":"demo:tea","recover":true,"offset":1,"epoch":"x","flag":2}}"#;
    let error = r#"{"id":2,"error":{"code":112,"message":"unrecoverable position"}}"#;
    world.ask(client, command, &[error]);
    publish(&mut world, publisher, 2..=2);
    world.expect(client, &[]);
    // It is not subscribed.
    world.ask(client, command, &[error]);
    assert_eq!(world.hub.counts().channels, 0);
}

#[test]
fn the_policy_decides_whether_a_channel_recovers() {
    let ask = |policy, request: &str| {
        let mut world = World::new(with_options(|options| options.recovery = policy));
        let client = world.connected();
        world.say(client, &format!(r#"{{"id":2,"subscribe":{{"channel":"demo:tea"{request}}}}}"#));
        world.heard(client).remove(0)
    };
    let nothing = r#"{"id":2,"subscribe":{}}"#;
    let positioned = r#"{"id":2,"subscribe":{"epoch":"EPOCH","positioned":true}}"#;
    let recoverable = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","positioned":true}}"#;
    assert_eq!(ask(RecoveryPolicy::Off, r#","recoverable":true"#), nothing);
    assert_eq!(ask(RecoveryPolicy::Off, r#","positioned":true"#), positioned);
    assert_eq!(ask(RecoveryPolicy::OnRequest, ""), nothing);
    assert_eq!(ask(RecoveryPolicy::OnRequest, r#","recoverable":true"#), recoverable);
    assert_eq!(ask(RecoveryPolicy::Forced, ""), recoverable);
}

#[test]
fn in_cache_mode_the_newest_publication_comes_at_once() {
    let mut world = World::new(with_options(|options| {
        options.recovery = RecoveryPolicy::Forced;
        options.recovery_mode = RecoveryMode::Cache;
    }));
    let client = world.connected();
    let subscribe = r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#;
    world.ask(
        client,
        subscribe,
        &[r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","positioned":true}}"#],
    );
    publish(&mut world, client, 1..=3);
    let later = world.connected();
    let newest = r#"{"data":3,"info":{"user":"","client":"C0"},"offset":3}"#;
    world.ask(later, subscribe, &[&format!(
        r#"{{"id":2,"subscribe":{{"recoverable":true,"epoch":"EPOCH","publications":[{newest}],"recovered":true,"offset":3,"positioned":true}}}}"#
    )]);
    assert_eq!(
        recover(&mut world, 1, "EPOCH"),
        [format!(
            r#"{{"id":2,"subscribe":{{"recoverable":true,"epoch":"EPOCH","publications":[{newest}],"recovered":true,"offset":3,"positioned":true,"was_recovering":true}}}}"#
        )]
    );
    assert_eq!(
        recover(&mut world, 3, "EPOCH"),
        [
            r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","recovered":true,"offset":3,"positioned":true,"was_recovering":true}}"#
        ]
    );
}

#[test]
fn nothing_is_dropped_for_a_subscriber_that_has_a_position() {
    let mut world = World::new(with_options(|options| options.slow = SlowPolicy::Latest));
    let (without, with) = (world.connected(), world.connected());
    world.say(without, r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#);
    world.say(with, r#"{"id":2,"subscribe":{"channel":"demo:tea","positioned":true}}"#);
    assert_eq!(world.policy(without, "j:demo:tea"), Some(SlowPolicy::Latest));
    assert_eq!(world.policy(with, "j:demo:tea"), Some(SlowPolicy::Disconnect));
}
