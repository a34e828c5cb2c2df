//! Every request is judged by the same rules: the same bytes get the same answer, whether they come first on a
//! connection or after another request, for a WebSocket or for a page, and on every engine.

use axum::Router;
use http::StatusCode;
use longwire::{Engine, Limits, Server};
use tokio::net::TcpStream;

use crate::support::{
    EventServer, Frame, Raw, Script, Serving, TEXT, echo, for_each_engine, masked, run, serve,
};

const GET: &str = "GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n";

/// The headers that make a request one for a WebSocket.
const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A start line, header lines, what follows the head, and the expected status: as a plain request, and as a WebSocket
/// request. Each variant is sent as it is written, and `\r\n` is always explicit.
type Variant = (&'static str, &'static str, &'static str, u16, u16);

const HOST: &str = "Host: example.com\r\n";

const TARGETS: &[Variant] = &[
    ("GET / HTTP/1.1\r\n", HOST, "", 200, 101),
    ("GET /a?b=c HTTP/1.1\r\n", HOST, "", 200, 101),
    ("GET //a/b HTTP/1.1\r\n", HOST, "", 200, 101),
    ("GET /%zz HTTP/1.1\r\n", HOST, "", 200, 101),
    ("GET http://example.com/ HTTP/1.1\r\n", HOST, "", 200, 101),
    ("GET http://example.com HTTP/1.1\r\n", HOST, "", 200, 101),
    ("GET https://example.com:81/x HTTP/1.1\r\n", HOST, "", 200, 101),
    ("GET http://user@example.com/ HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET http://a:b/ HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET http:// HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET http:///x HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET * HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET echo HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET example.com:80 HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET a/b HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET ?a HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET /a#b HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET /# HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET #a HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET http://example.com/#x HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET /a b HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET  / HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET\t/ HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET / HTTP/1.1 \r\n", HOST, "", 400, 400),
    ("GET / \r\n", HOST, "", 400, 400),
    ("GET /\r\n", HOST, "", 400, 400),
    ("GET\r\n", HOST, "", 400, 400),
    ("OPTIONS * HTTP/1.1\r\n", HOST, "", 200, 405),
    ("OPTIONS / HTTP/1.1\r\n", HOST, "", 200, 405),
    ("HEAD / HTTP/1.1\r\n", HOST, "", 200, 405),
    ("POST / HTTP/1.1\r\n", HOST, "", 200, 405),
    ("get / HTTP/1.1\r\n", HOST, "", 200, 405),
    ("POST * HTTP/1.1\r\n", HOST, "", 400, 400),
    ("G(T / HTTP/1.1\r\n", HOST, "", 400, 400),
    ("CONNECT example.com:443 HTTP/1.1\r\n", HOST, "", 200, 405),
    ("CONNECT example.com HTTP/1.1\r\n", HOST, "", 400, 400),
    ("CONNECT user@example.com:443 HTTP/1.1\r\n", HOST, "", 400, 400),
    ("CONNECT / HTTP/1.1\r\n", HOST, "", 400, 400),
    ("OPTIONS example.com:443 HTTP/1.1\r\n", HOST, "", 400, 400),
];

const VERSIONS: &[Variant] = &[
    ("GET / HTTP/1.0\r\n", HOST, "", 200, 400),
    ("GET / HTTP/1.0\r\n", "", "", 200, 400),
    ("OPTIONS / HTTP/1.0\r\n", "", "", 200, 400),
    ("GET / HTTP/1.2\r\n", HOST, "", 200, 101),
    ("GET / HTTP/1.9\r\n", HOST, "", 200, 101),
    ("GET / HTTP/1.2\r\n", "", "", 400, 400),
    ("GET / HTTP/1.10\r\n", HOST, "", 400, 400),
    ("GET / HTTP/1.\r\n", HOST, "", 400, 400),
    ("GET / HTTP/1.x\r\n", HOST, "", 400, 400),
    ("GET / http/1.1\r\n", HOST, "", 400, 400),
    ("GET / HTTP/0.9\r\n", HOST, "", 505, 505),
    ("GET / HTTP/2.0\r\n", HOST, "", 505, 505),
    ("GET / HTTP/3.0\r\n", HOST, "", 505, 505),
    ("PRI * HTTP/2.0\r\n", "", "SM\r\n\r\n", 505, 505),
];

const LINES: &[Variant] = &[
    ("\r\nGET / HTTP/1.1\r\n", HOST, "", 200, 101),
    ("\r\n\r\n\r\nGET / HTTP/1.1\r\n", HOST, "", 200, 101),
    ("\nGET / HTTP/1.1\r\n", HOST, "", 400, 400),
    ("\r\n\nGET / HTTP/1.1\r\n", HOST, "", 400, 400),
    ("\rGET / HTTP/1.1\r\n", HOST, "", 400, 400),
    ("\x16\x03\x01\x02", "", "", 400, 400),
    ("\x15\x03\x01\x02", "", "", 400, 400),
    ("\0", "", "", 400, 400),
    (" GET / HTTP/1.1\r\n", HOST, "", 400, 400),
    ("GET / HTTP/1.1\n", HOST, "", 400, 400),
    ("GET / HTTP/1.1\r", HOST, "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\nX: y\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX: a\rb\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX: a\0b\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX: a\x7fb\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX: caf\u{e9}\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX:\ta\t\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX:\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\n: y\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX : y\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX(: y\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: example.com\r\nX: a\r\n b\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", " X: y\r\nHost: example.com\r\n", "", 400, 400),
];

const HOSTS: &[Variant] = &[
    ("GET / HTTP/1.1\r\n", "", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a\r\nHost: a\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a\r\nhost: b\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host:\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a b\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: user@h\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a:b\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a:80:80\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a:65536\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a:+80\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: :80\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a/b\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: http://a\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a, b\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: caf\u{e9}\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a%2\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: [::1\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: [x]\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: ::1\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a:\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host:  a:8080\t\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host: [::1]:8080\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host: my_service.\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host: a%41\r\n", "", 200, 101),
    ("GET http://b/ HTTP/1.1\r\n", "", "", 400, 400),
    ("GET http://b/ HTTP/1.1\r\n", "Host: a:b\r\n", "", 400, 400),
    ("GET / HTTP/1.0\r\n", "Host: a b\r\n", "", 400, 400),
    ("GET / HTTP/1.0\r\n", "Host: a\r\nHost: a\r\n", "", 400, 400),
    ("OPTIONS * HTTP/1.1\r\n", "", "", 400, 400),
    ("HEAD / HTTP/1.1\r\n", "", "", 400, 400),
];

const BODIES: &[Variant] = &[
    ("GET / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 0\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 5\r\n", "hello", 200, 400),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 5\r\n", "hello", 200, 405),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n", "hello", 400, 400),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n", "hello!", 400, 400),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 5, 5\r\n", "hello", 400, 400),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: +5\r\n", "hello", 400, 400),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: -5\r\n", "hello", 400, 400),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length:\r\n", "", 400, 400),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 18446744073709551616\r\n", "", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 200, 400),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nTransfer-Encoding: Chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", 200, 405),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nTransfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n", 501, 501),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 501, 501),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nTransfer-Encoding: gzip\r\n", "", 501, 501),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nTransfer-Encoding: identity\r\n", "", 501, 501),
    ("POST / HTTP/1.1\r\n", "Host: a\r\nTransfer-Encoding:\r\n", "", 501, 501),
    (
        "POST / HTTP/1.1\r\n",
        "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\n",
        400,
        400,
    ),
    (
        "POST / HTTP/1.1\r\n",
        "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "0\r\n\r\n",
        400,
        400,
    ),
    ("POST / HTTP/1.0\r\n", "Host: a\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400, 400),
    ("GET / HTTP/1.1\r\n", "Host: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n", "", 200, 101),
    ("GET / HTTP/1.1\r\n", "Host: a\r\nExpect: 100-continue\r\n", "", 200, 101),
];

