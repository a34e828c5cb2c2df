//! Hooks that decide.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::backend::{Backend, Question, Reaction};
use crate::program::Program;

/// What clients may ask for: the back end does what the data says.
fn answer(question: &Question) -> Reaction {
    Reaction::Answer(match (&*question.path, question.body["data"].as_str().unwrap_or_default()) {
        ("connect", "refuse") => json!({ "error": { "code": 1000, "message": "not you" } }),
        ("connect", "disconnect") => json!({ "disconnect": { "code": 4501, "reason": "banned" } }),
        ("connect", "nothing") => json!({}),
        ("connect", "expire") => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            json!({ "result": { "user": "42", "expire_at": now + 3 } })
        }
        ("connect", _) => json!({ "result": {
            "user": "42",
            "data": { "hello": true },
            "channels": ["news"],
            "subs": { "chat:own": { "data": [1] } },
            "meta": { "plan": "gold" },
        }}),
        ("subscribe", "refuse") => {
            json!({ "error": { "code": 403, "message": "closed", "temporary": false } })
        }
        ("subscribe", _) => json!({ "result": { "data": { "topic": "tea" } } }),
        ("publish", "refuse") => json!({ "error": { "code": 422, "message": "rude" } }),
        ("publish", text) => json!({ "result": { "data": text.to_uppercase() } }),
        ("rpc", "disconnect") => json!({ "disconnect": { "code": 4002, "reason": "come back" } }),
        ("rpc", _) => json!({ "result": { "data": { "method": question.body["method"] } } }),
        ("refresh", _) => json!({ "result": { "expired": true } }),
        _ => return Reaction::Status("404 Not Found"),
    })
}

fn config(backend: &Backend, rest: &str) -> String {
    let url = |hook: &str| format!("{hook} = '{}'\n", backend.url(hook));
    let urls: String = ["connect", "refresh", "subscribe", "publish", "rpc"].map(url).concat();
    format!(
        "[namespaces.chat]\nsubscribe = ['hook']\npublish = ['hook']\n[channels]\nsubscribe = ['user']\n\
         [hooks]\ntimeout = '20s'\nheaders = ['cookie', 'x-real-ip']\n{urls}{rest}"
    )
}

/// The line of the head that names the client.
fn forwarded(question: &Question) -> Option<&str> {
    question.head.lines().find_map(|line| line.strip_prefix("x-forwarded-for: ")).map(str::trim)
}

