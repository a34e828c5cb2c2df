//! The commands `presence`, `presence_stats` and `history`.

use std::time::Duration;

use crate::connecting::{connect_with, with_tokens};
use crate::support::{World, config, finish};

#[test]
fn presence_lists_clients_and_statistics_count_users() {
    let mut world = World::new(with_tokens());
    let clients: Vec<usize> =
        (0..2).map(|_| connect_with(&mut world, r#"{"sub":"42","info":{"name":"Ann"}}"#)).collect();
    for client in &clients {
        world.heard(*client);
        world.ask(*client, r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#, &[r#"{"id":2,"subscribe":{}}"#]);
    }
    let ann = clients[0];
    world.ask(
        ann,
        r#"{"id":3,"presence_stats":{"channel":"demo:tea"}}"#,
        &[r#"{"id":3,"presence_stats":{"num_clients":2,"num_users":1}}"#],
    );
    world.cut(clients[1]);
    world.ask(ann, r#"{"id":4,"presence":{"channel":"demo:tea"}}"#, &[
        r#"{"id":4,"presence":{"presence":{"C0":{"user":"42","client":"C0","conn_info":{"name":"Ann"}}}}}"#,
    ]);
    world.ask(
        ann,
        r#"{"id":5,"presence_stats":{"channel":"demo:tea"}}"#,
        &[r#"{"id":5,"presence_stats":{"num_clients":1,"num_users":1}}"#],
    );
}

#[test]
fn presence_stays_while_the_session_renews_it() {
    let mut world = World::new(config());
    let client = world.subscribed("demo:tea");
    for _ in 0..20 {
        world.pass(Duration::from_secs(19));
        world.hub.expire(world.now);
        world.ask(
            client,
            r#"{"id":5,"presence_stats":{"channel":"demo:tea"}}"#,
            &[r#"{"id":5,"presence_stats":{"num_clients":1,"num_users":1}}"#],
        );
    }
}

#[test]
fn who_may_not_read_gets_error_103_and_what_is_not_offered_is_108() {
    let mut world = World::new(config());
    let client = world.connected();
    for (command, channel, code, message) in [
        ("presence", "demo:tea", 103, "permission denied"),
        ("presence_stats", "demo:tea", 103, "permission denied"),
        ("history", "demo:tea", 103, "permission denied"),
        ("presence", "news", 108, "not available"),
        ("presence_stats", "news", 108, "not available"),
        ("history", "news", 108, "not available"),
        ("history", "none:tea", 102, "unknown channel"),
    ] {
        let command = format!(r#"{{"id":2,"{command}":{{"channel":"{channel}"}}}}"#);
        let reply = format!(r#"{{"id":2,"error":{{"code":{code},"message":"{message}"}}}}"#);
        world.ask(client, &command, &[&reply]);
    }
    for command in ["presence", "presence_stats", "history"] {
        let client = world.connected();
        world.ask_for_end(client, &format!(r#"{{"id":2,"{command}":{{}}}}"#), 3501);
    }
}

#[test]
fn history_comes_in_pages_in_both_directions() {
    let mut world = World::new(config());
    let client = world.subscribed("demo:tea");
    for number in 1..=5 {
        world.say(client, &format!(r#"{{"id":3,"publish":{{"channel":"demo:tea","data":{number}}}}}"#));
    }
    world.heard(client);
    let mut ask = |request: &str, offsets: &[u64]| {
        world.say(client, &format!(r#"{{"id":4,"history":{{"channel":"demo:tea",{request}}}}}"#));
        let heard = world.heard(client);
        let publication = |offset: &u64| {
            format!(r#"{{"data":{offset},"info":{{"user":"","client":"C0"}},"offset":{offset}}}"#)
        };
        let publications: Vec<String> = offsets.iter().map(publication).collect();
        let expected = format!(
            r#"{{"id":4,"history":{{"publications":[{}],"epoch":"EPOCH","offset":5}}}}"#,
            publications.join(",")
        );
        assert_eq!(heard, [expected], "{request}");
    };
    ask(r#""limit":0"#, &[]);
    ask(r#""limit":2"#, &[1, 2]);
    ask(r#""limit":-1"#, &[1, 2, 3, 4, 5]);
    ask(r#""limit":2,"since":{"offset":2}"#, &[3, 4]);
    ask(r#""limit":2,"reverse":true"#, &[5, 4]);
    ask(r#""limit":9,"since":{"offset":3},"reverse":true"#, &[2, 1]);
    world.ask(
        client,
        r#"{"id":5,"history":{"channel":"demo:tea","limit":1,"since":{"offset":1,"epoch":"old"}}}"#,
        &[r#"{"id":5,"error":{"code":112,"message":"unrecoverable position"}}"#],
    );
}

#[test]
fn pages_are_bounded() {
    let mut config = config();
    config.limits.history_page = 2;
    let mut world = World::new(config);
    let clients: Vec<usize> = (0..3).map(|_| world.subscribed("demo:tea")).collect();
    for client in &clients {
        world.say(*client, r#"{"id":3,"publish":{"channel":"demo:tea","data":1}}"#);
        world.heard(*client);
    }
    let client = clients[0];
    world.heard(client);
    world.say(client, r#"{"id":4,"history":{"channel":"demo:tea","limit":2000000000}}"#);
    assert_eq!(world.heard(client)[0].matches(r#""data""#).count(), 2);
}

/// The protocol has no pages of presence: a part of it would look like all of it.
#[test]
fn presence_is_whole_or_an_error() {
    for (clients, bytes, is_whole) in [(3, 1_000, true), (2, 1_000, false), (3, 100, false)] {
        let mut config = config();
        config.limits.presence_page = clients;
        config.limits.presence_bytes = bytes;
        let mut world = World::new(config);
        let client = [(); 3].map(|()| world.subscribed("demo:tea"))[0];
        world.heard(client);
        world.say(client, r#"{"id":5,"presence":{"channel":"demo:tea"}}"#);
        let heard = world.heard(client);
        let by_api = finish(world.hub.presence("demo:tea", world.now));
        if is_whole {
            assert_eq!(heard[0].matches(r#""client""#).count(), 3);
            assert_eq!(by_api.unwrap().clients.len(), 3);
        } else {
            assert_eq!(heard, [r#"{"id":5,"error":{"code":106,"message":"limit exceeded"}}"#]);
            assert_eq!(by_api.unwrap_err().code(), 106);
        }
        world.ask(
            client,
            r#"{"id":6,"presence_stats":{"channel":"demo:tea"}}"#,
            &[r#"{"id":6,"presence_stats":{"num_clients":3,"num_users":1}}"#],
        );
    }
}