/// A response: its status, and the text of a refusal.
type Answer = (u16, String);

fn set_up<M>(server: Server<M>) -> Server<M> {
    let pages = Router::new().fallback(async |_body: String| "a page");
    server.http(pages).limits(Limits::default().handshake_bytes(4096).handshake_headers(20).keepalive(None))
}

async fn answer(raw: &mut Raw<TcpStream>, request: &str) -> Answer {
    raw.send(request).await;
    let head = raw.head().await;
    let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
    let is_refused = ![101, 200].contains(&status);
    (status, if is_refused { String::from_utf8(raw.rest().await).unwrap() } else { String::new() })
}

async fn answers(serving: &Serving, request: &str) -> [Answer; 2] {
    let first = answer(&mut serving.raw().await, request).await;
    let mut later = serving.raw().await;
    assert_eq!(answer(&mut later, GET).await.0, 200);
    later.expect("a page").await;
    [first, answer(&mut later, request).await]
}

async fn judge_all(serving: &Serving) {
    let mut count = 0;
    for (line, headers, behind, plain, upgrade) in [TARGETS, VERSIONS, LINES, HOSTS, BODIES].concat() {
        for (more, expected) in [("", plain), (UPGRADE, upgrade)] {
            let request = format!("{line}{headers}{more}\r\n{behind}");
            let [first, later] = answers(serving, &request).await;
            assert_eq!((first.0, later.0), (expected, expected), "{request:?}: {first:?} and {later:?}");
            assert_eq!(first.1, later.1, "{request:?}");
            count += 1;
        }
    }
    for (headers, expected) in [("X: y\r\n".repeat(20), 431), (format!("X: {}\r\n", "y".repeat(4096)), 431)] {
        for more in ["", UPGRADE] {
            let [first, later] =
                answers(serving, &format!("GET / HTTP/1.1\r\n{HOST}{more}{headers}\r\n")).await;
            assert_eq!((first.0, &first.1), (expected, &later.1));
            count += 1;
        }
    }
    assert!(count >= 200, "{count}");
}

