//! Back ends that do harm, and clients that ask them for more than they answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{Backend, Conduct};
use super::setting::begin;
use super::speaker::{Speaker, frame};
use crate::process::{KIB, MIB};
use crate::trial::{Bounds, CONNECTION, eventually};

const CPU: Duration = Duration::from_secs(15);

const MOMENT: Duration = Duration::from_millis(1);

fn hooks(backend: &Backend, more: &str) -> String {
    format!("[hooks]\nrpc = '{}'\ntimeout = '1s'\n{more}\n", backend.url)
}

#[test]
fn a_back_end_that_does_harm() {
    let harms = [
        (Conduct::NeverAnswers, "never answers"),
        (Conduct::AnswersWithoutEnd, "answers without an end"),
        (Conduct::AnswersTenGigabytes, "answers with 10 GB"),
        (Conduct::Redirects, "redirects to itself"),
    ];
    for (conduct, harm) in harms {
        let backend = Backend::start(conduct);
        let trial = begin(&hooks(&backend, ""), &[]);
        let mut speakers: Vec<Speaker> = (0..10).map(|_| Speaker::connected(&trial.server)).collect();
        for speaker in &mut speakers {
            speaker.say([&json!({ "id": 2, "rpc": { "method": "m" } })]);
        }
        for speaker in &mut speakers {
            let reply = speaker.hear();
            assert_eq!((&reply["error"]["code"], &reply["error"]["temporary"]), (&json!(100), &json!(true)));
        }
        assert_eq!(backend.requests(), 10, "{harm}");
        drop(speakers);
        trial.end(
            &format!("10 clients call a back end that {harm}"),
            "temporary error 100, after 1 s or 1 MiB",
            // An answer up to its limit, in a buffer that may be twice as large while it grows.
            &Bounds { memory: 10 * (CONNECTION + 2 * MIB) + 2 * MIB, cpu: CPU },
        );
    }
}

#[test]
fn calls_faster_than_answers() {
    let backend = Backend::start(Conduct::NeverAnswers);
    let trial = begin(&hooks(&backend, "max_concurrent = 2\nmax_waiting = 4"), &[]);
    let mut speakers: Vec<Speaker> = (0..30).map(|_| Speaker::connected(&trial.server)).collect();
    let data = "x".repeat(60 * KIB);
    let calls = vec![json!({ "id": 2, "rpc": { "method": "m", "data": data } }); 3];
    speakers.iter_mut().for_each(|speaker| speaker.say(&calls));
    let replies: Vec<Value> = speakers.iter_mut().map(Speaker::hear).collect();
    let count = |code| replies.iter().filter(|reply| reply["error"]["code"] == code).count();
    assert_eq!(count(100) + count(111), 30, "{replies:?}");
    assert!(count(111) >= 10, "{replies:?}");
    drop(speakers);
    trial.end(
        "30 clients send three calls of 60 KiB each at once, to a back end that never answers",
        "error 111 for those for which there is no place",
        &Bounds { memory: 30 * (CONNECTION + 600 * KIB) + 4 * MIB, cpu: CPU },
    );
}

#[test]
fn frames_that_wait_for_the_back_end() {
    let backend = Backend::start(Conduct::NeverAnswers);
    let hooks = format!("[hooks]\nrpc = '{}'\ntimeout = '5s'\n", backend.url);
    let trial = begin(&hooks, &["--max-buffered", "8388608"]);
    let mut speakers: Vec<Speaker> = (0..30).map(|_| Speaker::connected(&trial.server)).collect();
    let data = "x".repeat(60 * KIB);
    let mut commands = vec![json!({ "id": 2, "rpc": { "method": "m" } })];
    commands.extend(vec![json!({ "id": 3, "publish": { "channel": "open:a", "data": data } }); 15]);
    let frame = frame(&commands);
    for speaker in &mut speakers {
        speaker.peer.try_send(&frame);
    }
    let mut refused = 0;
    eventually("most are refused", || {
        let told = |speaker: &&mut Speaker| speaker.code.is_none() && speaker.peer.is_told_within(MOMENT);
        for speaker in speakers.iter_mut().filter(told) {
            speaker.code = speaker.peer.close_code();
            // The library ends with 1013 those of which it could not keep the whole frame.
            assert!(matches!(speaker.code, Some(3013 | 1013)), "{:?}", speaker.code);
            refused += 1;
        }
        refused >= 18
    });
    assert!(refused <= 26, "{refused} of 30");
    drop(speakers);
    trial.end(
        "30 clients send 900 KiB of commands that wait for a back end, to a server that may hold 8 MiB",
        "3013 or 1013 for those beyond the bound",
        &Bounds { memory: 30 * CONNECTION + 24 * MIB, cpu: CPU },
    );
}
