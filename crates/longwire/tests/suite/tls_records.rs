//! TLS records of every size (RFC 8446 §5.1: up to 2^14 bytes, at the sender's choice), on every server path.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{
    BINARY, Frame, Identity, RawTls, Script, echo, for_each_engine, masked, run, send_in_records, serve,
    upgrade_request,
};

/// The maximum plaintext size of a record.
const RECORD: usize = 1 << 14;

/// The number of bytes sent each time.
const CONTENT: usize = 60_000;

fn pages() -> Router {
    Router::new()
        .route("/page", get(async || "a page"))
        .route("/double", post(async |body: String| body.repeat(2)))
        .layer(DefaultBodyLimit::disable())
}

/// Record sizes: the ones that once failed, and random ones.
fn sizes(seed: u64) -> impl FnMut() -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let mut is_long = false;
    move || {
        is_long = !is_long;
        match (seed, is_long) {
            (0, true) => RECORD,
            (0, false) => 1_000,
            _ => random.random_range(1..=RECORD),
        }
    }
}

/// Sends everything that a client may send to a server that echoes it.
async fn all_arrives(identity: &Identity, server: SocketAddr) {
    for seed in 0..8 {
        println!("seed {seed}");
        let raw = post_is_answered(identity.raw(server).await, seed).await;
        // The same connection continues as a WebSocket.
        let raw = open(raw).await;
        let raw = message_comes_back(raw, seed).await;
        message_comes_back(raw, seed).await;

        let raw = open(identity.raw(server).await).await;
        message_comes_back(raw, seed).await;
    }
}

async fn post_is_answered(raw: RawTls, seed: u64) -> RawTls {
    let body = "y".repeat(CONTENT);
    let request =
        format!("POST /double HTTP/1.1\r\nHost: localhost\r\nContent-Length: {CONTENT}\r\n\r\n{body}");
    let mut raw = send_in_records(raw, request.as_bytes(), sizes(seed)).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    raw.expect(body.repeat(2)).await;
    raw
}

async fn open(mut raw: RawTls) -> RawTls {
    raw.send(upgrade_request("")).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    raw
}

async fn message_comes_back(raw: RawTls, seed: u64) -> RawTls {
    let message = vec![7; CONTENT];
    let mut raw = send_in_records(raw, &masked(BINARY, &message), sizes(seed)).await;
    assert_eq!(raw.frame().await, Frame::new(BINARY, message));
    raw
}

#[test]
fn by_the_event_loops() {
    for_each_engine(async |engine| {
        let identity = Identity::new();
        let server = Script::new().run(engine, |server| server.http(pages()).tls(identity.tls())).await;
        all_arrives(&identity, server.addr).await;
    });
}

#[test]
fn by_the_async_server() {
    run(async {
        let identity = Identity::new();
        let server = serve(|server| server.http(pages()).tls(identity.tls()), echo).await;
        all_arrives(&identity, server.addr).await;
    });
}
