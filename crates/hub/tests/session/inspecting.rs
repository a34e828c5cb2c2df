//! What an operator sees.

use std::sync::mpsc;
use std::time::Duration;

use longwire_hub::{DescriptionSink, Largest, SessionDescription, TransportKind};

use crate::connecting::{connect_with, with_tokens};
use crate::support::{World, finish};

fn ask(world: &mut World, client: &str) -> Option<SessionDescription> {
    let (sender, receiver) = mpsc::channel();
    let sink = DescriptionSink::new(move |description| sender.send(description).unwrap());
    let is_live = world.hub.describe(client, sink);
    world.settle();
    let description = receiver.try_recv().ok();
    assert_eq!(is_live, description.is_some());
    description
}

#[test]
fn a_session_describes_itself() {
    let mut world = World::new(with_tokens());
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    for channel in ["news", "demo:tea"] {
        world.say(client, &format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#));
    }
    let id = world.session(client).client().unwrap();
    let live = world.hub.live_session(&id).unwrap();
    assert_eq!((&*live.user, live.since), ("42", world.now));
    assert_eq!(world.hub.user_sessions("42"), [live]);
    let description = ask(&mut world, &id).unwrap();
    let channels: Vec<&str> = description.channels.iter().map(|channel| &**channel).collect();
    assert_eq!((channels, description.peer), (vec!["demo:tea", "news"], None));
    assert_eq!(description.transport, TransportKind::WebSocket);
    world.cut(client);
    assert_eq!(world.hub.live_session(&id), None);
    assert_eq!(ask(&mut world, &id), None);
}

#[test]
fn a_session_that_waits_describes_itself_at_once() {
    let mut world = World::later(with_tokens(), 7);
    let client = connect_with(&mut world, r#"{"sub":"42"}"#);
    world.say(client, r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    assert!(world.waits(client));
    let id = world.session(client).client().unwrap();
    assert_eq!(ask(&mut world, &id).unwrap().channels, []);
}

#[test]
fn the_largest_channels_and_users_come_first() {
    let mut world = World::new(with_tokens());
    for (user, channel) in [("42", "news"), ("42", "news"), ("43", "demo:tea"), ("7", "demo:milk")] {
        let client = connect_with(&mut world, &format!(r#"{{"sub":"{user}"}}"#));
        world.say(client, &format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#));
    }
    let largest = |limit, pattern| finish(world.hub.largest_channels(pattern, limit)).unwrap().found;
    let users = |limit, pattern| finish(world.hub.largest_users(pattern, limit)).unwrap().found;
    let Largest { found, total } = largest(2, "");
    let found: Vec<(&str, usize)> = found.iter().map(|(name, size)| (&**name, *size)).collect();
    assert_eq!((found, total), (vec![("news", 2), ("demo:milk", 1)], 3));
    assert_eq!(largest(0, "demo:*"), Largest { found: vec![], total: 2 });
    assert_eq!(users(1, ""), Largest { found: vec![("42".into(), 2)], total: 3 });
    assert_eq!(users(9, "4*").total, 2);
    let subscribers = |name: &str| finish(world.hub.subscribers(&name.parse().unwrap())).unwrap().found;
    assert_eq!(subscribers("news"), 2);
    assert_eq!(subscribers("demo:none"), 0);
}

#[test]
fn a_block_is_seen_until_it_ends() {
    let world = World::new(with_tokens());
    let until = world.now + Duration::from_secs(60);
    finish(world.hub.block("42", Some(until))).unwrap();
    assert_eq!(world.hub.blocked_until("42", world.now), Some(until));
    assert_eq!(world.hub.blocked_until("43", world.now), None);
    assert_eq!(world.hub.blocked_until("42", until), None);
    finish(world.hub.block("42", None)).unwrap();
    assert_eq!(world.hub.blocked_until("42", world.now), None);
}
