//! Publications in great numbers, and malformed commands.

use std::time::Duration;

use serde_json::{Value, json};

use super::setting::{api, begin};
use super::speaker::Speaker;
use crate::frames::{BINARY, FIN, TEXT};
use crate::peer::Peer;
use crate::process::{KIB, MIB};
use crate::trial::{Bounds, CONNECTION};

const CPU: Duration = Duration::from_secs(15);

#[test]
fn a_storm_of_publications() {
    let trial = begin("", &[]);
    let mut listeners: Vec<Speaker> = (0..20).map(|_| Speaker::connected(&trial.server)).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("kept:storm"));
    let mut speaker = Speaker::connected(&trial.server);
    let data = "x".repeat(KIB);
    let storm = vec![json!({ "id": 2, "publish": { "channel": "kept:storm", "data": data } }); 500];
    for _ in 0..10 {
        speaker.say(&storm);
        for _ in &storm {
            assert!(speaker.hear()["publish"].is_object());
        }
    }
    drop((speaker, listeners));
    trial.end(
        "publishes 5,000 times 1 KiB to 20 subscribers that do not read",
        "history keeps 1,000; subscribers get 3008",
        &Bounds { memory: 21 * (CONNECTION + 300 * KIB) + 8 * MIB, cpu: CPU },
    );
}

#[test]
fn a_storm_of_the_back_end() {
    let trial = begin("", &[]);
    let mut listener = Speaker::connected(&trial.server);
    listener.subscribe("kept:storm");
    for batch in 0..20 {
        let commands: Vec<Value> = (0..500)
            .map(|number| {
                let key = format!("{batch}-{number}");
                let tags = json!({ "a": "x".repeat(200) });
                json!({ "publish": {
                    "channel": format!("kept:storm{}", number % 10), "data": 1, "tags": tags, "idempotency_key": key,
                } })
            })
            .collect();
        api(&trial.server, "batch", &json!({ "commands": commands }));
    }
    drop(listener);
    trial.end(
        "publishes 10,000 times by the API, with idempotency keys and tags",
        "keys are kept for 5 min, at most a million",
        &Bounds { memory: 16 * MIB, cpu: CPU },
    );
}

#[test]
fn deltas_of_content_that_repeats_itself() {
    let trial = begin("", &[]);
    let mut listener = Speaker::connected(&trial.server);
    let subscribe = json!({ "id": 2, "subscribe": { "channel": "kept:delta", "delta": "fossil" } });
    assert_eq!(listener.call(&subscribe)["subscribe"]["delta"], true);
    let mut speaker = Speaker::connected(&trial.server);
    let texts = ["ab".repeat(30 * KIB), "ba".repeat(30 * KIB), "a".repeat(60 * KIB), "aab".repeat(20 * KIB)];
    for round in 0..40 {
        let data = &texts[round % texts.len()];
        let reply = speaker.call(&json!({ "id": 2, "publish": { "channel": "kept:delta", "data": data } }));
        assert!(reply["publish"].is_object(), "{reply}");
        assert_eq!(listener.hear()["push"]["pub"]["offset"], round + 1);
    }
    drop((speaker, listener));
    trial.end(
        "publishes 60 KiB that repeat themselves, 40 times, to a subscriber that takes deltas",
        "each is delivered",
        &Bounds { memory: 12 * MIB, cpu: CPU },
    );
}

#[test]
fn frames_of_empty_commands_and_of_pings() {
    let trial = begin("", &[]);
    let mut speaker = Speaker::connected(&trial.server);
    speaker.say(&vec![json!({ "id": 2, "ping": {} }); 1_024]);
    for _ in 0..1_024 {
        assert!(speaker.hear()["ping"].is_object());
    }
    let codes = [
        "{}\n".repeat(5_000),
        "\n".repeat(2 * MIB),
        "[".repeat(500 * KIB),
        format!("{}1", "{\"id\":".repeat(KIB)),
    ]
    .map(|frame| {
        let mut speaker = Speaker::connected(&trial.server);
        speaker.peer.send_frame(FIN | TEXT, frame);
        speaker.peer.close_code()
    });
    assert_eq!(codes, [Some(3501), Some(1009), Some(3501), Some(3501)]);
    drop(speaker);
    trial.end(
        "sends frames of pings, of empty commands, of line breaks and of brackets",
        "3501 unless they are pings; 1009 for 2 MiB",
        &Bounds { memory: 10 * MIB, cpu: CPU },
    );
}

