//! No client can prolong a phase of its connection at will, on any kind of server, and each phase is visible in the
//! metrics.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use longwire::{Keepalive, Limits, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

use crate::support::{CLOSE, Front, Serving, close, for_each_front, masked, patient, upgrade_request};
#[cfg(feature = "metrics")]
use crate::support::{fronts, run_counted};

const GET: &str = "GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n";

/// Longer than any of the timeouts that are set here, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// After what a client stalls.
#[derive(Debug, Clone, Copy)]
enum Stall {
    Silent,
    InTheHead,
    /// In the body of the first request of its connection, or of the second.
    InABody {
        is_first: bool,
    },
    InABodyInChunks,
    /// It requests more than the transport holds.
    WithoutReading,
    BetweenRequests,
    InTheSecondHead,
    BehindAnUnreadBody,
    Open,
    /// It has upgraded to a WebSocket after a plain request.
    OpenBehindAPage,
    /// It has violated the protocol and does not end the connection.
    AfterAFailure,
    AfterItsCloseFrame,
    Refused,
}

const STALLS: [Stall; 14] = [
    Stall::Silent,
    Stall::InTheHead,
    Stall::InABody { is_first: true },
    Stall::InABody { is_first: false },
    Stall::InABodyInChunks,
    Stall::WithoutReading,
    Stall::BetweenRequests,
    Stall::InTheSecondHead,
    Stall::BehindAnUnreadBody,
    Stall::Open,
    Stall::OpenBehindAPage,
    Stall::AfterAFailure,
    Stall::AfterItsCloseFrame,
    Stall::Refused,
];

fn with_pages(server: Server) -> Server {
    let router = Router::new()
        .route("/page", get(async || "a page"))
        .route("/large", get(async || vec![b'x'; 1 << 20]))
        .route("/double", post(async |body: String| body.repeat(2)))
        .layer(DefaultBodyLimit::disable());
    server.http(router)
}

/// A client whose server may end the connection at any moment.
struct Client(TcpStream);

impl Client {
    async fn of(server: &Serving) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        // The client's system buffers only a little unread data.
        socket.set_recv_buffer_size(64 << 10).unwrap();
        Client(socket.connect(server.addr).await.unwrap())
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _given_up = self.0.write_all(bytes.as_ref()).await;
    }

    /// Waits for the head of a response, and reads what follows it.
    async fn hear(&mut self) {
        let mut heard = vec![0; 4096];
        let _given_up = self.0.read(&mut heard).await;
    }

    async fn stall(mut self, stall: Stall) -> Client {
        const BODY: &str = "POST /double HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc";
        const CHUNKS: &str =
            "POST /double HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
        const UNREAD: &str =
            "GET /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        match stall {
            Stall::Silent => {}
            Stall::InTheHead => self.send("GET /page HT").await,
            Stall::InABody { is_first: true } => self.send(BODY).await,
            Stall::InABodyInChunks => self.send(CHUNKS).await,
            Stall::WithoutReading => self.send(GET.replace("page", "large").repeat(16)).await,
            Stall::BehindAnUnreadBody => self.send([UNREAD, GET, "G"].concat()).await,
            Stall::InABody { is_first: false } | Stall::BetweenRequests | Stall::InTheSecondHead => {
                self.send(GET).await;
                self.hear().await;
                let next = match stall {
                    Stall::InABody { .. } => BODY,
                    Stall::InTheSecondHead => "GET /page HT",
                    _ => "",
                };
                self.send(next).await;
            }
            Stall::Open | Stall::OpenBehindAPage | Stall::AfterAFailure | Stall::AfterItsCloseFrame => {
                if matches!(stall, Stall::OpenBehindAPage) {
                    self.send(GET).await;
                    self.hear().await;
                }
                self.send(upgrade_request("")).await;
                self.hear().await;
                match stall {
                    // An unmasked frame.
                    Stall::AfterAFailure => self.send([0x81, 0]).await,
                    Stall::AfterItsCloseFrame => self.send(masked(CLOSE, close(1000, ""))).await,
                    _ => {}
                }
            }
            Stall::Refused => self.send("this is not HTTP\r\n\r\n").await,
        }
        self
    }
}

/// The ports of the clients for which this process still has descriptors as their server, from `/proc/net/tcp`: local
/// address, remote address, state, and as the tenth field the inode, which is 0 when the descriptor is closed. State
/// 0A is a listener.
fn held_for(server: &Serving) -> Vec<u16> {
    let port = format!(":{:04X}", server.addr.port());
    let sockets = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let sockets = sockets.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let held = sockets.filter(|fields| fields[1].ends_with(&port) && fields[3] != "0A" && fields[9] != "0");
    held.map(|fields| u16::from_str_radix(fields[2].split_once(':').unwrap().1, 16).unwrap()).collect()
}

