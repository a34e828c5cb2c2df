//! Plain HTTP on the port of an event-driven server.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use longwire::mode::Run;
use longwire::{Accept, By, Engine, Refusal, Server};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{
    CLOSE, EventServer, Frame, Raw, Script, TEXT, Told, close, for_each_engine, masked, upgrade_request,
};

const GET: &str = "GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n";

async fn with_pages(
    engine: Engine,
    script: Script,
    set_up: impl FnOnce(Server<Run>) -> Server<Run>,
) -> EventServer {
    let router = Router::new()
        .route("/page", get(async || "a page"))
        .route("/double", post(async |body: String| body.repeat(2)))
        .layer(DefaultBodyLimit::disable());
    script.run(engine, |server| set_up(server.http(router))).await
}

async fn expect_page(raw: &mut Raw<TcpStream>) {
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    raw.expect("a page").await;
}

#[test]
fn a_connection_may_ask_for_pages_and_then_for_a_websocket() {
    for_each_engine(async |engine| {
        let script = Script::new().on_open(|socket| {
            let greeting = socket.state().clone();
            socket.send(&greeting).or_drop();
        });
        let mut server = with_pages(engine, script, |server| server.max_connections(1)).await;
        let mut raw = server.raw().await;
        raw.send([GET, GET].concat()).await;
        expect_page(&mut raw).await;
        expect_page(&mut raw).await;

        let request = upgrade_request("").replace("GET /", "GET /chat");
        raw.send([request.as_bytes(), &masked(TEXT, "one")].concat()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw.send(masked(TEXT, "two")).await;
        for expected in ["/chat", "one", "two"] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, expected));
        }
        server.expect(Told::Open).await;
        server.expect_sometime(Told::message("two")).await;

        // The connection still has its place, and frees it when it ends.
        assert_eq!(server.status(GET).await, "HTTP/1.1 503 Service Unavailable");
        raw.send(masked(CLOSE, close(1000, ""))).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::close(1000, "", By::Peer, true)).await;
        while server.status(GET).await != "HTTP/1.1 200 OK" {}
    });
}

#[test]
fn a_body_may_be_larger_than_a_read() {
    for_each_engine(async |engine| {
        let server = with_pages(engine, Script::new(), |server| server).await;
        let body = "0123456789abcdef".repeat(1 << 16);
        let length = body.len();
        let mut raw = server.raw().await;
        raw.send(format!("POST /double HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        raw.expect(body.repeat(2)).await;
    });
}

#[test]
fn the_handler_refuses_those_that_asked_for_a_page_before_too() {
    for_each_engine(async |engine| {
        let script = Script::new().on_upgrade(|request| match request.path() {
            "/chat" => Ok(Accept::with(String::new())),
            _ => Err(Refusal::not_found("no such room")),
        });
        let server = with_pages(engine, script, |server| server).await;
        let mut raw = server.raw().await;
        raw.send(GET).await;
        expect_page(&mut raw).await;
        raw.send(upgrade_request("")).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 404 Not Found\r\n"));
        raw.expect("no such room\n").await;
    });
}

#[test]
fn a_client_that_leaves_gives_its_place_back() {
    for_each_engine(async |engine| {
        let server = with_pages(engine, Script::new(), |server| server.max_connections(1)).await;
        for part in
            ["GET /page HTTP/1.1\r\n", GET, "POST /double HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"]
        {
            let mut leaving = server.raw().await;
            leaving.send(part).await;
            drop(leaving);
            while server.status(GET).await != "HTTP/1.1 200 OK" {}
        }
    });
}

#[test]
fn connections_of_plain_http_end_with_the_server() {
    for_each_engine(async |engine| {
        let hour = Duration::from_secs(3600);
        let mut server = with_pages(engine, Script::new(), |server| server.shutdown_time(hour)).await;
        let mut idle = server.raw().await;
        idle.send(GET).await;
        expect_page(&mut idle).await;
        server.stop();
        idle.expect_end().await;
        server.returned().await;
    });
}

/// A service that never answers, and a channel that reports when a request is dropped.
fn never_answered(server: Server<Run>) -> (Server<Run>, UnboundedReceiver<&'static str>) {
    struct GivenUp(UnboundedSender<&'static str>);

    impl Drop for GivenUp {
        fn drop(&mut self) {
            let _unheard = self.0.send("given up");
        }
    }

    let (told, to_test) = unbounded_channel();
    let never = async move || -> &'static str {
        told.send("asked").unwrap();
        let _until_dropped = GivenUp(told.clone());
        std::future::pending().await
    };
    (server.http(Router::new().route("/never", get(never))), to_test)
}

const NEVER: &str = "GET /never HTTP/1.1\r\nHost: example.com\r\n\r\n";

/// Over io_uring it once continued after `run` had returned, indefinitely.
#[test]
fn a_request_ends_with_the_time_for_the_shutdown() {
    for_each_engine(async |engine| {
        let mut told = None;
        let set_up = |server: Server<Run>| {
            let (server, to_test) = never_answered(server);
            told = Some(to_test);
            server.shutdown_time(Duration::from_millis(50))
        };
        let mut server = Script::new().run(engine, set_up).await;
        let mut told = told.unwrap();
        let mut raw = server.raw().await;
        raw.send(NEVER).await;
        assert_eq!(told.recv().await, Some("asked"));
        server.stop();
        server.returned().await;
        assert_eq!(told.try_recv(), Ok("given up"), "it must end before `run` does");
        raw.expect_end().await;
    });
}

#[test]
fn a_request_ends_with_a_server_that_is_dropped() {
    for_each_engine(async |engine| {
        let mut told = None;
        let set_up = |server: Server<Run>| {
            let (server, to_test) = never_answered(server);
            told = Some(to_test);
            server
        };
        let server = Script::new().run(engine, set_up).await;
        let mut told = told.unwrap();
        let mut raw = server.raw().await;
        raw.send(NEVER).await;
        assert_eq!(told.recv().await, Some("asked"));
        server.drop_future();
        assert_eq!(told.recv().await, Some("given up"));
        raw.expect_end().await;
    });
}