#[test]
fn protobuf_that_lies() {
    let trial = begin("", &[]);
    let varint = |byte: u8, count: usize| vec![byte; count];
    let lies: [Vec<u8>; 7] = [
        // Lengths of 2⁶³ and 2²⁸ bytes.
        [varint(0xff, 9), vec![0x01]].concat(),
        vec![0xff, 0xff, 0xff, 0x7f, 0x08, 0x01],
        // A varint that does not end.
        varint(0x80, 100),
        // A command whose request says that it is longer than the command.
        vec![0x04, 0x08, 0x01, 0x22, 0x7f],
        // Groups in groups.
        [vec![0xff, 0x07], varint(0x1b, 1_023)].concat(),
        // An unknown field with a length of 2⁶³.
        [vec![0x0b, 0x7a], varint(0xff, 9), vec![0x01]].concat(),
        // A map of connect with an entry that has an entry's length only.
        vec![0x06, 0x08, 0x01, 0x22, 0x02, 0x1a, 0x7f],
    ];
    for lie in &lies {
        let mut peer = Peer::open(&trial.server, "/connection/websocket?cf_protocol=protobuf");
        peer.send_frame(FIN | BINARY, lie);
        assert_eq!(peer.close_code(), Some(3501), "{lie:?}");
    }
    trial.end(
        "sends protobuf with wrong lengths and varints without an end",
        "3501",
        &Bounds { memory: 2 * MIB, cpu: CPU },
    );
}

#[test]
fn connects_with_a_hundred_thousand_subscriptions() {
    let trial = begin("", &[]);
    let subs: Vec<String> = (0..90_000).map(|number| format!("\"{number}\":{{}}")).collect();
    let connect = format!("{{\"id\":1,\"connect\":{{\"subs\":{{{}}}}}}}", subs.join(","));
    let mut speaker = Speaker::silent(&trial.server);
    speaker.peer.send_frame(FIN | TEXT, &connect);
    assert_eq!(speaker.peer.close_code(), Some(3505));
    let subs: Vec<String> = (0..100_000).map(|number| format!("\"{number}\":{{}}")).collect();
    let mut one_way = Peer::open(&trial.server, "/connection/uni_websocket");
    one_way.send_frame(FIN | TEXT, format!("{{\"subs\":{{{}}}}}", subs.join(",")));
    assert_eq!(one_way.close_code(), Some(1009));
    drop((speaker, one_way));
    trial.end(
        "connects with 90,000 subscriptions to recover, and one way with 100,000",
        "3505; 1009 for the frame",
        &Bounds { memory: 40 * MIB, cpu: CPU },
    );
}

#[test]
fn channels_that_are_used_once() {
    let trial = begin("", &[]);
    let mut speaker = Speaker::connected(&trial.server);
    for batch in 0..20 {
        let commands: Vec<Value> = (0..500)
            .map(|number| json!({ "id": 2, "publish": { "channel": format!("kept:{batch}-{number}"), "data": 1 } }))
            .collect();
        speaker.say(&commands);
        for _ in &commands {
            assert!(speaker.hear()["publish"].is_object());
        }
    }
    drop(speaker);
    trial.end(
        "publishes once to each of 10,000 channels with history",
        "unused channels give way at 1,000,000",
        &Bounds { memory: 10_000 * 2 * KIB + 4 * MIB, cpu: CPU },
    );
}
