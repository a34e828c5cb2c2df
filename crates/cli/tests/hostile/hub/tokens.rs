//! Tokens that are long or wrong, and servers of keys that do harm.

use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use super::backend::{Backend, Conduct};
use super::setting::begin;
use super::speaker::Speaker;
use crate::process::{KIB, MIB};
use crate::trial::Bounds;

const CPU: Duration = Duration::from_secs(15);

fn token(header: &str, payload: &str, signature: &[u8]) -> String {
    let [header, payload] = [header, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{payload}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn tokens_that_are_long_deep_or_wrong() {
    let mut key = tempfile::NamedTempFile::new().unwrap();
    key.write_all(rcgen::KeyPair::generate().unwrap().public_key_pem().as_bytes()).unwrap();
    let tokens = format!("[[tokens.keys]]\nfile = '{}'\n", key.path().display());
    let trial = begin(&tokens, &[]);
    let header = r#"{"alg":"ES256"}"#;
    let deep = format!("{}{}", "[".repeat(20 * KIB), "]".repeat(20 * KIB));
    let deep_header = format!(r#"{{"alg":"ES256","x":{deep}}}"#);
    let wrong = token(header, r#"{"sub":"42"}"#, &[7; 64]);
    let cases = [
        ("x".repeat(MIB), 1009),
        ("x".repeat(500 * KIB), 3500),
        (".".repeat(60 * KIB), 3500),
        (token(&deep_header, "{}", &[7; 64]), 3500),
        (token(header, &deep, &[7; 64]), 3500),
    ];
    for (token, code) in cases {
        let mut speaker = Speaker::silent(&trial.server);
        speaker.say([&json!({ "id": 1, "connect": { "token": token } })]);
        assert_eq!(speaker.peer.close_code(), Some(code));
    }
    for _ in 0..500 {
        let mut speaker = Speaker::silent(&trial.server);
        speaker.say([&json!({ "id": 1, "connect": { "token": wrong } })]);
        assert_eq!(speaker.peer.close_code(), Some(3500));
    }
    let mut speaker = Speaker::connected(&trial.server);
    let subscribe = json!({ "id": 2, "subscribe": { "channel": "open:a", "token": wrong } });
    speaker.say(&vec![subscribe; 1_000]);
    assert_eq!(speaker.peer.close_code(), Some(3509));
    drop(speaker);
    trial.end(
        "sends tokens of 1 MiB, with JSON 20,000 levels deep, and 1,500 with wrong ECDSA signatures",
        "1009 for the frame, 3500 for the token, 3509 for 257 wrong subscription tokens",
        &Bounds { memory: 8 * MIB, cpu: CPU },
    );
}

#[test]
fn a_server_of_keys_that_does_harm() {
    let harms = [
        (Conduct::NeverAnswers, "never answers"),
        (Conduct::AnswersWithoutEnd, "sends keys without an end"),
        (Conduct::Redirects, "redirects to itself"),
        (Conduct::HundredThousandKeys, "has 100,000 keys"),
    ];
    for (conduct, harm) in harms {
        let backend = Backend::start(conduct);
        let tokens = format!("[tokens]\njwks_url = '{}'\njwks_timeout = '1s'\n", backend.url);
        let trial = begin(&tokens, &[]);
        let mut speakers: Vec<Speaker> = (0..20).map(|_| Speaker::silent(&trial.server)).collect();
        let token = token(r#"{"alg":"ES256","kid":"a"}"#, "{}", &[7; 64]);
        for speaker in &mut speakers {
            speaker.say([&json!({ "id": 1, "connect": { "token": token } })]);
        }
        for speaker in &mut speakers {
            let reply = speaker.hear();
            assert_eq!((&reply["error"]["code"], &reply["error"]["temporary"]), (&json!(100), &json!(true)));
        }
        assert_eq!(backend.requests(), 1, "{harm}");
        drop(speakers);
        trial.end(
            &format!("20 clients have tokens, and the server of keys {harm}"),
            "temporary error 100, after one fetch of at most 256 KiB",
            &Bounds { memory: 4 * MIB, cpu: CPU },
        );
    }
}
