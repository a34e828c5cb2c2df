//! A hook of [`Server::on_upgrade`] that waits before it decides about a request for the async server.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use longwire::mode::Serve;
use longwire::{Accept, Attached, Limits, Refusal, Server, Upgrade, WebSocket};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::support::{Frame, Raw, Serving, TEXT, echo, masked, run, serve, upgrade_request};

const HOUR: Duration = Duration::from_secs(3600);

/// The end of a decision.
#[derive(Debug)]
enum Verdict {
    Accept,
    Refuse,
    Panic,
}

/// Lets the test decide about each request, except for `/at-once`.
async fn deliberate(
    asked: UnboundedSender<oneshot::Sender<Verdict>>,
    request: &Upgrade<'_>,
) -> Result<Accept<Attached>, Refusal> {
    if request.path() != "/at-once" {
        let (sender, verdict) = oneshot::channel();
        asked.send(sender).map_err(|_| Refusal::bad_request("the test has ended"))?;
        match verdict.await {
            Ok(Verdict::Accept) => {}
            Ok(Verdict::Refuse) => return Err(Refusal::forbidden("not you")),
            Ok(Verdict::Panic) => panic!("as the test wants it"),
            Err(_) => return Err(Refusal::bad_request("the test has no verdict")),
        }
    }
    Ok(Accept::new().attach(request.path().to_owned()))
}

/// Sends the path that the hook has attached, and echoes.
async fn path_and_echo(mut socket: WebSocket) -> longwire::HandlerResult {
    let path = socket.attached::<String>().cloned().ok_or("no path")?;
    socket.send(path).await?;
    echo(socket).await
}

/// A server whose decisions the test makes.
struct Asking {
    serving: Serving,
    asked: UnboundedReceiver<oneshot::Sender<Verdict>>,
}

impl Asking {
    async fn start(set_up: impl FnOnce(Server<Serve>) -> Server<Serve>) -> Asking {
        let (sender, asked) = unbounded_channel();
        let hook = async move |request: &Upgrade<'_>| deliberate(sender, request).await;
        let serving = serve(|server| set_up(server.on_upgrade(hook)), path_and_echo).await;
        Asking { serving, asked }
    }

    /// A client that has requested `path` and sent `behind`, and the channel for the decision.
    async fn ask(&mut self, path: &str, behind: &[u8]) -> (Raw<TcpStream>, oneshot::Sender<Verdict>) {
        let mut raw = self.serving.raw().await;
        raw.send([at(path).as_bytes(), behind].concat()).await;
        (raw, self.asked.recv().await.unwrap())
    }

    /// The same after a request for a page, so that hyper serves the connection.
    async fn ask_behind_a_page(&mut self) -> (Raw<TcpStream>, oneshot::Sender<Verdict>) {
        let mut raw = self.serving.raw().await;
        raw.send("GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
        expect_status(&mut raw, 200).await;
        raw.expect("a page").await;
        raw.send([at("/slow").as_bytes(), &masked(TEXT, "early")].concat()).await;
        (raw, self.asked.recv().await.unwrap())
    }

    /// A client whose request is decided at once.
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

/// Uses another connection of the same runtime, which by then has handled what arrived before.
async fn round_trips(other: &mut Raw<TcpStream>) {
    for _ in 0..4 {
        other.send(masked(TEXT, "round")).await;
        assert_eq!(other.frame().await, Frame::new(TEXT, "round"));
    }
}

#[test]
fn it_accepts_and_no_byte_from_before_the_decision_is_lost() {
    run(async {
        let mut server = Asking::start(|server| server).await;
        let mut other = server.open().await;
        let (mut raw, verdict) = server.ask("/slow", &masked(TEXT, "with the request")).await;
        // Four times what is kept, in pieces.
        let messages: Vec<String> = (0..64).map(|number| number.to_string().repeat(600)).collect();
        for message in &messages {
            raw.send(masked(TEXT, message)).await;
            round_trips(&mut other).await;
        }
        verdict.send(Verdict::Accept).unwrap();
        expect_open(&mut raw, "/slow").await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "with the request"));
        for message in &messages {
            assert_eq!(raw.frame().await, Frame::new(TEXT, message));
        }
    });
}

#[test]
fn it_refuses() {
    run(async {
        let mut server = Asking::start(|server| server).await;
        let (mut raw, verdict) = server.ask("/slow", &masked(TEXT, "early")).await;
        verdict.send(Verdict::Refuse).unwrap();
        expect_status(&mut raw, 403).await;
        raw.expect("not you\n").await;
        raw.finish().await;
        raw.expect_end().await;
    });
}

#[test]
fn it_panics_and_only_its_own_client_is_refused() {
    run(async {
        let mut server = Asking::start(|server| server).await;
        let (mut raw, verdict) = server.ask("/slow", &[]).await;
        let (mut next, next_verdict) = server.ask("/next", &[]).await;
        verdict.send(Verdict::Panic).unwrap();
        expect_status(&mut raw, 500).await;
        next_verdict.send(Verdict::Accept).unwrap();
        expect_open(&mut next, "/next").await;
    });
}

#[test]
fn the_time_for_the_handshake_ends_it() {
    run(async {
        let limits = Limits::default().handshake_time(Duration::from_millis(200));
        let mut server = Asking::start(|server| server.limits(limits)).await;
        let mut raw = server.serving.ask_in_time(at("/slow")).await;
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
    run(async {
        let limits = Limits::default().handshake_time(HOUR);
        let mut server = Asking::start(|server| server.limits(limits)).await;
        let (raw, mut verdict) = server.ask("/slow", &masked(TEXT, "early")).await;
        drop(raw);
        verdict.closed().await;
        server.open().await;
    });
}

#[test]
fn a_shutdown_ends_it() {
    run(async {
        let limits = Limits::default().handshake_time(HOUR);
        let mut server = Asking::start(|server| server.limits(limits).shutdown_time(HOUR)).await;
        let (mut raw, mut verdict) = server.ask("/slow", &[]).await;
        server.serving.stop();
        raw.expect_end().await;
        verdict.closed().await;
        server.serving.returned().await;
    });
}

fn with_pages(server: Server<Serve>) -> Server<Serve> {
    server.http(Router::new().route("/page", get(async || "a page")))
}

#[test]
fn behind_a_request_for_a_page() {
    run(async {
        let patient = Limits::default().handshake_time(HOUR);
        let mut server = Asking::start(|server| with_pages(server).limits(patient)).await;
        let (mut raw, verdict) = server.ask_behind_a_page().await;
        verdict.send(Verdict::Accept).unwrap();
        expect_open(&mut raw, "/slow").await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "early"));
        let (mut raw, verdict) = server.ask_behind_a_page().await;
        verdict.send(Verdict::Panic).unwrap();
        expect_status(&mut raw, 500).await;
    });
}

#[test]
fn behind_a_request_for_a_page_time_and_shutdown_end_it() {
    run(async {
        let in_time = Limits::default().handshake_time(Duration::from_secs(1));
        let mut server = Asking::start(|server| with_pages(server).limits(in_time)).await;
        let (mut raw, mut verdict) = server.ask_behind_a_page().await;
        expect_status(&mut raw, 503).await;
        verdict.closed().await;

        let patient = Limits::default().handshake_time(HOUR);
        let mut server = Asking::start(|server| with_pages(server).limits(patient).shutdown_time(HOUR)).await;
        let (mut raw, mut verdict) = server.ask_behind_a_page().await;
        server.serving.stop();
        expect_status(&mut raw, 503).await;
        verdict.closed().await;
        drop(raw);
        server.serving.returned().await;
    });
}
