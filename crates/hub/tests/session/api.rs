//! What back ends can do.

use std::time::Duration;

use longwire_hub::centrifuge::Disconnect;
use longwire_hub::{
    ApiError, ClientFilter, Data, HistoryQuery, NamespaceOptions, Namespaces, NodeInfo, PublishCall,
    ServerSubscription, StreamPosition,
};

use crate::connecting::{connect_with, with_tokens};
use crate::support::{World, config, finish};

fn call(text: &str) -> PublishCall {
    PublishCall::new(Data::from_text(text.to_owned()))
}

fn code<T>(answer: Result<T, ApiError>) -> Option<u32> {
    answer.err().map(ApiError::code)
}

#[test]
fn publish_answers_with_the_position() {
    let mut world = World::new(config());
    let client = world.subscribed("demo:tea");
    let outcome = finish(world.hub.publish("demo:tea", call("1"), world.now)).unwrap();
    assert_eq!(outcome.position.unwrap().offset, 1);
    let mut with_tags = call("2");
    with_tags.tags.insert("a".into(), "b".into());
    with_tags.idempotency_key = Some("k".into());
    for was_known in [false, true] {
        let outcome = finish(world.hub.publish("demo:tea", with_tags.clone(), world.now)).unwrap();
        assert_eq!((outcome.position.unwrap().offset, outcome.was_known), (2, was_known));
    }
    let mut without_history = call("3");
    without_history.skip_history = true;
    assert_eq!(finish(world.hub.publish("demo:tea", without_history, world.now)).unwrap().position, None);
    world.expect(
        client,
        &[
            r#"{"push":{"channel":"demo:tea","pub":{"data":1,"offset":1}}}"#,
            r#"{"push":{"channel":"demo:tea","pub":{"data":2,"offset":2,"tags":{"a":"b"}}}}"#,
            r#"{"push":{"channel":"demo:tea","pub":{"data":3}}}"#,
        ],
    );
    assert_eq!(code(finish(world.hub.publish("none:tea", call("1"), world.now))), Some(102));
    assert_eq!(code(finish(world.hub.publish("", call("1"), world.now))), Some(107));
}

#[test]
fn broadcast_answers_for_each_channel() {
    let world = World::new(config());
    let channels = ["demo:a".to_owned(), "none:b".to_owned(), "demo:c".to_owned()];
    let outcomes = finish(world.hub.broadcast(&channels, &call("1"), world.now));
    assert_eq!(outcomes.into_iter().map(code).collect::<Vec<_>>(), [None, Some(102), None]);
}

