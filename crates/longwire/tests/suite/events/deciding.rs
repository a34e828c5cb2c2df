//! A decision of `on_upgrade` that takes its time.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use longwire::mode::{Routed, Run};
use longwire::{Accept, Engine, Handler, Limits, MessageRef, Refusal, Server, Socket, Upgrade};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::support::{Frame, Raw, Serving, TEXT, for_each_engine, masked, upgrade_request};

const HOUR: Duration = Duration::from_secs(3600);

/// What a decision is to come to.
#[derive(Debug)]
enum Verdict {
    Accept,
    Refuse,
    Panic,
}

/// Waits for the test with each decision but those for `/at-once`. Its state is the path of the request, which it sends
/// first; then it sends back what it receives.
struct Deliberate {
    asked: UnboundedSender<oneshot::Sender<Verdict>>,
}

impl Handler for Deliberate {
    type State = String;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
        if request.path() != "/at-once" {
            let (sender, verdict) = oneshot::channel();
            self.asked.send(sender).unwrap();
            match verdict.await.unwrap() {
                Verdict::Accept => {}
                Verdict::Refuse => return Err(Refusal::forbidden("not you")),
                Verdict::Panic => panic!("as the test wants it"),
            }
        }
        Ok(Accept::with(request.path().to_owned()))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        let path = socket.state().clone();
        socket.send(path).or_drop();
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }
}

/// A server that waits for the test to decide.
struct Asking {
    serving: Serving,
    asked: UnboundedReceiver<oneshot::Sender<Verdict>>,
}

impl Asking {
    async fn start(engine: Engine, set_up: impl FnOnce(Server<Run>) -> Server<Run>) -> Asking {
        let (sender, asked) = unbounded_channel();
        let set_up = |server: Server| set_up(server.engine(engine).workers(1));
        let serving = Serving::start(set_up, |server| server.run(Deliberate { asked: sender })).await;
        Asking { serving, asked }
    }

    /// A client that has asked for `path`, with frames behind the request; and how to decide about it.
    async fn ask(&mut self, path: &str, behind: &[u8]) -> (Raw<TcpStream>, oneshot::Sender<Verdict>) {
        let mut raw = self.serving.raw().await;
        raw.send([at(path).as_bytes(), behind].concat()).await;
        (raw, self.asked.recv().await.unwrap())
    }

    /// A client about which the handler decides at once.
    async fn open(&self) -> Raw<TcpStream> {
        let mut raw = self.serving.raw().await;
        raw.send(at("/at-once")).await;
        expect_open(&mut raw, "/at-once").await;
        raw
    }
}

fn at(path: &str) -> String {
    upgrade_request("").replace("GET /", &format!("GET {path}"))
}

async fn expect_status(raw: &mut Raw<TcpStream>, status: u16) {
    let head = raw.head().await;
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
}

async fn expect_open(raw: &mut Raw<TcpStream>, path: &str) {
    expect_status(raw, 101).await;
    assert_eq!(raw.frame().await, Frame::new(TEXT, path));
}

/// Other connections go on, and so the loop has seen what came before.
async fn go_round(other: &mut Raw<TcpStream>) {
    for _ in 0..4 {
        other.send(masked(TEXT, "round")).await;
        assert_eq!(other.frame().await, Frame::new(TEXT, "round"));
    }
}

#[test]
fn it_accepts_and_nothing_that_came_meanwhile_is_lost() {
    for_each_engine(async |engine| {
        let mut server = Asking::start(engine, |server| server).await;
        let mut other = server.open().await;
        let (mut raw, verdict) = server.ask("/slow", &masked(TEXT, "with the request")).await;
        let later = masked(TEXT, "later");
        raw.send(&later[..3]).await;
        go_round(&mut other).await;
        raw.send(&later[3..]).await;
        go_round(&mut other).await;
        verdict.send(Verdict::Accept).unwrap();
        expect_open(&mut raw, "/slow").await;
        raw.send(masked(TEXT, "open")).await;
        for expected in ["with the request", "later", "open"] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, expected));
        }
        go_round(&mut other).await;
    });
}

/// A connection that sends more than is kept is not read from until it is open.
#[test]
fn a_client_that_sends_much_before_it_is_accepted_loses_nothing() {
    for_each_engine(async |engine| {
        let mut server = Asking::start(engine, |server| server).await;
        let mut other = server.open().await;
        let (mut raw, verdict) = server.ask("/slow", &[]).await;
        let messages: Vec<String> = (0..64).map(|number| number.to_string().repeat(2_000)).collect();
        for message in &messages {
            raw.send(masked(TEXT, message)).await;
            go_round(&mut other).await;
        }
        verdict.send(Verdict::Accept).unwrap();
        expect_open(&mut raw, "/slow").await;
        for message in &messages {
            assert_eq!(raw.frame().await, Frame::new(TEXT, message));
        }
    });
}

#[test]
fn it_refuses() {
    for_each_engine(async |engine| {
        let mut server = Asking::start(engine, |server| server).await;
        let mut other = server.open().await;
        let (mut raw, verdict) = server.ask("/slow", &masked(TEXT, "early")).await;
        go_round(&mut other).await;
        verdict.send(Verdict::Refuse).unwrap();
        expect_status(&mut raw, 403).await;
        raw.expect("not you\n").await;
        raw.expect_end().await;
    });
}

