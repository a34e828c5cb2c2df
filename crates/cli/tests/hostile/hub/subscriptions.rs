//! Subscriptions, joins and leaves in great numbers.

use std::time::Duration;

use serde_json::{Value, json};

use super::setting::begin;
use super::speaker::{Speaker, frame};
use crate::process::{KIB, MIB};
use crate::trial::{Bounds, CONNECTION};

const CPU: Duration = Duration::from_secs(15);

#[test]
fn ten_thousand_subscriptions_of_one_client() {
    let trial = begin("", &[]);
    let mut speaker = Speaker::connected(&trial.server);
    for frame in 0..10 {
        let subscribes: Vec<Value> = (0..1_000)
            .map(|number| json!({ "id": 2, "subscribe": { "channel": format!("open:{frame}-{number}") } }))
            .collect();
        speaker.try_say(&subscribes);
    }
    assert_eq!(speaker.peer.close_code(), Some(3509));
    drop(speaker);
    trial.end(
        "subscribes to 10,000 channels",
        "error 106 above 128, then 3509",
        &Bounds { memory: 6 * MIB, cpu: CPU },
    );
}

#[test]
fn ten_thousand_subscriptions_of_a_hundred_clients() {
    let trial = begin("", &[]);
    let mut speakers: Vec<Speaker> = (0..100).map(|_| Speaker::connected(&trial.server)).collect();
    for (client, speaker) in speakers.iter_mut().enumerate() {
        let subscribes: Vec<Value> = (1..=100)
            .map(|number| json!({ "id": number, "subscribe": { "channel": format!("seen:{client}-{number}") } }))
            .collect();
        speaker.say(&subscribes);
    }
    for speaker in &mut speakers {
        while speaker.hear()["id"] != 100 {}
    }
    drop(speakers);
    trial.end(
        "100 clients subscribe to 100 channels each, with presence",
        "each is subscribed",
        // 3 KiB for a channel of its own with one subscriber who is present.
        &Bounds { memory: 100 * CONNECTION + 10_000 * 3 * KIB + 4 * MIB, cpu: CPU },
    );
}

#[test]
fn names_of_64_kib() {
    let trial = begin("", &[]);
    let mut speaker = Speaker::connected(&trial.server);
    let subscribe = json!({ "id": 2, "subscribe": { "channel": "x".repeat(64 * KIB) } });
    let frame = frame(&vec![subscribe; 10]);
    loop {
        speaker.peer.try_send(&frame);
        let Some(reply) = speaker.hear_or_end() else { break };
        assert_eq!(reply["error"]["code"], 106, "{reply}");
    }
    assert_eq!(speaker.code, Some(3509));
    drop(speaker);
    trial.end(
        "subscribes to channels whose names have 64 KiB",
        "error 106, then 3509",
        &Bounds { memory: 8 * MIB, cpu: CPU },
    );
}

/// Each round is a join and a leave, and each of these goes to 100 members.
#[test]
fn one_member_that_comes_and_goes() {
    let trial = begin("", &[]);
    let mut members: Vec<Speaker> = (0..100).map(|_| Speaker::connected(&trial.server)).collect();
    for member in &mut members {
        let subscribe = json!({ "id": 2, "subscribe": { "channel": "seen:crowd", "join_leave": true } });
        assert!(member.call(&subscribe)["subscribe"].is_object());
    }
    let mut restless = Speaker::connected(&trial.server);
    let rounds: Vec<Value> = (0..500)
        .flat_map(|_| {
            let channel = json!({ "channel": "seen:crowd" });
            [json!({ "id": 2, "subscribe": channel }), json!({ "id": 3, "unsubscribe": channel })]
        })
        .collect();
    for _ in 0..2 {
        restless.say(&rounds);
        for _ in &rounds {
            assert!(restless.hear()["error"].is_null());
        }
    }
    drop((restless, members));
    trial.end(
        "comes and goes 1,000 times in a channel with 100 members, who do not read",
        "members that are too slow get 3008",
        &Bounds { memory: 100 * (CONNECTION + 300 * KIB) + 8 * MIB, cpu: CPU },
    );
}

#[test]
fn clients_that_connect_subscribe_and_leave() {
    let trial = begin("", &[]);
    let mut member = Speaker::connected(&trial.server);
    member.subscribe("seen:crowd");
    for round in 0..5 {
        for number in 0..100 {
            let mut speaker = Speaker::silent(&trial.server);
            speaker.say(&[
                json!({ "id": 1, "connect": {} }),
                json!({ "id": 2, "subscribe": { "channel": "seen:crowd" } }),
                json!({ "id": 3, "subscribe": { "channel": format!("kept:{round}-{number}") } }),
            ]);
            speaker.peer.leave_unread();
        }
    }
    crate::trial::eventually("all others have left", || {
        let stats = member.call(&json!({ "id": 9, "presence_stats": { "channel": "seen:crowd" } }));
        stats["presence_stats"]["num_clients"] == 1
    });
    drop(member);
    trial.end(
        "connects, subscribes and leaves, 500 times",
        "presence forgets each",
        &Bounds { memory: 4 * MIB, cpu: CPU },
    );
}

#[test]
fn presence_of_many_without_end() {
    let trial = begin("", &[]);
    let mut members: Vec<Speaker> = (0..300).map(|_| Speaker::connected(&trial.server)).collect();
    members.iter_mut().for_each(|member| member.subscribe("seen:crowd"));
    let mut speaker = Speaker::connected(&trial.server);
    let requests = vec![json!({ "id": 7, "presence": { "channel": "seen:crowd" } }); 1_000];
    speaker.say(&requests);
    // It reads some of it, and leaves.
    for _ in 0..50 {
        let reply = speaker.hear();
        assert_eq!(reply["presence"]["presence"].as_object().unwrap().len(), 300);
    }
    drop((speaker, members));
    trial.end(
        "asks 1,000 times in one frame who the 300 members of a channel are",
        "the session goes on as its client reads",
        &Bounds { memory: 301 * CONNECTION + 8 * MIB, cpu: CPU },
    );
}

#[test]
fn positions_that_never_were() {
    let trial = begin("", &[]);
    let mut speaker = Speaker::connected(&trial.server);
    for (offset, epoch) in [(u64::MAX, ""), (1, "x"), (u64::MAX, "abcdefgh"), (0, &*"e".repeat(900 * KIB))] {
        let position = json!({ "channel": "kept:a", "recover": true, "offset": offset, "epoch": epoch });
        let reply = speaker.call(&json!({ "id": 2, "subscribe": position }));
        assert_eq!(reply["subscribe"]["was_recovering"], true, "{reply}");
        assert!(reply["subscribe"]["recovered"].is_null(), "{reply}");
        speaker.call(&json!({ "id": 3, "unsubscribe": { "channel": "kept:a" } }));
        let since =
            json!({ "channel": "kept:a", "limit": -1, "since": { "offset": offset, "epoch": epoch } });
        let reply = speaker.call(&json!({ "id": 4, "history": since }));
        assert!(reply["history"]["publications"].as_array().is_none_or(Vec::is_empty), "{reply}");
    }
    drop(speaker);
    trial.end(
        "recovers from offset 2⁶⁴ - 1, and from an epoch of 900 KiB",
        "nothing is recovered",
        &Bounds { memory: 8 * MIB, cpu: CPU },
    );
}
