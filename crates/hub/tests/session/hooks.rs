//! Web hooks of the back end.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use longwire_hub::centrifuge::{Disconnect, ErrorCode};
use longwire_hub::{
    Access, Backend, BackendError, BoxFuture, ChannelName, ConnectGrant, ConnectHook, Data, HookAnswer,
    HookClient, HubConfig, NamespaceOptions, Namespaces, PublishGrant, RefreshGrant, SubscribeGrant,
};

use crate::support::{START, World, config};

/// A back end that notes what it is asked, and answers in the order of its script.
#[derive(Default)]
struct Script {
    asked: std::sync::Arc<Mutex<Vec<String>>>,
    connects: Mutex<VecDeque<Result<ConnectGrant, BackendError>>>,
    refreshes: Mutex<VecDeque<Result<RefreshGrant, BackendError>>>,
    subscribes: Mutex<VecDeque<Result<SubscribeGrant, BackendError>>>,
    publishes: Mutex<VecDeque<Result<PublishGrant, BackendError>>>,
    calls: Mutex<VecDeque<Result<Data, BackendError>>>,
}

fn next<T: Send + 'static>(
    script: &Mutex<VecDeque<Result<T, BackendError>>>,
) -> Option<BoxFuture<Result<T, BackendError>>> {
    let answer = script.lock().unwrap().pop_front()?;
    Some(Box::pin(std::future::ready(answer)))
}

impl Script {
    fn note(&self, client: &HookClient, what: &str) {
        self.asked.lock().unwrap().push(format!("{}: {what}", client.user));
    }
}

impl Backend for Script {
    fn connect(&self, client: HookClient, request: ConnectHook) -> Option<HookAnswer<ConnectGrant>> {
        let data = request.data.map(|data| String::from_utf8_lossy(data.as_bytes()).into_owned());
        self.note(&client, &format!("connect {} {data:?}", request.name));
        next(&self.connects)
    }

    fn refresh(&self, client: HookClient) -> Option<HookAnswer<RefreshGrant>> {
        self.note(&client, "refresh");
        next(&self.refreshes)
    }

    fn subscribe(
        &self,
        client: HookClient,
        channel: ChannelName,
        _: Data,
    ) -> Option<HookAnswer<SubscribeGrant>> {
        self.note(&client, &format!("subscribe {channel}"));
        next(&self.subscribes)
    }

    fn publish(
        &self,
        client: HookClient,
        channel: ChannelName,
        data: Data,
    ) -> Option<HookAnswer<PublishGrant>> {
        self.note(&client, &format!("publish {channel} {}", String::from_utf8_lossy(data.as_bytes())));
        next(&self.publishes)
    }

    fn rpc(&self, client: HookClient, method: String, _: Data) -> Option<HookAnswer<Data>> {
        self.note(&client, &format!("rpc {method}"));
        next(&self.calls)
    }

    fn sub_refresh(&self, client: HookClient, channel: ChannelName) -> Option<HookAnswer<RefreshGrant>> {
        self.note(&client, &format!("sub_refresh {channel}"));
        next(&self.refreshes)
    }
}

fn with_hooks() -> HubConfig {
    let mut options = NamespaceOptions::default();
    options.subscribe = Access::HOOK;
    options.publish = Access::HOOK;
    let mut config = config();
    config.namespaces = Namespaces::new(options);
    config.anonymous = false;
    config
}

fn ann(expires_in: Option<u64>) -> ConnectGrant {
    let mut grant = ConnectGrant::default();
    grant.user = "ann".into();
    grant.expires_at = expires_in.map(|seconds| START + Duration::from_secs(seconds));
    grant.data = Some(Data::from_text("{\"hello\":1}"));
    grant
}