#[test]
fn the_async_server_judges_first_and_later_requests_alike() {
    run(async { judge_all(&serve(set_up, echo).await).await });
}

#[test]
fn the_event_loops_judge_first_and_later_requests_alike() {
    for_each_engine(async |engine| judge_all(&*with_pages(engine).await).await);
}

async fn with_pages(engine: Engine) -> EventServer {
    Script::new().run(engine, set_up).await
}

/// The next request begins where the body of the previous one ends, however the bytes are split.
#[test]
fn requests_behind_a_body_are_judged() {
    for_each_engine(async |engine| {
        let server = with_pages(engine).await;
        let bodies = [
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n005;a=b\r\nhel\r\n\r\n0\r\nDigest: x\r\n\r\n",
        ];
        for body in bodies {
            let post = format!("POST / HTTP/1.1\r\nHost: a\r\n{body}");
            for (request, status) in [
                ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
                ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
                (format!("GET / HTTP/1.1\r\n{HOST}{UPGRADE}\r\n"), 101),
            ] {
                let all = [&*post, &post, &request].concat();
                for cut in [all.len(), 1, post.len() - 1, post.len() + 1] {
                    let mut raw = server.raw().await;
                    for piece in all.as_bytes().chunks(cut) {
                        raw.send(piece).await;
                    }
                    for _ in 0..2 {
                        assert!(raw.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
                        raw.expect("a page").await;
                    }
                    let head = raw.head().await;
                    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{all:?}: {head}");
                    if status == 101 {
                        raw.send(masked(TEXT, "hello")).await;
                        assert_eq!(raw.frame().await, Frame::new(TEXT, "hello"));
                    }
                }
            }
        }
    });
}

/// The service may take over the connection with such a request, so what follows it is not parsed. If the service
/// does not, requests that were not judged get no answer.
#[test]
fn what_follows_a_request_that_may_leave_http_is_not_answered() {
    for_each_engine(async |engine| {
        let server = with_pages(engine).await;
        for request in [
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
        ] {
            let answer = server.ask([request, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", GET].concat()).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        }
    });
}

#[test]
fn where_only_websockets_are_served_options_is_answered_and_head_has_no_content() {
    async fn check(serving: &Serving) {
        // HAProxy's health check with its default settings.
        let well = serving.ask("OPTIONS / HTTP/1.0\r\n\r\n").await;
        assert!(
            well.starts_with("HTTP/1.1 204 No Content\r\n") && well.contains("\r\nAllow: GET, OPTIONS\r\n"),
            "{well}"
        );
        let status = StatusCode::UPGRADE_REQUIRED;
        let head = serving.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")) && head.ends_with("\r\n\r\n"), "{head}");
        let get = serving.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(
            get.contains("\r\nUpgrade: websocket\r\n") && get.ends_with("only WebSockets are served here\n"),
            "{get}"
        );
    }
    for_each_engine(async |engine| check(&*Script::new().run(engine, |server| server).await).await);
    run(async { check(&serve(|server| server, echo).await).await });
}
