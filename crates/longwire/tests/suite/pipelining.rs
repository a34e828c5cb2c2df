//! Requests right behind one whose body is not read. If the response to that one cannot be written at once, as on a
//! transport that was just handed over, hyper reads them early, and once forgot them.

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(feature = "tls")]
use crate::support::Identity;
use crate::support::{Frame, Raw, Script, TEXT, echo, for_each_engine, masked, run, serve, upgrade_request};

/// Whether a response can be written at once depends on the system, hence several tries.
const TRIES: usize = 10;

const PAGE: &str = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

fn pages() -> Router {
    Router::new().route("/page", get(async || "a page"))
}

/// Requests with bodies.
fn requests() -> [String; 2] {
    let body = "x".repeat(12_000);
    [
        "GET /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            .to_owned(),
        format!("GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: 12000\r\n\r\n{body}"),
    ]
}

/// What is sent in one write with the first request.
#[derive(Debug, Clone, Copy)]
enum Second {
    Page,
    WebSocket,
}

/// Every first request with every possible second one, several times.
fn pairs() -> Vec<(String, Second)> {
    let firsts = requests().into_iter();
    let pairs = firsts.flat_map(|first| [(first.clone(), Second::Page), (first, Second::WebSocket)]);
    std::iter::repeat_n(pairs.collect::<Vec<_>>(), TRIES).flatten().collect()
}

/// Checks that both are answered.
async fn are_answered<T: AsyncRead + AsyncWrite + Unpin>(mut raw: Raw<T>, first: &str, second: Second) {
    match second {
        Second::Page => {
            raw.send([first, PAGE, "G"].concat()).await;
            expect_page(&mut raw).await;
            expect_page(&mut raw).await;
        }
        Second::WebSocket => {
            raw.send([first.as_bytes(), upgrade_request("").as_bytes(), &masked(TEXT, "one")].concat()).await;
            expect_page(&mut raw).await;
            let head = raw.head().await;
            assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
            assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
        }
    }
}

async fn expect_page<T: AsyncRead + AsyncWrite + Unpin>(raw: &mut Raw<T>) {
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    raw.expect("a page").await;
}

#[test]
fn by_the_event_loops() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server.http(pages())).await;
        for (first, second) in pairs() {
            are_answered(server.raw().await, &first, second).await;
        }
    });
}

#[test]
fn by_the_async_server() {
    run(async {
        let server = serve(|server| server.http(pages()), echo).await;
        for (first, second) in pairs() {
            are_answered(server.raw().await, &first, second).await;
        }
    });
}

#[cfg(feature = "tls")]
#[test]
fn by_the_event_loops_over_tls() {
    for_each_engine(async |engine| {
        let identity = Identity::new();
        let server = Script::new().run(engine, |server| server.http(pages()).tls(identity.tls())).await;
        for (first, second) in pairs() {
            are_answered(identity.raw(server.addr).await, &first, second).await;
        }
    });
}

#[cfg(feature = "tls")]
#[test]
fn by_the_async_server_over_tls() {
    run(async {
        let identity = Identity::new();
        let server = serve(|server| server.http(pages()).tls(identity.tls()), echo).await;
        for (first, second) in pairs() {
            are_answered(identity.raw(server.addr).await, &first, second).await;
        }
    });
}
