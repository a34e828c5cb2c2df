//! Several handlers on one server, selected by path, each with its own state.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use longwire::mode::Routed;
use longwire::{Accept, Engine, Error, Handler, MessageRef, Refusal, Server, Socket, Upgrade};
use tokio::net::TcpStream;

use crate::support::{Frame, Raw, Serving, TEXT, for_each_engine, masked, upgrade_request};

/// Answers with the parameters of its path.
struct Places;

impl Handler for Places {
    type State = String;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
        let [room, rest] = ["room", "rest"].map(|name| request.param(name).unwrap_or("-"));
        Ok(Accept::with(format!("{room} {rest} {}", request.path())))
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        let answer = format!("{}: {}", socket.state(), message.as_text().unwrap());
        socket.send(answer).or_drop();
    }
}

/// Counts the messages of each connection, starting at a number.
struct Counter(u64);

impl Handler for Counter {
    type State = u64;

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<u64>, Refusal> {
        Ok(Accept::with(self.0))
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, _: MessageRef<'_>) {
        *socket.state_mut() += 1;
        socket.spawn(async { "counted" }, |counter, socket, outcome| {
            let answer = format!("{outcome} {} from {}", socket.state(), counter.0);
            socket.send(answer).or_drop();
        });
    }
}

async fn start(engine: Engine, set_up: impl FnOnce(Server<Routed>) -> Server<Routed>) -> Serving {
    let set_up = |server: Server| {
        let server = server.engine(engine).route("/chat/{room}", Places).workers(1);
        set_up(
            server
                .route("/chat/lobby", Counter(100))
                .route("/count", Counter(0))
                .route("/files/{*rest}", Places),
        )
    };
    Serving::start(set_up, Server::<Routed>::run).await
}

fn at(path: &str) -> String {
    upgrade_request("").replace("GET /", &format!("GET {path}"))
}

async fn open(serving: &Serving, path: &str) -> Raw<TcpStream> {
    let mut raw = serving.raw().await;
    raw.send(at(path)).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    raw
}

#[test]
fn each_path_has_its_handler_and_its_state() {
    for_each_engine(async |engine| {
        let serving = start(engine, |server| server).await;
        let mut connections = Vec::new();
        for (path, answer) in [
            ("/chat/tea", "tea - /chat/tea: hello"),
            ("/count", "counted 1 from 0"),
            ("/chat/lobby", "counted 101 from 100"),
            ("/chat/a%2Fb%ff+c", "a/b\u{fffd}+c - /chat/a%2Fb%ff+c: hello"),
            ("/files/a/b?c", "- a/b /files/a/b: hello"),
        ] {
            let mut raw = open(&serving, path).await;
            raw.send(masked(TEXT, "hello")).await;
            assert_eq!(raw.frame().await, Frame::new(TEXT, answer));
            connections.push(raw);
        }
        connections[1].send(masked(TEXT, "again")).await;
        assert_eq!(connections[1].frame().await, Frame::new(TEXT, "counted 2 from 0"));
    });
}

#[test]
fn a_websocket_at_any_other_path_is_not_found_and_pages_are_where_they_were() {
    for_each_engine(async |engine| {
        let router =
            Router::new().route("/page", get(async || "a page")).route("/count", get(async || "a count"));
        let serving = start(engine, |server| server.http(router)).await;
        for path in ["/page", "/", "/chat", "/chat/", "/chat/a/b", "/files/"] {
            let status = serving.status(at(path)).await;
            assert_eq!(status, "HTTP/1.1 404 Not Found", "{path}");
        }
        let page = "GET /count HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
        assert!(serving.ask(page).await.ends_with("a count"));
    });
}

#[test]
fn a_filter_of_connections_sees_the_state_of_each_route() {
    for_each_engine(async |engine| {
        let mut topics = None;
        let serving = start(engine, |server| {
            let (server, its_topics) = server.topics();
            topics = Some(its_topics);
            server
        })
        .await;
        let mut places = open(&serving, "/chat/tea").await;
        let mut counter = open(&serving, "/count").await;
        counter.send(masked(TEXT, "")).await;
        assert_eq!(counter.frame().await, Frame::new(TEXT, "counted 1 from 0"));
        let closed =
            topics.unwrap().close_where(4000, "", |socket| socket.state::<u64>() == Some(&1)).unwrap();
        assert_eq!(closed.await, 1);
        assert_eq!(counter.frame().await.payload, [0x0f, 0xa0]);
        places.send(masked(TEXT, "still here")).await;
        assert_eq!(places.frame().await, Frame::new(TEXT, "tea - /chat/tea: still here"));
    });
}

#[test]
fn a_path_that_cannot_be_a_route_is_an_error_of_run() {
    for_each_engine(async |engine| {
        let server = Server::bind("127.0.0.1:0").await.unwrap().engine(engine).shutdown_time(Duration::ZERO);
        let outcome = server.route("/{a}", Places).route("/{b}", Places).run().await;
        assert!(matches!(outcome, Err(Error::Setting(error)) if error.setting == "Server::route"));
    });
}
