//! Clients that send faster than the handlers of their events work.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use longwire::{Engine as LoopEngine, Server};
use longwire_socketio::engine::{Engine, EngineConfig};
use longwire_socketio::{Data, DisconnectReason, SocketIo};
use longwire_wire::{Head, Peer, RawFrame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::yield_now;
use tokio::time::timeout;

const EVENTS: usize = 5_000;

/// How long a test waits for something that should happen soon.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq, Eq)]
enum Report {
    Handled(usize),
    Ended(DisconnectReason),
}

/// A server whose handler of "step" waits, and reports in the end which event it was.
struct Serving {
    address: SocketAddr,
    reports: UnboundedReceiver<Report>,
}

impl Serving {
    async fn start(loops: LoopEngine) -> Serving {
        let (sender, reports) = unbounded_channel();
        let io = SocketIo::new();
        report(&io, &sender);
        let engine = Engine::new(io, EngineConfig::default());
        let server = Server::bind("127.0.0.1:0").await.unwrap().engine(loops).workers(2);
        let address = server.local_addr();
        tokio::spawn(server.http(engine.service()).route(engine.path(), engine.handler()).run());
        Serving { address, reports }
    }

    /// All events are handled, in order, and the client stays.
    async fn expect_all(&mut self) {
        for number in 0..EVENTS {
            let report = timeout(PATIENCE, self.reports.recv()).await.expect("the next event in time");
            assert_eq!(report, Some(Report::Handled(number)));
        }
        assert!(self.reports.is_empty());
    }
}

fn report(io: &SocketIo, reports: &UnboundedSender<Report>) {
    let reports = reports.clone();
    io.on_connect(async move |socket, _auth| {
        let ends = reports.clone();
        socket.on("step", async move |_socket, Data(number): Data<usize>| {
            for _ in 0..20 {
                yield_now().await;
            }
            reports.send(Report::Handled(number)).ok();
        });
        socket.on_disconnect(async move |_socket, reason| drop(ends.send(Report::Ended(reason))));
    });
}

fn on_each_engine(test: impl AsyncFn(LoopEngine)) {
    for engine in [LoopEngine::Readiness, LoopEngine::Uring] {
        if engine.resolve() != engine {
            println!("skipped over {engine:?}, which this system does not have");
            continue;
        }
        println!("engine: {engine:?}");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(test(engine));
    }
}

fn event(number: usize) -> String {
    format!(r#"42["step",{number}]"#)
}

#[test]
fn quick_events_over_websocket_wait_for_their_handler_and_none_is_lost() {
    on_each_engine(async |engine| {
        let mut server = Serving::start(engine).await;
        let mut peer = Peer::client(TcpStream::connect(server.address).await.unwrap());
        let path = "/socket.io/?EIO=4&transport=websocket";
        peer.open(&Head::upgrade(path, "example.com")).await.unwrap();
        peer.send(RawFrame::text("40")).await.unwrap();
        let send = async {
            for number in 0..EVENTS {
                peer.send(RawFrame::text(event(number))).await.unwrap();
            }
        };
        tokio::join!(send, server.expect_all());
    });
}

#[test]
fn quick_events_over_polling_wait_for_their_handler_and_none_is_lost() {
    on_each_engine(async |engine| {
        let mut server = Serving::start(engine).await;
        let opened = request(&server, "GET", "", "").await;
        let (_, rest) = opened.split_once(r#""sid":""#).unwrap();
        let session = format!("&sid={}", rest.split_once('"').unwrap().0);
        assert!(request(&server, "POST", &session, "40").await.ends_with("ok"));
        let address = server.address;
        let send = async {
            for first in (0..EVENTS).step_by(1_000) {
                let events: Vec<String> = (first..first + 1_000).map(event).collect();
                let answer = request_at(address, "POST", &session, &events.join("\x1e")).await;
                assert!(answer.ends_with("ok"), "{answer}");
            }
        };
        tokio::join!(send, server.expect_all());
    });
}

async fn request(server: &Serving, method: &str, query: &str, body: &str) -> String {
    request_at(server.address, method, query, body).await
}

async fn request_at(address: SocketAddr, method: &str, query: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("a response in time").unwrap();
    answer
}