#[test]
fn clients_are_found_by_user_client_and_session() {
    let mut world = World::new(with_tokens());
    let clients: Vec<usize> =
        ["42", "42", "43"].map(|user| connect_with(&mut world, &format!(r#"{{"sub":"{user}"}}"#))).into();
    let id = |world: &World, client| Some(world.session(client).client().unwrap());
    let first = id(&world, 0);
    let mut end = |filter: ClientFilter| {
        finish(world.hub.disconnect(&filter, Disconnect::FORCE_NO_RECONNECT)).unwrap();
        clients.iter().map(|client| world.end(*client).is_some()).collect::<Vec<_>>()
    };
    let filter =
        |user: &str, client| ClientFilter { user: user.to_owned().into(), client, ..Default::default() };
    assert_eq!(end(filter("43", first.clone())), [false, false, false], "it is not that user's");
    assert_eq!(end(filter("44", None)), [false, false, false]);
    let except =
        ClientFilter { user: "42".into(), except: first.clone().into_iter().collect(), ..Default::default() };
    assert_eq!(end(except), [false, true, false]);
    assert_eq!(end(filter("", first)), [true, true, false]);
    assert_eq!(end(filter("43", None)), [true, true, true]);
    assert_eq!(code(finish(world.hub.disconnect(&ClientFilter::default(), Disconnect::SHUTDOWN))), Some(107));
}

/// A key is remembered as long as the namespace says, with history and without.
#[test]
fn a_key_is_remembered_without_history_too() {
    let mut config = config();
    let mut options = NamespaceOptions::demo();
    options.history.idempotency = Duration::from_secs(2_000);
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
    let mut world = World::new(config);
    let mut call = call("1");
    (call.skip_history, call.idempotency_key) = (true, Some("k".into()));
    let publish = |world: &mut World| {
        world.now = world.now + Duration::from_secs(999);
        world.hub.expire(world.now);
        finish(world.hub.publish("demo:tea", call.clone(), world.now)).unwrap().was_known
    };
    let known: Vec<bool> = (0..4).map(|_| publish(&mut world)).collect();
    assert_eq!(known, [false, true, true, false]);
}

#[test]
fn presence_and_history_are_read_and_removed() {
    let mut world = World::new(config());
    let client = world.subscribed("demo:tea");
    let id = world.session(client).client().unwrap();
    let presence = finish(world.hub.presence("demo:tea", world.now)).unwrap();
    assert_eq!(presence.clients.keys().collect::<Vec<_>>(), [&id]);
    assert_eq!(finish(world.hub.presence_stats("demo:tea", world.now)).unwrap().clients, 1);
    let _ = world.hub.publish("demo:tea", call("1"), world.now);
    let all = HistoryQuery { limit: 10, since: None, reverse: false };
    assert_eq!(finish(world.hub.history("demo:tea", all.clone(), world.now)).unwrap().publications.len(), 1);
    finish(world.hub.history_remove("demo:tea", world.now)).unwrap();
    let page = finish(world.hub.history("demo:tea", all.clone(), world.now)).unwrap();
    assert_eq!((page.publications.len(), page.position.offset), (0, 1));
    assert_eq!(code(finish(world.hub.history("news", all, world.now))), Some(108));
    assert_eq!(code(finish(world.hub.presence("news", world.now))), Some(108));
    assert_eq!(code(finish(world.hub.history_remove("none:a", world.now))), Some(102));
    let unknown = ServerSubscription::new("none:a".parse().unwrap());
    let filter = ClientFilter { client: Some(id), ..ClientFilter::default() };
    assert_eq!(code(finish(world.hub.subscribe(&filter, &unknown))), Some(102));
}

#[test]
fn channels_and_figures_follow_the_subscribers() {
    let mut world = World::new(with_tokens());
    let clients: Vec<usize> =
        ["42", "42", "43"].map(|user| connect_with(&mut world, &format!(r#"{{"sub":"{user}"}}"#))).into();
    for (client, channel) in [(0, "news"), (1, "news"), (2, "demo:tea")] {
        let command = format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#);
        world.say(clients[client], &command);
    }
    let channels = |pattern, limit| {
        let found = finish(world.hub.channels(pattern, limit)).unwrap().found;
        found.iter().map(|(name, figures)| format!("{name} {}", figures.clients)).collect::<Vec<_>>()
    };
    assert_eq!(channels("", 10), ["demo:tea 1", "news 2"]);
    assert_eq!(channels("", 1), ["demo:tea 1"]);
    assert_eq!(channels("n*", 10), ["news 2"]);
    let NodeInfo { clients: connections, users, subscriptions, channels, .. } = world.hub.info();
    assert_eq!((connections, users, subscriptions, channels), (3, 2, 3, 2));
    let sessions = world.hub.user_sessions("42");
    assert_eq!(sessions.len(), 2);
    for client in clients {
        world.cut(client);
    }
    let NodeInfo { clients: connections, users, subscriptions, channels, .. } = world.hub.info();
    assert_eq!((connections, users, subscriptions, channels), (0, 0, 0, 0));
}

/// The next page begins where the last one ended.
#[test]
fn a_page_of_history_is_bounded_in_bytes_and_the_next_one_goes_on() {
    let mut config = config();
    config.limits.page_bytes = 100;
    let world = World::new(config);
    for length in [60, 30, 30, 500, 10] {
        let call = PublishCall::new(Data::from_text("x".repeat(length)));
        finish(world.hub.publish("demo:tea", call, world.now)).unwrap();
    }
    for (reverse, pages) in
        [(false, [&[1, 2][..], &[3], &[4], &[5], &[]]), (true, [&[5], &[4], &[3, 2], &[1], &[]])]
    {
        let mut since = None;
        for expected in pages {
            let query = HistoryQuery { limit: 1_000, since: since.clone(), reverse };
            let page = finish(world.hub.history("demo:tea", query, world.now)).unwrap();
            let offsets: Vec<u64> = page.publications.iter().map(|publication| publication.offset).collect();
            assert_eq!(offsets, expected, "{reverse} {since:?}");
            let last = offsets.last().copied().unwrap_or_default();
            since = Some(StreamPosition { offset: last, epoch: page.position.epoch });
        }
    }
}