/// Clients of plain HTTP that did not read a response, or sent no more of a body, once held their connections
/// indefinitely.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_stalls_is_given_up_in_every_phase() {
    for_each_front(async |front| {
        let second = Duration::from_secs(1);
        let limits = Limits::default()
            .handshake_time(second)
            .close_time(second)
            .keepalive(Keepalive::every(second / 2).within(second / 2));
        let server = front.start(|server| with_pages(server).limits(limits)).await;
        let mut stalled = Vec::new();
        for stall in STALLS {
            let client = Client::of(&server).await;
            let port = client.0.local_addr().unwrap().port();
            stalled.push((port, stall, client.stall(stall).await));
        }
        let begun = Instant::now();
        loop {
            let held = held_for(&server);
            if held.is_empty() {
                break;
            }
            let stalls: Vec<Stall> =
                stalled.iter().filter(|(port, ..)| held.contains(port)).map(|(_, stall, _)| *stall).collect();
            assert!(begun.elapsed() < PATIENCE, "{front:?} holds {stalls:?}");
            sleep(Duration::from_millis(5)).await;
        }
        drop(stalled);
    });
}

#[cfg(all(feature = "metrics", feature = "tls"))]
#[test]
fn every_phase_is_shown() {
    for front in fronts() {
        run_counted(async move |counts| {
            let server = front.start(|server| with_pages(server).limits(patient())).await;
            let mut stalled = Vec::new();
            // Phases that are visible only for a moment, or that belong to another stall, are left out.
            for (stall, phase) in [
                (Stall::Silent, "head"),
                (Stall::InTheHead, "head"),
                (Stall::InABody { is_first: true }, "request"),
                (Stall::WithoutReading, "request"),
                (Stall::BetweenRequests, "waiting"),
                (Stall::InTheSecondHead, "waiting"),
                (Stall::Open, "open"),
                (Stall::OpenBehindAPage, "open"),
                (Stall::AfterItsCloseFrame, "draining"),
            ] {
                let line = format!("connections phase={phase}: 1");
                stalled.push(Client::of(&server).await.stall(stall).await);
                let counted = counts.seen(&line).await;
                assert!(counted.contains(&line), "{front:?}, {stall:?}: {counted:#?}");
            }
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let tls = longwire::Tls::pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap();
            let secure = front.start(|server| server.tls(tls)).await;
            stalled.push(Client::of(&secure).await);
            let line = "connections phase=tls: 1";
            let counted = counts.seen(line).await;
            assert!(counted.iter().any(|counted| counted == line), "{front:?}: {counted:#?}");
        });
    }
}

/// The status line of the response to a new client's request; empty if there was none.
async fn status(server: &Serving, request: &str) -> String {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let _given_up = stream.write_all(request.as_bytes()).await;
    let mut heard = vec![0; 4096];
    let count = stream.read(&mut heard).await.unwrap_or(0);
    String::from_utf8_lossy(&heard[..count]).lines().next().unwrap_or_default().to_owned()
}

async fn set_up_for_one(front: Front, limits: Limits) -> [Serving; 2] {
    let in_all = front.start(|server| with_pages(server).limits(limits.clone()).max_connections(1)).await;
    let per_ip = front.start(|server| with_pages(server).limits(limits).max_connections_per_ip(1)).await;
    [in_all, per_ip]
}

/// The place was once freed only when the server's side had ended as well, which the client does not wait for.
#[test]
fn who_sees_the_end_may_come_again_at_once() {
    for_each_front(async |front| {
        for server in set_up_for_one(front, patient()).await {
            let once = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
            let with_close = [upgrade_request("").as_bytes(), &masked(CLOSE, close(1000, ""))].concat();
            let malformed = b"this is not HTTP\r\n\r\n".to_vec();
            for request in [with_close, malformed, once.into_bytes()] {
                for _ in 0..20 {
                    let mut client = server.raw().await;
                    client.send(&request).await;
                    let answer = client.rest().await;
                    let answer = String::from_utf8_lossy(&answer);
                    assert!(
                        !answer.is_empty() && !answer.starts_with("HTTP/1.1 503 "),
                        "{front:?}: {answer}"
                    );
                    // The client keeps its own side open until the next client is served.
                    let next = status(&server, GET).await;
                    assert_eq!(next, "HTTP/1.1 200 OK", "{front:?}, behind {answer}");
                    drop(client);
                    while !held_for(&server).is_empty() {
                        sleep(Duration::from_millis(1)).await;
                    }
                }
            }
        }
    });
}

#[test]
fn who_is_given_up_may_come_again_at_once() {
    for_each_front(async |front| {
        let limits = patient().handshake_time(Duration::from_millis(50));
        for server in set_up_for_one(front, limits).await {
            for _ in 0..10 {
                server.raw().await.expect_end().await;
                let next = status(&server, GET).await;
                // On a busy machine it may be too late itself.
                assert!(!next.contains("503"), "{front:?}: {next}");
                while !held_for(&server).is_empty() {
                    sleep(Duration::from_millis(1)).await;
                }
            }
        }
    });
}

/// With `serve`, a connection that upgraded after a plain request once gave its place to another.
#[test]
fn a_websocket_behind_a_page_has_a_place() {
    for_each_front(async |front| {
        for server in set_up_for_one(front, patient()).await {
            let mut open = server.raw().await;
            open.send(GET).await;
            assert!(open.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
            open.expect("a page").await;
            open.send(upgrade_request("")).await;
            assert!(open.head().await.starts_with("HTTP/1.1 101 "));
            assert_eq!(status(&server, GET).await, "HTTP/1.1 503 Service Unavailable", "{front:?}");
            drop(open);
            while status(&server, GET).await != "HTTP/1.1 200 OK" {}
        }
    });
}
