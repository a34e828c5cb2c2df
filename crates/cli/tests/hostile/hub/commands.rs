//! Commands whose replies are far longer than they are, and commands without end.

use std::time::Duration;

use serde_json::{Value, json};

use super::setting::{api, begin};
use super::speaker::Speaker;
use crate::frames::{FIN, TEXT};
use crate::peer::Peer;
use crate::process::{KIB, MIB};
use crate::trial::{Bounds, CONNECTION};

const CPU: Duration = Duration::from_secs(12);

/// Fills a channel with `count` publications of 60 KiB.
fn fill(server: &crate::server::Server, channel: &str, count: usize) {
    let data = "x".repeat(60 * KIB);
    for _ in 0..count {
        let published = api(server, "publish", &json!({ "channel": channel, "data": data }));
        assert!(published["offset"].is_u64(), "{published}");
    }
}

/// As many commands as a frame may have.
fn commands(command: impl Fn(usize) -> Value) -> Vec<Value> {
    (1..=1_000).map(command).collect()
}

#[test]
fn all_of_history_again_and_again_unread() {
    let trial = begin("", &[]);
    fill(&trial.server, "kept:long", 100);
    let mut speaker = Speaker::connected(&trial.server);
    speaker.say(&commands(|id| json!({ "id": id, "history": { "channel": "kept:long", "limit": -1 } })));
    speaker.peer.leave_unread();
    let mut others = Speaker::connected(&trial.server);
    others.subscribe("open:others");
    drop((speaker, others));
    trial.end(
        "requests 6 MiB of history 1,000 times in one frame and reads nothing",
        "the session goes on as its client reads",
        &Bounds { memory: 32 * MIB, cpu: CPU },
    );
}

/// The server's own limit is 16 MiB: the hub's endpoints have a lower one.
#[test]
fn frames_that_are_longer_than_commands_can_be() {
    let trial = begin("", &[]);
    let paths = ["/connection/websocket", "/connection/uni_websocket", "/channel/open:long"];
    let mut peers: Vec<Peer> =
        (0..30).map(|number| Peer::open(&trial.server, paths[number % paths.len()])).collect();
    for peer in &mut peers {
        peer.declare(FIN | TEXT, 15 * MIB, b"{");
        peer.try_send(vec![0; 2 * MIB]);
    }
    assert!(peers.iter_mut().all(|peer| peer.close_code() == Some(1009)));
    drop(peers);
    trial.end(
        "30 clients begin frames of 15 MiB",
        "1009 before any of the content arrives",
        &Bounds { memory: 30 * (CONNECTION + 64 * KIB) + MIB, cpu: CPU },
    );
}

#[test]
fn all_of_history_again_and_again_read() {
    let trial = begin("", &[]);
    fill(&trial.server, "kept:long", 20);
    let mut speaker = Speaker::connected(&trial.server);
    let requests: Vec<Value> =
        (1..=30).map(|id| json!({ "id": id, "history": { "channel": "kept:long", "limit": -1 } })).collect();
    speaker.say(&requests);
    for id in 1..=30 {
        let reply = speaker.hear();
        assert_eq!(reply["id"], id);
        assert_eq!(reply["history"]["publications"].as_array().unwrap().len(), 20);
    }
    drop(speaker);
    trial.end(
        "requests 1.2 MiB of history 30 times in one frame and reads it",
        "each reply comes, in order",
        &Bounds { memory: 24 * MIB, cpu: CPU },
    );
}
