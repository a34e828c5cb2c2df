//! Back ends that do not answer as they should.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use crate::backend::{Backend, Reaction};
use crate::program::Program;

fn config(backend: &Backend, rest: &str) -> String {
    let url = |hook: &str| format!("{hook} = '{}'\n", backend.url(hook));
    let urls: String = ["subscribe", "publish", "rpc"].map(url).concat();
    format!("[namespaces.chat]\nsubscribe = ['hook']\npublish = ['hook']\n[hooks]\n{rest}{urls}")
}

fn temporary(reply: &Value, code: u32) -> bool {
    reply["error"]["code"] == code && reply["error"]["temporary"] == true
}

#[tokio::test]
async fn a_back_end_that_never_answers_disturbs_no_other_client() {
    let backend = Backend::start(|question| match question.path.as_str() {
        "rpc" => Reaction::Never,
        _ => Reaction::Answer(json!({ "result": {} })),
    })
    .await;
    let program = Program::start(&config(&backend, "timeout = '1s'\nmax_concurrent = 1\n"), &[]);
    let (mut waits, mut other) = (program.connected().await, program.connected().await);
    let (failed, ()) = tokio::join!(waits.call("rpc", json!({ "method": "a" })), async {
        let reply = other.call("subscribe", json!({ "channel": "chat:tea" })).await;
        assert!(reply["subscribe"].is_object(), "{reply}");
    });
    assert!(temporary(&failed, 100), "{failed}");
    let failed = waits.call("rpc", json!({ "method": "b" })).await;
    assert!(temporary(&failed, 100), "{failed}");
    let reply = waits.call("subscribe", json!({ "channel": "chat:tea" })).await;
    assert!(reply["subscribe"].is_object(), "{reply}");

    // Reported once, although it happened twice.
    let line = program.logged("WARN");
    assert!(line.contains("rpc") && line.contains("no answer within 1s"), "{line}");
    assert_eq!(program.end(), Vec::<String>::new());
}

#[tokio::test]
async fn answers_that_are_too_long_or_make_no_sense_are_temporary_errors() {
    let backend = Backend::start(|question| match question.body["method"].as_str() {
        Some("long") => Reaction::Answer(json!({ "result": { "data": "x".repeat(1_000) } })),
        Some("status") => Reaction::Status("500 Internal Server Error"),
        Some("list") => Reaction::Answer(json!([1])),
        _ => Reaction::Answer(json!({ "result": { "data": "x".repeat(900) } })),
    })
    .await;
    let program = Program::start(&config(&backend, "timeout = '20s'\nmax_answer = 1000\n"), &[]);
    let mut caller = program.connected().await;
    for (method, logged) in
        [("long", "more than 1000 bytes"), ("status", "500 Internal"), ("list", "makes no sense")]
    {
        let reply = caller.call("rpc", json!({ "method": method })).await;
        assert!(temporary(&reply, 100), "{method}: {reply}");
        program.logged(logged);
    }
    let reply = caller.call("rpc", json!({ "method": "short" })).await;
    assert_eq!(reply["rpc"]["data"].as_str().map(str::len), Some(900));
}

#[tokio::test]
async fn too_many_at_once_wait_and_the_rest_is_told_to_come_back() {
    let mut backend = Backend::start(|_| Reaction::Held(json!({ "result": { "data": 1 } }))).await;
    let limits = "timeout = '50s'\nmax_concurrent = 1\nmax_waiting = 1\n";
    let program = Program::start(&config(&backend, limits), &[]);
    let mut callers = [program.connected().await, program.connected().await, program.connected().await];
    let [first, second, third] = &mut callers;
    let (mut one, mut two) = (
        Box::pin(first.call("rpc", json!({ "method": "a" }))),
        Box::pin(second.call("rpc", json!({ "method": "b" }))),
    );
    tokio::select! {
        _ = &mut one => panic!("nothing is released yet"),
        _ = backend.asked() => {}
    }
    // One of the two waits, and the other one is refused.
    let mut three = Box::pin(third.call("rpc", json!({ "method": "c" })));
    let (refused, waits) = tokio::select! {
        reply = &mut two => (reply, three),
        reply = &mut three => (reply, two),
    };
    assert!(temporary(&refused, 111), "{refused}");
    backend.release();
    let (one, other) = tokio::join!(one, waits);
    assert_eq!((&one["rpc"]["data"], &other["rpc"]["data"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn only_questions_are_repeated() {
    let mut backend = Backend::start(|_| Reaction::HangUp).await;
    let program = Program::start(&config(&backend, "timeout = '20s'\n"), &[]);
    let mut caller = program.connected().await;
    let request = json!({ "channel": "chat:tea", "data": 1 });
    for (command, request, times) in [
        ("rpc", json!({ "method": "pay" }), 1),
        ("publish", request.clone(), 1),
        ("subscribe", request.clone(), 2),
    ] {
        let reply = caller.call(command, request).await;
        assert!(temporary(&reply, 100), "{command}: {reply}");
        assert_eq!(backend.others().len(), times, "{command}");
    }
}

#[tokio::test]
async fn a_back_end_that_is_not_there_is_a_temporary_error() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let program = Program::start(&format!("[hooks]\nrpc = 'http://{gone}/'\n"), &[]);
    let reply = program.connected().await.call("rpc", json!({ "method": "a" })).await;
    assert!(temporary(&reply, 100), "{reply}");
    program.logged("Connection refused");
}

#[tokio::test]
async fn hooks_over_tls_need_a_trusted_certificate() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
    let tls = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let tls = TlsAcceptor::from(Arc::new(tls.with_single_cert(chain, key).unwrap()));
    let backend = Backend::secure(|_| Reaction::Answer(json!({ "result": { "data": 1 } })), tls).await;
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let config = format!("[hooks]\ntimeout = '20s'\nrpc = 'https://localhost:{}/'\n", backend.address.port());
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    for (trust, works) in [(&made, true), (&other, false)] {
        std::fs::write(&trusted, trust.cert.pem()).unwrap();
        let program = Program::start(&config, &[("SSL_CERT_FILE", trusted.to_str().unwrap())]);
        let reply = program.connected().await.call("rpc", json!({ "method": "a" })).await;
        assert_eq!(reply["rpc"]["data"] == 1, works, "{reply}");
        assert_eq!(temporary(&reply, 100), !works, "{reply}");
    }
}
