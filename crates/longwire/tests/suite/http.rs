//! Plain HTTP and WebSockets on one port.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use http::{Request, Response};
use hyper::body::Incoming;
use longwire::{Limits, PageAccess, connect};
use tokio::net::TcpStream;

use crate::support::{Frame, Raw, Serving, TEXT, echo, for_each_front, masked, run, serve, upgrade_request};

const GET: &str = "GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n";

async fn with_pages(limits: Limits) -> Serving {
    let router = Router::new()
        .route("/page", get(async || "a page"))
        .route("/double", post(async |body: String| body.repeat(2)));
    serve(|server| server.http(router).limits(limits), echo).await
}

async fn expect_page(raw: &mut Raw<TcpStream>) {
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    raw.expect("a page").await;
}

#[test]
fn pages_and_websockets_share_a_port() {
    run(async {
        let serving = with_pages(Limits::default()).await;
        expect_page(&mut {
            let mut raw = serving.raw().await;
            raw.send(GET).await;
            raw
        })
        .await;
        let mut socket = connect(serving.url("/page")).await.unwrap();
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
    });
}

#[test]
fn a_connection_may_ask_for_pages_and_then_for_a_websocket() {
    run(async {
        let serving = with_pages(Limits::default()).await;
        let mut raw = serving.raw().await;
        raw.send(GET).await;
        expect_page(&mut raw).await;
        let body = "ab".repeat(5000);
        let length = body.len();
        raw.send(format!("POST /double HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        raw.expect(body.repeat(2)).await;

        raw.send([upgrade_request("").as_bytes(), &masked(TEXT, "one")].concat()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw.send(masked(TEXT, "two")).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "two"));
    });
}

#[test]
fn requests_in_one_packet_are_answered_in_order() {
    run(async {
        let serving = with_pages(Limits::default()).await;
        let mut raw = serving.raw().await;
        raw.send([GET, GET, &upgrade_request("")].concat()).await;
        expect_page(&mut raw).await;
        expect_page(&mut raw).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    });
}

#[test]
fn a_later_request_for_a_websocket_is_judged_like_a_first_one() {
    run(async {
        let serving = with_pages(Limits::default()).await;
        for (request, status, reason) in [
            (upgrade_request("Origin: https://evil.example\r\n"), 403, "pages of this origin"),
            (upgrade_request("").replace("Version: 13", "Version: 7"), 426, "version 13"),
            (upgrade_request("").replace("Sec-WebSocket-Key", "X"), 400, "Sec-WebSocket-Key is missing"),
        ] {
            let mut raw = serving.raw().await;
            raw.send(GET).await;
            expect_page(&mut raw).await;
            raw.send(request).await;
            let answer = String::from_utf8(raw.rest().await).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains(reason), "{answer}");
        }
    });
}

#[test]
fn what_the_service_does_not_know_is_its_own_404() {
    run(async {
        let serving = with_pages(Limits::default()).await;
        let answer = serving.status("GET /nowhere HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
        assert_eq!(answer, "HTTP/1.1 404 Not Found");
    });
}

#[test]
fn limits_hold_for_later_requests_too() {
    run(async {
        let serving = with_pages(Limits::default().handshake_bytes(8192).handshake_headers(20)).await;
        let mut many = serving.raw().await;
        many.send(GET).await;
        expect_page(&mut many).await;
        many.send(upgrade_request(&"X: y\r\n".repeat(20))).await;
        assert!(many.head().await.starts_with("HTTP/1.1 431 "));

        let serving = with_pages(Limits::default().handshake_time(Duration::from_millis(50))).await;
        let mut idle = serving.ask_in_time(GET).await;
        expect_page(&mut idle).await;
        idle.send("GET /pa").await;
        idle.rest().await;
    });
}

/// A service that holds scripts to the rule of WebSockets needs to know what it says.
#[test]
fn the_service_sees_whether_a_page_may_open_websockets() {
    for_each_front(async |front| {
        let page = tower::service_fn(async |request: Request<Incoming>| {
            let access = request.extensions().get::<PageAccess>();
            Ok::<_, Infallible>(Response::new(format!("{access:?}")))
        });
        let serving = front.start(|server| server.http(page).origins(["https://friend.example"])).await;
        for (origin, access) in [
            ("", "Some(Allowed)"),
            ("Origin: http://example.com\r\n", "Some(Allowed)"),
            ("Origin: https://friend.example\r\n", "Some(Allowed)"),
            ("Origin: https://example.com\r\n", "Some(Foreign)"),
            ("Origin: http://friend.example\r\n", "Some(Foreign)"),
            ("Origin: null\r\n", "Some(Foreign)"),
        ] {
            let mut raw = serving.raw().await;
            raw.send(format!("GET / HTTP/1.1\r\nHost: example.com\r\n{origin}\r\n")).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 200 OK\r\n"), "{origin}");
            raw.expect(access).await;
            // The rule is that of WebSockets.
            let mut raw = serving.raw().await;
            raw.send(upgrade_request(origin)).await;
            let status = if access == "Some(Allowed)" { "HTTP/1.1 101 " } else { "HTTP/1.1 403 " };
            assert!(raw.head().await.starts_with(status), "{origin}");
        }
    });
}
