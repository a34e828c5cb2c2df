//! What disconnects a client.

use std::num::NonZeroU32;
use std::time::Duration;

use longwire_hub::centrifuge::Disconnect;
use longwire_hub::{ClientFilter, ControlMessage, HubConfig};

use crate::support::{World, config, finish};

#[test]
fn a_ping_that_is_not_answered_is_3012() {
    let mut world = World::new(HubConfig::default());
    let (silent, lively) = (world.connected(), world.connected());
    world.pass(Duration::from_secs(25));
    world.expect(silent, &["{}"]);
    world.expect(lively, &["{}"]);
    world.ask(lively, "{}", &[]);
    world.pass(Duration::from_millis(7_999));
    assert_eq!(world.end(silent), None);
    world.pass(Duration::from_millis(1));
    assert_eq!((world.end(silent), world.end(lively)), (Some(3012), None));
    world.pass(Duration::from_secs(17));
    world.expect(lively, &["{}"]);
}

#[test]
fn a_pong_without_a_ping_is_a_bad_request() {
    let mut world = World::new(HubConfig::default());
    let client = world.connected();
    world.ask_for_end(client, "{}", 3501);
    let client = world.connected();
    world.pass(Duration::from_secs(25));
    world.heard(client);
    world.ask(client, "{}", &[]);
    world.ask_for_end(client, "{}", 3501);
}

#[test]
fn a_client_need_not_answer_pings_without_a_timeout() {
    let mut config = HubConfig::default();
    config.pong_timeout = Duration::ZERO;
    let mut world = World::new(config);
    let client = world.open();
    world.say(client, r#"{"id":1,"connect":{}}"#);
    assert!(world.heard(client)[0].ends_with(r#""ping":25}}"#));
    world.pass(Duration::from_secs(100));
    world.expect(client, &["{}", "{}", "{}", "{}"]);
    assert_eq!(world.end(client), None);
}

#[test]
fn a_malformed_frame_is_a_bad_request() {
    let mut world = World::new(config());
    for frame in ["nonsense", "7", r#"{"id":"2"}"#, r#"{"id":2,"ping":{}"#, r#"{"ping":{}}"#] {
        let client = world.connected();
        world.ask_for_end(client, frame, 3501);
        let log = world.log();
        assert!(log.last().unwrap().contains("bad request: command 1, after byte"), "{log:?}");
    }
    // What precedes it is answered.
    let client = world.connected();
    world.ask(client, "{\"id\":2,\"ping\":{}}\n{", &[r#"{"id":2,"ping":{}}"#]);
    assert_eq!(world.end(client), Some(3501));
}

#[test]
fn a_client_that_causes_too_many_errors_is_3509() {
    let mut config = config();
    config.limits.errors = NonZeroU32::new(3).unwrap();
    config.limits.errors_per = Duration::from_secs(30);
    let mut world = World::new(config);
    let client = world.connected();
    let bad = r#"{"id":2,"subscribe":{"channel":"none:a"}}"#;
    let error = r#"{"id":2,"error":{"code":102,"message":"unknown channel"}}"#;
    for _ in 0..3 {
        world.ask(client, bad, &[error]);
    }
    world.pass(Duration::from_secs(10));
    world.ask(client, bad, &[error]);
    assert_eq!(world.end(client), None);
    world.ask(client, bad, &[error]);
    assert_eq!(world.end(client), Some(3509));
}

#[test]
fn shutdown_is_3001() {
    let mut world = World::new(config());
    let clients = [world.subscribed("demo:tea"), world.connected()];
    world.hub.broadcast_control(&ControlMessage::Disconnect(Disconnect::SHUTDOWN));
    assert_eq!(clients.map(|client| world.end(client)), [Some(3001); 2]);
    let counts = world.hub.counts();
    assert_eq!((counts.clients, counts.channels, counts.disconnects), (0, 0, 2));
}

#[test]
fn after_its_end_a_session_does_nothing() {
    let mut world = World::new(config());
    let client = world.subscribed("demo:tea");
    let filter = ClientFilter { client: Some(world.id("C0").into()), ..ClientFilter::default() };
    finish(world.hub.disconnect(&filter, Disconnect::FORCE_RECONNECT)).unwrap();
    assert_eq!(world.end(client), Some(3011));
    world.ask(client, r#"{"id":2,"ping":{}}"#, &[]);
    world.pass(Duration::from_secs(1_000));
    world.cut(client);
    world.cut(client);
    assert_eq!(world.hub.counts().disconnects, 1);
    assert_eq!(world.session(client).next_deadline(), None);
}

#[test]
fn too_many_control_messages_are_3010() {
    let mut config = config();
    config.limits.control_messages = 0;
    config.limits.frame.commands = 0;
    let mut world = World::new(config);
    let client = world.open();
    let now = world.now;
    world.call(client, |session, link| session.control(link, ControlMessage::Unsubscribe(None), now));
    assert_eq!(world.end(client), Some(3010));
}