#[tokio::test]
async fn hooks_get_the_address_of_a_client_by_every_transport() {
    let mut backend = Backend::start(answer).await;
    let header = ("X-Forwarded-For", "6.6.6.6, 192.0.2.7");
    let trusting = format!("trusted_proxies = ['127.0.0.1']\n{}", config(&backend, ""));
    for (config, address) in [(trusting, "192.0.2.7"), (config(&backend, ""), "127.0.0.1")] {
        let program = Program::start(&config, &[]);
        let mut caller = program.caller(&[header]).await;
        caller.call("connect", json!({})).await;
        assert_eq!(forwarded(&backend.asked().await), Some(address));
        let _stays = program.stream("/connection/http_stream", header, r#"{"id":1,"connect":{}}"#).await;
        assert_eq!(forwarded(&backend.asked().await), Some(address));
    }
}

#[tokio::test]
async fn the_connect_hook_says_who_a_client_is() {
    let mut backend = Backend::start(answer).await;
    let program = Program::start(&config(&backend, ""), &[]);
    let mut caller = program.caller(&[("Cookie", "session=7"), ("X-Other", "1")]).await;
    let request =
        json!({ "data": "hi", "name": "js", "version": "5", "headers": { "X-Real-Ip": "192.0.2.7" } });
    let reply = caller.call("connect", request).await;
    let connect = &reply["connect"];
    assert_eq!(connect["data"], json!({ "hello": true }), "{reply}");
    assert_eq!(connect["subs"]["chat:own"]["data"], json!([1]), "{reply}");
    assert!(connect["subs"]["news"].is_object(), "{reply}");

    let question = backend.asked().await;
    let expected = json!({
        "client": connect["client"],
        "transport": "websocket",
        "protocol": "json",
        "encoding": "json",
        "name": "js",
        "version": "5",
        "data": "hi",
    });
    assert_eq!((question.path.as_str(), &question.body), ("connect", &expected));
    let has = |line: &str| question.head.lines().any(|found| found == line);
    assert!(question.head.starts_with("post ") && has("content-type: application/json"), "{}", question.head);
    assert!(has("cookie: session=7") && has("x-real-ip: 192.0.2.7"), "{}", question.head);
    assert!(!question.head.contains("x-other"), "{}", question.head);
}

#[tokio::test]
async fn the_connect_hook_refuses_and_disconnects() {
    let backend = Backend::start(answer).await;
    let program = Program::start(&config(&backend, ""), &[]);
    let mut refused = program.caller(&[]).await;
    let reply = refused.call("connect", json!({ "data": "refuse" })).await;
    assert_eq!(reply["error"], json!({ "code": 1000, "message": "not you" }));
    let mut unknown = program.caller(&[]).await;
    let reply = unknown.call("connect", json!({ "data": "nothing" })).await;
    assert_eq!(reply["error"]["code"], 101);
    let mut banned = program.caller(&[]).await;
    assert_eq!(banned.ended_by("connect", json!({ "data": "disconnect" })).await, 4501);
}

#[tokio::test]
async fn the_subscribe_and_the_publish_hook_decide() {
    let mut backend = Backend::start(answer).await;
    let program = Program::start(&config(&backend, ""), &[]);
    let mut caller = program.connected().await;
    backend.asked().await;
    let reply = caller.call("subscribe", json!({ "channel": "chat:tea", "data": "please" })).await;
    assert_eq!(reply["subscribe"]["data"], json!({ "topic": "tea" }), "{reply}");
    let Question { path, body, .. } = backend.asked().await;
    assert_eq!(
        (path.as_str(), &body["user"], &body["channel"]),
        ("subscribe", &json!("42"), &json!("chat:tea"))
    );
    assert_eq!((&body["data"], &body["meta"]), (&json!("please"), &json!({ "plan": "gold" })));
    let reply = caller.call("subscribe", json!({ "channel": "chat:den", "data": "refuse" })).await;
    assert_eq!(reply["error"], json!({ "code": 403, "message": "closed" }));

    let reply = caller.call("publish", json!({ "channel": "chat:tea", "data": "refuse" })).await;
    assert_eq!(reply["error"]["code"], 422);
    let reply = caller.call("publish", json!({ "channel": "chat:tea", "data": "loud" })).await;
    assert!(reply["publish"].is_object(), "{reply}");
    let push = caller.push().await;
    assert_eq!(
        (&push["push"]["channel"], &push["push"]["pub"]["data"]),
        (&json!("chat:tea"), &json!("LOUD"))
    );
}

#[tokio::test]
async fn the_rpc_hook_answers_and_disconnects() {
    let mut backend = Backend::start(answer).await;
    let program = Program::start(&config(&backend, ""), &[]);
    let mut caller = program.connected().await;
    backend.asked().await;
    let reply = caller.call("rpc", json!({ "method": "sum", "data": { "terms": [1, 2] } })).await;
    assert_eq!(reply["rpc"]["data"], json!({ "method": "sum" }), "{reply}");
    let body = backend.asked().await.body;
    assert_eq!((&body["method"], &body["data"]), (&json!("sum"), &json!({ "terms": [1, 2] })));
    assert_eq!(caller.ended_by("rpc", json!({ "data": "disconnect" })).await, 4002);
}

#[tokio::test]
async fn the_refresh_hook_is_asked_about_a_connection_that_expires() {
    let mut backend = Backend::start(answer).await;
    let program = Program::start(&config(&backend, ""), &[]);
    let mut caller = program.caller(&[]).await;
    let reply = caller.call("connect", json!({ "data": "expire" })).await;
    assert!(reply["connect"]["client"].is_string(), "{reply}");
    backend.asked().await;
    assert_eq!(caller.closed().await, 3005);
    let Question { path, body, .. } = backend.asked().await;
    assert_eq!((path.as_str(), &body["user"]), ("refresh", &Value::from("42")));
}

#[cfg(unix)]
#[tokio::test]
async fn a_hang_up_changes_hooks_and_a_wrong_file_does_not() {
    let answers =
        |text: &'static str| move |_: &Question| Reaction::Answer(json!({ "result": { "data": text } }));
    let (old, new) = (Backend::start(answers("old")).await, Backend::start(answers("new")).await);
    let config = |backend: &Backend| format!("[hooks]\ntimeout = '20s'\nrpc = '{}'\n", backend.url("rpc"));
    let program = Program::start(&config(&old), &[]);
    let mut caller = program.connected().await;
    for (text, logged, expected) in [
        (config(&old), "Reloaded", "old"),
        (config(&new) + "headers = ['host']", "hooks.headers.0: host is a header", "old"),
        (config(&new), "Reloaded", "new"),
    ] {
        program.reload(&text, logged);
        let reply = caller.call("rpc", json!({ "method": "a" })).await;
        assert_eq!(reply["rpc"]["data"], expected, "{reply}");
    }
}