/// A client that has connected by the hook.
fn connected(script: Script) -> (World, usize) {
    let mut world = World::with_backend(with_hooks(), script);
    let client = world.open();
    world.say(client, r#"{"id":1,"connect":{"name":"js","data":{"key":7}}}"#);
    assert!(world.waits(client));
    world.expect(client, &[]);
    world.answer(client);
    world.heard(client);
    (world, client)
}

#[test]
fn the_hook_says_who_connects_and_the_rest_of_the_frame_waits() {
    let script = Script { connects: Mutex::new([Ok(ann(None))].into()), ..Script::default() };
    let asked = script.asked.clone();
    let mut world = World::with_backend(with_hooks(), script);
    let client = world.open();
    world.ask(
        client,
        "{\"id\":1,\"connect\":{\"name\":\"js\",\"data\":{\"key\":7}}}\n{\"id\":2,\"ping\":{}}",
        &[],
    );
    assert_eq!(*asked.lock().unwrap(), [r#": connect js Some("{\"key\":7}")"#]);
    // It is not stale while it waits.
    world.pass(Duration::from_secs(60));
    world.answer(client);
    world.expect(client, &[
        "{\"id\":1,\"connect\":{\"client\":\"C0\",\"version\":\"test\",\"data\":{\"hello\":1}}}\n{\"id\":2,\"ping\":{}}",
    ]);
    assert_eq!(world.session(client).user().unwrap(), "ann");
}

#[test]
fn a_client_does_not_learn_when_the_hook_renews_its_connection() {
    let script = Script { connects: Mutex::new([Ok(ann(Some(10)))].into()), ..Script::default() };
    let mut world = World::with_backend(with_hooks(), script);
    let client = world.open();
    world.say(client, r#"{"id":1,"connect":{}}"#);
    world.answer(client);
    world.expect(client, &[r#"{"id":1,"connect":{"client":"C0","version":"test","data":{"hello":1}}}"#]);
}

#[test]
fn the_hook_refuses() {
    for (answer, frame, code) in [
        (
            BackendError::Error(longwire_hub::centrifuge::ErrorReply {
                code: 1000,
                message: "not today".into(),
                temporary: false,
            }),
            Some(r#"{"id":1,"error":{"code":1000,"message":"not today"}}"#),
            None,
        ),
        (BackendError::Disconnect(Disconnect::new(4501, "banned").unwrap()), None, Some(4501)),
        (
            BackendError::Unavailable,
            Some(r#"{"id":1,"error":{"code":100,"message":"internal server error","temporary":true}}"#),
            None,
        ),
    ] {
        let script = Script { connects: Mutex::new([Err(answer)].into()), ..Script::default() };
        let mut world = World::with_backend(with_hooks(), script);
        let client = world.open();
        world.say(client, r#"{"id":1,"connect":{}}"#);
        world.answer(client);
        assert_eq!(world.heard(client).first().map(String::as_str), frame);
        assert_eq!(world.end(client), code);
    }
}

#[test]
fn an_answer_after_the_end_does_nothing() {
    let script = Script { connects: Mutex::new([Ok(ann(None))].into()), ..Script::default() };
    let mut world = World::with_backend(with_hooks(), script);
    let client = world.open();
    world.say(client, r#"{"id":1,"connect":{}}"#);
    let now = world.now;
    world.call(client, |session, _| {
        session.closed(now);
        longwire_hub::Progress::Idle
    });
    world.answer(client);
    world.expect(client, &[]);
    assert_eq!(world.hub.counts().clients, 0);
}

#[test]
fn the_hook_lets_subscribe_publish_and_call() {
    let mut changed = PublishGrant::default();
    changed.data = Some(Data::from_text("8"));
    let script = Script {
        connects: Mutex::new([Ok(ann(None))].into()),
        subscribes: Mutex::new(
            [Err(BackendError::Error(ErrorCode::PermissionDenied.into())), Ok(SubscribeGrant::default())]
                .into(),
        ),
        publishes: Mutex::new([Ok(changed), Err(BackendError::Error(ErrorCode::BadRequest.into()))].into()),
        calls: Mutex::new([Ok(Data::from_text("{\"year\":2026}"))].into()),
        ..Script::default()
    };
    let asked = script.asked.clone();
    let (mut world, client) = connected(script);
    let mut ask = |command: &str, frames: &[&str]| {
        world.say(client, command);
        assert!(world.waits(client), "{command}");
        world.answer(client);
        world.expect(client, frames);
    };
    ask(
        r#"{"id":2,"subscribe":{"channel":"a"}}"#,
        &[r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#],
    );
    ask(r#"{"id":3,"subscribe":{"channel":"a"}}"#, &[r#"{"id":3,"subscribe":{}}"#]);
    ask(
        r#"{"id":4,"publish":{"channel":"a","data":7}}"#,
        &[
            r#"{"id":4,"publish":{}}"#,
            r#"{"push":{"channel":"a","pub":{"data":8,"info":{"user":"ann","client":"C0"}}}}"#,
        ],
    );
    ask(
        r#"{"id":5,"publish":{"channel":"a","data":7}}"#,
        &[r#"{"id":5,"error":{"code":107,"message":"bad request"}}"#],
    );
    ask(r#"{"id":6,"rpc":{"method":"year"}}"#, &[r#"{"id":6,"rpc":{"data":{"year":2026}}}"#]);
    assert_eq!(
        asked.lock().unwrap()[1..],
        ["ann: subscribe a", "ann: subscribe a", "ann: publish a 7", "ann: publish a 7", "ann: rpc year",]
    );
    // The script is at its end, as if the hooks were not configured.
    world.ask(
        client,
        r#"{"id":7,"subscribe":{"channel":"b"}}"#,
        &[r#"{"id":7,"error":{"code":103,"message":"permission denied"}}"#],
    );
    world.ask(
        client,
        r#"{"id":8,"publish":{"channel":"a","data":7}}"#,
        &[r#"{"id":8,"error":{"code":103,"message":"permission denied"}}"#],
    );
}

#[test]
fn the_hook_renews_a_connection_until_it_does_not() {
    let mut renewed = RefreshGrant::default();
    renewed.expires_at = Some(START + Duration::from_secs(20));
    let mut over = RefreshGrant::default();
    over.expired = true;
    let script = Script {
        connects: Mutex::new([Ok(ann(Some(10)))].into()),
        refreshes: Mutex::new([Ok(renewed), Ok(over)].into()),
        ..Script::default()
    };
    let (mut world, client) = connected(script);
    world.pass(Duration::from_secs(9));
    assert!(!world.waits(client));
    world.pass(Duration::from_secs(1));
    world.answer(client);
    assert_eq!(world.end(client), None);
    world.pass(Duration::from_secs(9));
    assert!(!world.waits(client));
    world.pass(Duration::from_secs(1));
    world.answer(client);
    assert_eq!(world.end(client), Some(3005));
}

#[test]
fn the_hook_renews_a_subscription_until_it_does_not() {
    let mut granted = SubscribeGrant::default();
    granted.expires_at = Some(START + Duration::from_secs(10));
    let mut renewed = RefreshGrant::default();
    renewed.expires_at = Some(START + Duration::from_secs(20));
    let script = Script {
        connects: Mutex::new([Ok(ann(None))].into()),
        subscribes: Mutex::new([Ok(granted)].into()),
        refreshes: Mutex::new([Ok(renewed)].into()),
        ..Script::default()
    };
    let (mut world, client) = connected(script);
    world.say(client, r#"{"id":2,"subscribe":{"channel":"a"}}"#);
    world.answer(client);
    world.expect(client, &[r#"{"id":2,"subscribe":{}}"#]);
    world.pass(Duration::from_secs(10));
    world.answer(client);
    world.expect(client, &[]);
    // The script is at its end: nobody renews it.
    world.pass(Duration::from_secs(10));
    world.expect(
        client,
        &[r#"{"push":{"channel":"a","unsubscribe":{"code":2501,"reason":"subscription expired"}}}"#],
    );
}

#[test]
fn a_pong_may_come_late_if_the_session_waited() {
    let script = Script {
        connects: Mutex::new([Ok(ann(None))].into()),
        calls: Mutex::new([Ok(Data::from_text("1"))].into()),
        ..Script::default()
    };
    let mut config = with_hooks();
    config.ping_interval = Duration::from_secs(25);
    let mut world = World::with_backend(config, script);
    let client = world.open();
    world.say(client, r#"{"id":1,"connect":{}}"#);
    world.answer(client);
    world.heard(client);
    world.say(client, r#"{"id":2,"rpc":{"method":"slow"}}"#);
    world.pass(Duration::from_secs(40));
    world.expect(client, &["{}"]);
    assert_eq!(world.end(client), None);
    world.answer(client);
    world.expect(client, &[r#"{"id":2,"rpc":{"data":1}}"#]);
    world.ask(client, "{}", &[]);
    world.pass(Duration::from_secs(9));
    assert_eq!(world.end(client), None);
}

#[test]
fn where_only_the_hook_decides_a_token_does_not() {
    let script = Script {
        connects: Mutex::new([Ok(ann(None))].into()),
        subscribes: Mutex::new([Err(BackendError::Error(ErrorCode::PermissionDenied.into()))].into()),
        ..Script::default()
    };
    let mut config = with_hooks();
    config.tokens = crate::connecting::with_tokens().tokens;
    let mut world = World::with_backend(config, script);
    let client = world.open();
    world.say(client, r#"{"id":1,"connect":{}}"#);
    world.answer(client);
    world.heard(client);
    let token = crate::connecting::token(r#"{"sub":"ann","channel":"a"}"#);
    world.say(client, &format!(r#"{{"id":2,"subscribe":{{"channel":"a","token":"{token}"}}}}"#));
    world.answer(client);
    world.expect(client, &[r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#]);
}

#[test]
fn what_comes_while_a_command_waits_is_bounded() {
    let script = Script {
        connects: Mutex::new([Ok(ann(None))].into()),
        calls: Mutex::new([Ok(Data::from_text("1")), Ok(Data::from_text("2"))].into()),
        ..Script::default()
    };
    let (mut world, client) = connected(script);
    let ping = r#"{"id":3,"ping":{}}"#;
    for round in 0..2 {
        world.say(client, r#"{"id":2,"rpc":{"method":"slow"}}"#);
        for _ in 0..64 {
            world.say(client, ping);
        }
        if round == 0 {
            world.answer(client);
            assert_eq!(world.heard(client)[0].lines().count(), 65);
        }
    }
    assert_eq!(world.end(client), None);
    world.say(client, ping);
    assert_eq!(world.end(client), Some(3013));
}
