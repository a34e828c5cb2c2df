//! `tokens.jwks_url`.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::backend::{Backend, Reaction};
use crate::program::Program;

/// A key of an identity provider.
struct Key {
    id: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    fn new(id: &'static str) -> Key {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Key { id, pair: Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap() }
    }

    fn jwk(&self) -> Value {
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "alg": "EdDSA", "x": x })
    }

    /// A token of the user 42.
    fn token(&self) -> String {
        let encode = |part: Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let header = json!({ "alg": "EdDSA", "kid": self.id });
        let signed = format!("{}.{}", encode(header), encode(json!({ "sub": "42" })));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

#[tokio::test]
async fn keys_are_fetched_and_fetched_again_when_they_change() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let unsupported = json!({ "kty": "EC", "crv": "P-521", "kid": "big", "alg": "ES512" });
    let set = Arc::new(Mutex::new(json!({ "keys": [old.jwk(), unsupported] })));
    let served = Arc::clone(&set);
    let mut backend = Backend::start(move |_| Reaction::Answer(served.lock().unwrap().clone())).await;
    let config = format!(
        "[tokens]\njwks_url = '{}'\njwks_interval = '1ms'\njwks_timeout = '20s'\n",
        backend.url("jwks")
    );
    let program = Program::start(&config, &[]);
    for _ in 0..2 {
        let reply = program.caller(&[]).await.call("connect", json!({ "token": old.token() })).await;
        assert!(reply["connect"].is_object(), "{reply}");
    }
    // The second one found it.
    let fetches = backend.others();
    assert_eq!(fetches.len(), 1, "{fetches:?}");
    assert!(fetches[0].head.starts_with("get /jwks "), "{fetches:?}");
    program.logged("ES512");

    *set.lock().unwrap() = json!({ "keys": [new.jwk()] });
    let reply = program.caller(&[]).await.call("connect", json!({ "token": new.token() })).await;
    assert!(reply["connect"].is_object(), "{reply}");
    assert_eq!(program.caller(&[]).await.ended_by("connect", json!({ "token": old.token() })).await, 3500);
}

#[tokio::test]
async fn a_key_server_that_never_answers_holds_up_nobody_without_a_token() {
    let mut backend = Backend::start(|_| Reaction::Never).await;
    let config = format!("[tokens]\njwks_url = '{}'\njwks_timeout = '1s'\n", backend.url("jwks"));
    let program = Program::start(&config, &[]);
    let token = json!({ "token": Key::new("some").token() });
    let mut waits = program.caller(&[]).await;
    let (reply, ()) = tokio::join!(waits.call("connect", token), async {
        backend.asked().await;
        program.connected().await;
    });
    assert_eq!((&reply["error"]["code"], &reply["error"]["temporary"]), (&json!(100), &json!(true)));
    program.logged("cannot fetch the keys");
}

#[tokio::test]
async fn a_set_that_is_too_long_is_not_read() {
    let long = "x".repeat(300 << 10);
    let backend = Backend::start(move |_| Reaction::Answer(json!({ "keys": [], "more": long }))).await;
    let program = Program::start(&format!("[tokens]\njwks_url = '{}'\n", backend.url("jwks")), &[]);
    let token = json!({ "token": Key::new("some").token() });
    let reply = program.caller(&[]).await.call("connect", token).await;
    assert_eq!(reply["error"]["code"], 100, "{reply}");
    program.logged("more than 262144 bytes");
}

#[cfg(unix)]
#[tokio::test]
async fn a_reload_keeps_the_keys_of_a_url_that_has_not_changed() {
    let key = Key::new("some");
    let set = json!({ "keys": [key.jwk()] });
    let mut backend = Backend::start(move |_| Reaction::Answer(set.clone())).await;
    let config = |path, more| format!("[tokens]\njwks_url = '{}'\n{more}", backend.url(path));
    let (first, second) =
        (config("jwks", ""), config("jwks", "hmac_secret = '0123456789abcdef0123456789abcdef'\n"));
    let third = config("other", "");
    let program = Program::start(&first, &[]);
    let token = json!({ "token": key.token() });
    let connect = async || {
        let reply = program.caller(&[]).await.call("connect", token.clone()).await;
        assert!(reply["connect"].is_object(), "{reply}");
    };
    connect().await;
    assert_eq!(backend.others().len(), 1);
    program.reload(&second, "Reloaded");
    connect().await;
    assert_eq!(backend.others().len(), 0, "they are fetched again");
    program.reload(&third, "Reloaded");
    connect().await;
    assert_eq!(backend.others().len(), 1, "another URL has other keys");
}
