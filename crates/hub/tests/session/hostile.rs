//! Clients that ask for too much. Each is answered within its bounds.

use std::time::Duration;

use longwire_hub::centrifuge::Encoding;
use longwire_hub::{Access, HubConfig, MemoryLimits, NamespaceOptions, Namespaces};
use longwire_hub::{PlainRequest, Transport, TransportKind};

use crate::connecting::{connect_with, with_tokens};
use crate::support::{World, config, finish};

fn without_rate() -> HubConfig {
    let mut options = NamespaceOptions::demo();
    options.publish_rate = None;
    options.publish = Access::ANONYMOUS;
    let mut config = config();
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
    config
}

#[test]
fn ten_thousand_subscriptions_end_at_128_and_then_at_the_limit_of_errors() {
    let mut world = World::new(config());
    let client = world.connected();
    let mut sent = 0;
    while world.end(client).is_none() {
        let frame: Vec<String> = (sent..sent + 100)
            .map(|number| format!(r#"{{"id":2,"subscribe":{{"channel":"demo:{number}"}}}}"#))
            .collect();
        world.say(client, &frame.join("\n"));
        assert!(world.hub.counts().channels <= 128);
        sent += 100;
        assert!(sent < 10_000);
    }
    assert_eq!(world.end(client), Some(3509));
    let heard = world.heard(client).join("\n");
    assert_eq!(heard.matches(r#""subscribe":{}"#).count(), 128);
    assert_eq!(heard.matches(r#""code":106"#).count(), 257);
    assert_eq!(world.hub.counts().channels, 0);
}

/// Leaving again makes room for more subscriptions, but the rate of subscribing is bounded, too.
#[test]
fn a_client_that_comes_and_goes_gets_error_111() {
    let mut config = config();
    config.limits.subscribes = 3.try_into().unwrap();
    config.limits.subscribes_per = Duration::from_secs(60);
    let mut world = World::new(config);
    let client = world.connected();
    let subscribe = r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#;
    let unsubscribe = r#"{"id":3,"unsubscribe":{"channel":"demo:tea"}}"#;
    // The first one is not counted.
    for _ in 0..4 {
        world.ask(client, subscribe, &[r#"{"id":2,"subscribe":{}}"#]);
        world.ask(client, unsubscribe, &[r#"{"id":3,"unsubscribe":{}}"#]);
    }
    let too_many = r#"{"id":2,"error":{"code":111,"message":"too many requests","temporary":true}}"#;
    for _ in 0..300 {
        world.ask(client, subscribe, &[too_many]);
    }
    let other = world.connected();
    world.ask(other, subscribe, &[r#"{"id":2,"subscribe":{}}"#]);
    world.pass(Duration::from_secs(20));
    world.heard(client);
    world.ask(client, subscribe, &[r#"{"id":2,"subscribe":{}}"#]);
}

#[test]
fn twenty_thousand_members_are_counted_and_not_listed() {
    let mut options = NamespaceOptions::demo();
    // Otherwise the test itself delivers each join to each member.
    options.join_leave = false;
    let mut config = config();
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
    let mut world = World::new(config);
    let join = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"demo:tea\"}}";
    let members: Vec<usize> = (0..20_000)
        .map(|_| {
            let member = world.open();
            world.say(member, join);
            assert_eq!(world.received(member).len(), 1);
            member
        })
        .collect();
    for member in [members[0], members[19_999]] {
        let refused = r#"{"id":3,"error":{"code":106,"message":"limit exceeded"}}"#;
        world.ask(member, r#"{"id":3,"presence":{"channel":"demo:tea"}}"#, &[refused]);
        let counted = r#"{"id":4,"presence_stats":{"num_clients":20000,"num_users":1}}"#;
        world.ask(member, r#"{"id":4,"presence_stats":{"channel":"demo:tea"}}"#, &[counted]);
    }
    assert!(finish(world.hub.presence("demo:tea", world.now)).is_err());
    members.into_iter().for_each(|member| world.cut(member));
    let stats = finish(world.hub.presence_stats("demo:tea", world.now)).unwrap();
    assert_eq!((stats.clients, stats.users), (0, 0));
    let counts = world.hub.counts();
    assert_eq!((counts.clients, counts.channels), (0, 0));
}

#[test]
fn more_commands_in_a_frame_than_allowed_are_a_bad_request() {
    let mut world = World::new(config());
    let client = world.connected();
    let ping = r#"{"id":2,"ping":{}}"#;
    world.say(client, &vec![ping; 1_024].join("\n"));
    assert_eq!(read_all(&mut world, client).1.len(), 1_024);
    world.say(client, &vec![ping; 1_025].join("\n"));
    read_all(&mut world, client);
    assert_eq!(world.end(client), Some(3501));
}

#[test]
fn a_name_of_64_kib_is_refused_and_not_repeated() {
    let mut world = World::new(config());
    let client = world.connected();
    let name = "a".repeat(64 << 10);
    for command in ["subscribe", "presence", "history", "presence_stats"] {
        let command = format!(r#"{{"id":2,"{command}":{{"channel":"{name}"}}}}"#);
        world.ask(client, &command, &[r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#]);
    }
    let token =
        format!(r#"{{"id":2,"subscribe":{{"channel":"demo:tea","token":"{}"}}}}"#, "a".repeat(1_000_000));
    world.ask(client, &token, &[r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#]);
    assert!(world.log().iter().all(|line| line.len() < 300));
}

#[test]
fn a_storm_of_publications_is_kept_within_history() {
    let mut world = World::new(without_rate());
    let client = world.connected();
    for _ in 0..20 {
        let frame = vec![r#"{"id":2,"publish":{"channel":"demo:tea","data":"0123456789"}}"#; 1_000];
        world.say(client, &frame.join("\n"));
        let (_, replies) = read_all(&mut world, client);
        assert_eq!(replies, vec![r#"{"id":2,"publish":{}}"#; 1_000]);
    }
    world.say(client, r#"{"id":3,"subscribe":{"channel":"demo:tea"}}"#);
    world.heard(client);
    world.say(client, r#"{"id":3,"history":{"channel":"demo:tea","limit":-1}}"#);
    assert_eq!(world.heard(client)[0].matches(r#""data""#).count(), 300);
}

#[test]
fn deep_json_is_refused() {
    let mut world = World::new(without_rate());
    let client = world.connected();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    world.ask_for_end(
        client,
        &format!(r#"{{"id":2,"publish":{{"channel":"demo:tea","data":{deep}}}}}"#),
        3501,
    );
}

#[test]
fn what_the_broker_cannot_keep_is_error_106_and_3004_as_a_client_connects() {
    let mut limits = MemoryLimits::default();
    limits.channels = 1;
    let mut world = World::with_limits(with_tokens(), limits);
    let client = connect_with(&mut world, r#"{"sub":"42","channels":["demo:a"]}"#);
    assert_eq!(world.heard(client).len(), 1);
    let subscribe = r#"{"id":2,"subscribe":{"channel":"demo:b"}}"#;
    world.ask(client, subscribe, &[r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#]);
    let other = connect_with(&mut world, r#"{"sub":"42","channels":["demo:b"]}"#);
    assert_eq!(world.end(other), Some(3004));
    let counts = world.hub.counts();
    assert_eq!((counts.clients, counts.channels), (1, 1));
}

#[test]
fn a_subscription_that_presence_has_no_place_for_does_not_begin() {
    let mut limits = MemoryLimits::default();
    limits.presences = 1;
    let mut world = World::with_limits(config(), limits);
    let _first = world.subscribed("demo:tea");
    let second = world.connected();
    let subscribe = r#"{"id":2,"subscribe":{"channel":"demo:tea","join_leave":true}}"#;
    let error = r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#;
    world.ask(second, subscribe, &[error]);
    world.ask(second, subscribe, &[error]);
    let counts = world.hub.counts();
    assert_eq!((counts.subscribes - counts.unsubscribes, counts.channels), (1, 1));
}

/// Says how many frames came, each after the client had read the one before, and returns what is in them.
fn read_all(world: &mut World, client: usize) -> (usize, Vec<String>) {
    let mut frames = world.heard(client);
    while world.waits(client) {
        world.answer(client);
        frames.extend(world.heard(client));
    }
    (frames.len(), frames.iter().flat_map(|frame| frame.lines().map(str::to_owned)).collect())
}

fn kept(config: &mut HubConfig) {
    let mut options = NamespaceOptions::demo();
    options.history.size = 100;
    options.history.ttl = Duration::from_secs(60);
    options.recovery = longwire_hub::RecoveryPolicy::OnRequest;
    options.read_history = Access::ANONYMOUS;
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
}

fn fill(world: &World, channel: &str, count: usize) {
    for _ in 0..count {
        let call = longwire_hub::PublishCall::new(longwire_hub::Data::from_text("x".repeat(1_000)));
        finish(world.hub.publish(channel, call, world.now)).unwrap();
    }
}

#[test]
fn long_replies_wait_until_the_client_has_read_the_ones_before() {
    let mut config = config();
    kept(&mut config);
    let mut world = World::new(config);
    let client = world.connected();
    fill(&world, "demo:tea", 50);
    let requests: Vec<String> = (1..=100)
        .map(|id| format!(r#"{{"id":{id},"history":{{"channel":"demo:tea","limit":-1}}}}"#))
        .collect();
    world.say(client, &requests.join("\n"));
    let first = world.heard(client);
    assert!(first.iter().map(String::len).sum::<usize>() < 200_000, "the rest waits");
    let (_, rest) = read_all(&mut world, client);
    let replies: Vec<String> =
        first.iter().flat_map(|frame| frame.lines()).map(str::to_owned).chain(rest).collect();
    assert_eq!(replies.len(), 100);
    for (id, reply) in (1..).zip(&replies) {
        assert!(reply.starts_with(&format!(r#"{{"id":{id},"history""#)), "{reply:.80}");
    }
}

#[test]
fn a_page_has_no_more_bytes_than_a_reply_and_at_least_one_publication() {
    let mut config = config();
    kept(&mut config);
    config.limits.page_bytes = 3_500;
    let mut world = World::new(config.clone());
    let client = world.connected();
    fill(&world, "demo:tea", 10);
    let page = r#"{"id":2,"history":{"channel":"demo:tea","limit":-1}}"#;
    world.say(client, page);
    assert_eq!(world.heard(client)[0].matches(r#""offset":"#).count(), 3 + 1, "three, and the position");
    config.limits.page_bytes = 10;
    world.hub.configure(config);
    world.say(client, page);
    assert_eq!(world.heard(client)[0].matches(r#""offset":"#).count(), 1 + 1);
}

#[test]
fn what_is_too_long_for_a_reply_is_not_recovered_and_the_client_learns_it() {
    let mut config = config();
    kept(&mut config);
    config.limits.page_bytes = 3_500;
    let mut world = World::new(config);
    let client = world.connected();
    fill(&world, "demo:tea", 10);
    world.say(client, r#"{"id":2,"history":{"channel":"demo:tea","limit":0}}"#);
    world.heard(client);
    let position = world.id("EPOCH");
    for (offset, recovered) in [(6, false), (7, true)] {
        world.say(client, &format!(
            r#"{{"id":3,"subscribe":{{"channel":"demo:tea","recover":true,"offset":{offset},"epoch":"{position}"}}}}"#
        ));
        let reply = world.heard(client).remove(0);
        assert_eq!(reply.contains(r#""recovered":true"#), recovered, "{reply:.200}");
        assert!(reply.contains(r#""was_recovering":true"#), "{reply:.200}");
        world.say(client, r#"{"id":4,"unsubscribe":{"channel":"demo:tea"}}"#);
        world.heard(client);
    }
}

#[test]
fn a_frame_that_is_too_long_is_a_bad_request_before_it_is_read() {
    let mut config = config();
    config.limits.frame_bytes = 1_000;
    let mut world = World::new(config);
    let client = world.connected();
    world.say(client, &" ".repeat(1_000));
    assert_eq!(world.end(client), None);
    world.say(client, &" ".repeat(1_001));
    assert_eq!(world.end(client), Some(3501));
}

#[test]
fn what_a_back_end_would_get_is_no_longer_than_a_publication() {
    let mut world = World::new(config());
    let client = world.connected();
    let long = "x".repeat(64 << 10);
    for command in [
        format!(r#"{{"id":2,"rpc":{{"method":"m","data":"{long}"}}}}"#),
        format!(r#"{{"id":2,"rpc":{{"method":"{long}m"}}}}"#),
        format!(r#"{{"id":2,"subscribe":{{"channel":"demo:tea","data":"{long}"}}}}"#),
    ] {
        world.ask(client, &command, &[r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#]);
    }
    let newcomer = world.open();
    for claim in [
        format!(r#""data":"{long}""#),
        format!(r#""name":"{long}x""#),
        format!(r#""headers":{{"a":"{long}"}}"#),
        format!(r#""subs":{{"a":{{"epoch":"{long}"}}}}"#),
    ] {
        let connect = format!(r#"{{"id":2,"connect":{{{claim}}}}}"#);
        world.ask(newcomer, &connect, &[r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#]);
    }
    let subs: Vec<String> = (0..129).map(|number| format!(r#""c{number}":{{}}"#)).collect();
    world.say(newcomer, &format!(r#"{{"id":2,"connect":{{"subs":{{{}}}}}}}"#, subs.join(",")));
    assert_eq!(world.end(newcomer), Some(3505));
}

#[test]
fn commands_wait_in_bounded_memory_for_all_sessions_together() {
    struct Slow;
    impl longwire_hub::Backend for Slow {
        fn rpc(
            &self,
            _: longwire_hub::HookClient,
            _: String,
            _: longwire_hub::Data,
        ) -> Option<longwire_hub::HookAnswer<longwire_hub::Data>> {
            Some(Box::pin(async { Ok(longwire_hub::Data::Json("1".into())) }))
        }
    }
    let mut config = config();
    config.max_waiting_bytes = 100_000;
    let mut world = World::with_backend(config, Slow);
    let (one, other) = (world.connected(), world.connected());
    let data = "x".repeat(50_000);
    let call = r#"{"id":2,"rpc":{"method":"m"}}"#;
    let publish = format!(r#"{{"id":3,"publish":{{"channel":"demo:tea","data":"{data}"}}}}"#);
    let frame = [call, &publish].join("\n");
    world.say(one, &frame);
    assert!(world.waits(one));
    world.say(other, &frame);
    assert_eq!(world.end(other), Some(3013));
    world.answer(one);
    assert_eq!(world.end(one), None);
    world.heard(one);
    let late = world.connected();
    world.say(late, &frame);
    assert!(world.waits(late), "the first one waits no more");
    world.say(one, call);
    assert!(world.waits(one), "nothing waits behind it");
}

#[test]
fn a_message_of_a_plain_client_that_is_too_long_is_not_read() {
    let mut config = config();
    config.limits.publication = 10;
    let mut world = World::new(config);
    let transport = Transport::new(TransportKind::Plain, Encoding::Json);
    let client = world.open_as(transport);
    let request = PlainRequest { channel: "demo:tea".into(), ..PlainRequest::default() };
    let now = world.now;
    world.call(client, |session, link| session.open_plain(link, request, now));
    world.say(client, "0123456789");
    assert_eq!(world.end(client), None);
    world.say(client, "0123456789!");
    assert_eq!(world.end(client), Some(3501));
}

#[test]
fn tokens_are_checked_a_few_at_a_time() {
    let mut world = World::new(config());
    let client = world.connected();
    let subscribes: Vec<String> = (1..=100)
        .map(|id| format!(r#"{{"id":{id},"subscribe":{{"channel":"demo:{id}","token":"x"}}}}"#))
        .collect();
    world.say(client, &subscribes.join("\n"));
    assert!(world.heard(client).join("\n").lines().count() <= 20, "the rest waits");
    assert_eq!(read_all(&mut world, client).1.len(), 100 - 16);
}
