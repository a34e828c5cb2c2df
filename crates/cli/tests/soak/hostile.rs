//! Clients that break the rules, stop midway, or vanish.

use std::io;
use std::time::Instant;

use longwire_wire::{DeclaredLen, Role};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::crowd::dawdle;
use crate::server::Server;
use crate::wire::{Raw, masked, of_client, tcp_reset_at_end, upgrade_request};
use longwire_wire::bits::{BINARY, CLOSE, FIN, PING, RSV1, TEXT};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Sends nothing, not even TLS.
    Silent,
    /// Sends half of a `ClientHello`, or something else.
    HalfHello,
    HalfHead,
    Garbage,
    GarbageFrames,
    /// Requests many echoes and reads nothing.
    ReadsNothing,
    /// Declares a message and sends a part of it.
    Declares,
    Pings,
    /// A second request behind a body that nobody reads.
    UnreadBody,
    /// Sends many requests, and reads no response.
    Pipelines,
    /// Sends Close, and reads nothing after it.
    ClosesAndStays,
    Refused,
}

impl Kind {
    pub(crate) fn any(random: &mut SmallRng) -> Kind {
        use Kind::{
            ClosesAndStays, Declares, Garbage, GarbageFrames, HalfHead, HalfHello, Pings, Pipelines,
            ReadsNothing, Refused, Silent, UnreadBody,
        };
        let kinds = [
            Silent,
            HalfHello,
            HalfHead,
            Garbage,
            GarbageFrames,
            ReadsNothing,
            Declares,
            Pings,
            UnreadBody,
            Pipelines,
            ClosesAndStays,
            Refused,
        ];
        *kinds.choose(random).unwrap()
    }
}

/// Runs one client. Some of them end with a reset.
pub(crate) async fn come(
    kind: Kind,
    server: &Server,
    random: &mut SmallRng,
    until: Instant,
) -> io::Result<()> {
    let tcp = if random.random_bool(0.5) {
        tcp_reset_at_end(server.address).await?
    } else {
        TcpStream::connect(server.address).await?
    };
    let acting = async {
        match kind {
            Kind::Silent => dawdle(random, 400).await,
            Kind::HalfHello => half_hello(tcp, random).await?,
            _ => within(server.secured(tcp).await?, kind, random).await?,
        }
        Ok(())
    };
    // A server that does not read may block it. No client stays longer than the crowd.
    tokio::time::timeout_at(until.into(), acting).await.unwrap_or(Ok(()))
}

async fn half_hello(mut tcp: TcpStream, random: &mut SmallRng) -> io::Result<()> {
    let mut hello = vec![0; random.random_range(1..300)];
    random.fill_bytes(&mut hello);
    // A TLS handshake record that is longer than its data.
    hello.splice(..hello.len().min(5), [0x16, 3, 1, 2, 0]);
    tcp.write_all(&hello).await?;
    dawdle(random, 200).await;
    Ok(())
}

/// What is sent inside of TLS, or without TLS.
async fn within(mut raw: Raw, kind: Kind, random: &mut SmallRng) -> io::Result<()> {
    match kind {
        Kind::Silent | Kind::HalfHello => {}
        Kind::HalfHead => {
            let request = upgrade_request("/echo", "");
            raw.write_all(&request.as_bytes()[..random.random_range(1..request.len())]).await?;
        }
        Kind::Garbage => {
            let mut garbage = vec![0; random.random_range(1..40_000)];
            random.fill_bytes(&mut garbage);
            raw.write_all(&garbage).await?;
        }
        Kind::UnreadBody => unread_body(&mut raw, random).await?,
        Kind::Pipelines => {
            let requests = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(random.random_range(1..400));
            raw.write_all(requests.as_bytes()).await?;
        }
        Kind::Refused => {
            let request = upgrade_request("/nowhere", "Origin: https://evil.example\r\n");
            raw.write_all(request.as_bytes()).await?;
            raw.read_buf(&mut Vec::with_capacity(100)).await?;
        }
        Kind::GarbageFrames | Kind::ReadsNothing | Kind::Declares | Kind::Pings | Kind::ClosesAndStays => {
            raw.write_all(upgrade_request("/echo", &extension(random)).as_bytes()).await?;
            if random.random_bool(0.5) {
                raw.read_buf(&mut Vec::with_capacity(1_000)).await?;
            }
            frames(&mut raw, kind, random).await?;
        }
    }
    dawdle(random, 300).await;
    if random.random_bool(0.3) {
        raw.shutdown().await?;
        dawdle(random, 100).await;
    }
    Ok(())
}

fn extension(random: &mut SmallRng) -> String {
    let offers = ["", "Sec-WebSocket-Extensions: permessage-deflate\r\n"];
    offers.choose(random).copied().unwrap_or_default().to_owned()
}

async fn unread_body(raw: &mut Raw, random: &mut SmallRng) -> io::Result<()> {
    let chunked =
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned();
    let long = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12000\r\n\r\n{}", "x".repeat(12_000));
    let first = [chunked, long].choose(random).cloned().unwrap_or_default();
    let second = ["GET / HTTP/1.1\r\nHost: x\r\n\r\nG".to_owned(), upgrade_request("/echo", "")];
    let second = second.choose(random).cloned().unwrap_or_default();
    raw.write_all([first, second].concat().as_bytes()).await?;
    let reading = async {
        let mut buffer = Vec::with_capacity(4_000);
        while raw.read_buf(&mut buffer).await? > 0 {
            buffer.clear();
        }
        Ok::<_, io::Error>(())
    };
    tokio::time::timeout(std::time::Duration::from_millis(50), reading).await.unwrap_or(Ok(()))
}

async fn frames(raw: &mut Raw, kind: Kind, random: &mut SmallRng) -> io::Result<()> {
    match kind {
        Kind::GarbageFrames => {
            let mut garbage = vec![0; random.random_range(1..70_000)];
            random.fill_bytes(&mut garbage);
            raw.write_all(&masked(FIN | RSV1 | TEXT, &garbage)).await?;
            raw.write_all(&garbage).await
        }
        Kind::ReadsNothing => {
            for _ in 0..random.random_range(1..8) {
                raw.write_all(&masked(FIN | BINARY, vec![7; 300_000])).await?;
            }
            Ok(())
        }
        Kind::Declares => {
            let len = DeclaredLen::Shortest(random.random_range(1_000..1_000_000));
            raw.write_all(&of_client(BINARY, [7; 900]).declaring(len).encode(Role::Client)).await
        }
        Kind::Pings => {
            raw.write_all(&masked(FIN | PING, b"ping").repeat(random.random_range(1..4_000))).await
        }
        _ => {
            raw.write_all(&masked(FIN | BINARY, [7; 60_000]).repeat(random.random_range(0..5))).await?;
            raw.write_all(&masked(FIN | CLOSE, [3, 232])).await?;
            raw.write_all(&[7; 3_000]).await
        }
    }
}