#[test]
fn it_panics_and_only_its_own_client_is_refused() {
    for_each_engine(async |engine| {
        let mut server = Asking::start(engine, |server| server).await;
        let mut other = server.open().await;
        let (mut raw, verdict) = server.ask("/slow", &[]).await;
        let (mut next, next_verdict) = server.ask("/next", &[]).await;
        verdict.send(Verdict::Panic).unwrap();
        expect_status(&mut raw, 500).await;
        go_round(&mut other).await;
        next_verdict.send(Verdict::Accept).unwrap();
        expect_open(&mut next, "/next").await;
    });
}

#[test]
fn the_time_for_the_handshake_ends_it() {
    for_each_engine(async |engine| {
        let limits = Limits::default().handshake_time(Duration::from_millis(200));
        let mut server = Asking::start(engine, |server| server.limits(limits)).await;
        // More than is kept: the refused client is read from again.
        let request = [at("/slow").as_bytes(), &masked(TEXT, "early".repeat(20_000))].concat();
        let mut raw = server.serving.ask_in_time(request).await;
        expect_status(&mut raw, 503).await;
        raw.expect("the server has not decided in time\n").await;
        raw.finish().await;
        raw.expect_end().await;
        let mut verdict = server.asked.recv().await.unwrap();
        verdict.closed().await;
    });
}

#[test]
fn the_future_is_dropped_when_the_client_leaves() {
    for_each_engine(async |engine| {
        let limits = Limits::default().handshake_time(HOUR);
        let mut server = Asking::start(engine, |server| server.limits(limits)).await;
        let (raw, mut verdict) = server.ask("/slow", &[]).await;
        drop(raw);
        verdict.closed().await;
        server.open().await;
    });
}

#[test]
fn a_shutdown_ends_it() {
    for_each_engine(async |engine| {
        let set_up =
            |server: Server<Run>| server.limits(Limits::default().handshake_time(HOUR)).shutdown_time(HOUR);
        let mut server = Asking::start(engine, set_up).await;
        let (mut raw, mut verdict) = server.ask("/slow", &[]).await;
        server.serving.stop();
        raw.expect_end().await;
        verdict.closed().await;
        server.serving.returned().await;
    });
}

fn with_pages(server: Server<Run>) -> Server<Run> {
    server.http(Router::new().route("/page", get(async || "a page")))
}

/// Has the server answer a request for a page first, so that hyper serves the connection.
async fn ask_behind_a_page(server: &mut Asking) -> (Raw<TcpStream>, oneshot::Sender<Verdict>) {
    let mut raw = server.serving.raw().await;
    raw.send("GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
    expect_status(&mut raw, 200).await;
    raw.expect("a page").await;
    raw.send([at("/slow").as_bytes(), &masked(TEXT, "early")].concat()).await;
    (raw, server.asked.recv().await.unwrap())
}

#[test]
fn behind_a_request_for_a_page() {
    for_each_engine(async |engine| {
        let mut server = Asking::start(engine, with_pages).await;
        let (mut raw, verdict) = ask_behind_a_page(&mut server).await;
        verdict.send(Verdict::Accept).unwrap();
        expect_open(&mut raw, "/slow").await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "early"));
        let (mut raw, verdict) = ask_behind_a_page(&mut server).await;
        verdict.send(Verdict::Panic).unwrap();
        expect_status(&mut raw, 500).await;
    });
}

#[test]
fn behind_a_request_for_a_page_time_and_shutdown_end_it() {
    for_each_engine(async |engine| {
        let in_time = Limits::default().handshake_time(Duration::from_secs(1));
        let mut server = Asking::start(engine, |server| with_pages(server).limits(in_time)).await;
        let (mut raw, mut verdict) = ask_behind_a_page(&mut server).await;
        expect_status(&mut raw, 503).await;
        verdict.closed().await;

        let patient = Limits::default().handshake_time(HOUR);
        let set_up = |server| with_pages(server).limits(patient).shutdown_time(HOUR);
        let mut server = Asking::start(engine, set_up).await;
        let (mut raw, mut verdict) = ask_behind_a_page(&mut server).await;
        server.serving.stop();
        expect_status(&mut raw, 503).await;
        verdict.closed().await;
        drop(raw);
        server.serving.returned().await;
    });
}

#[test]
fn each_route_waits_for_its_own_handler() {
    for_each_engine(async |engine| {
        let (sender, mut asked) = unbounded_channel();
        let set_up = |server: Server| {
            server.engine(engine).route("/slow/{name}", Deliberate { asked: sender }).workers(1)
        };
        let serving = Serving::start(set_up, Server::<Routed>::run).await;
        let mut raw = serving.raw().await;
        raw.send(at("/slow/tea")).await;
        let verdict = asked.recv().await.unwrap();
        verdict.send(Verdict::Accept).unwrap();
        expect_open(&mut raw, "/slow/tea").await;
    });
}
