//! Clients that follow the rules, and must lose nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use longwire::{Deflate, Message, WebSocket};
use longwire_wire::{Mask, Peer};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::crowd::dawdle;
use crate::server::Server;
use crate::wire::{Raw, masked, upgrade_request};
use longwire_wire::bits::{BINARY, CLOSE, FIN};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Sends one message after another and checks the echoes.
    Echo,
    /// Sends many before it reads, and reads slowly.
    Behind,
    /// Sends a message in pieces.
    Pieces,
    /// Two clients that meet in a channel.
    Channel,
    /// Requests a page, then opens a WebSocket on the same connection.
    AfterAPage,
    /// Ends its half of the connection after its Close frame.
    HalfClosed,
}

impl Kind {
    pub(crate) fn any(random: &mut SmallRng) -> Kind {
        use Kind::{AfterAPage, Behind, Channel, Echo, HalfClosed, Pieces};
        *[Echo, Behind, Pieces, Channel, AfterAPage, HalfClosed].choose(random).unwrap()
    }
}

/// Runs one client, and returns how many messages it received back.
pub(crate) async fn come(kind: Kind, server: &Server, random: &mut SmallRng) -> u64 {
    match kind {
        Kind::Echo => echo(server, random).await,
        Kind::Behind => behind(server, random).await,
        Kind::Pieces => pieces(server, random).await,
        Kind::Channel => channel(server, random).await,
        Kind::AfterAPage => after_a_page(server, random).await,
        Kind::HalfClosed => half_closed(server, random).await,
    }
}

async fn open(server: &Server, path: &str, random: &mut SmallRng) -> WebSocket {
    let deflate = random.random_bool(0.5).then(Deflate::default);
    server.client().deflate(deflate).connect(server.url(path)).await.unwrap()
}

fn message(random: &mut SmallRng) -> Message {
    let most = *[10, 200, 5_000, 70_000, 200_000].choose(random).unwrap();
    let length = random.random_range(0..=most);
    if random.random_bool(0.5) {
        "Grüße! ".chars().cycle().take(length).collect::<String>().into()
    } else {
        (0..length).map(|_| random.random()).collect::<Vec<u8>>().into()
    }
}

async fn end(mut socket: WebSocket) {
    let closed = socket.close(1000, "").await.unwrap();
    assert!(closed.clean, "{closed}");
}

async fn echo(server: &Server, random: &mut SmallRng) -> u64 {
    let mut socket = open(server, "/echo", random).await;
    let count = random.random_range(1..40);
    for _ in 0..count {
        let message = message(random);
        socket.send(message.clone()).await.unwrap();
        assert!(socket.recv().await.unwrap().unwrap() == message, "another message came back");
    }
    end(socket).await;
    count
}

async fn behind(server: &Server, random: &mut SmallRng) -> u64 {
    let (sender, mut receiver) = open(server, "/echo", random).await.split();
    let messages: Vec<Message> = (0..random.random_range(1..30)).map(|_| message(random)).collect();
    let sent = messages.clone();
    let sending = async move {
        for message in sent {
            sender.send(message).await.unwrap();
        }
        sender
    };
    let mut pace = SmallRng::seed_from_u64(random.random());
    let receiving = async {
        for expected in &messages {
            dawdle(&mut pace, 20).await;
            assert!(receiver.recv().await.unwrap().unwrap() == *expected, "another message came back");
        }
    };
    let (sender, ()) = tokio::join!(sending, receiving);
    let (closed, rest) = tokio::join!(sender.close(1000, ""), receiver.recv());
    assert!(rest.unwrap().is_none() && closed.unwrap().clean);
    messages.len() as u64
}

async fn pieces(server: &Server, random: &mut SmallRng) -> u64 {
    let mut socket = open(server, "/echo", random).await;
    let whole: Vec<u8> = (0..random.random_range(0..100_000)).map(|_| random.random()).collect();
    let mut writer = socket.stream_binary().await.unwrap();
    for piece in whole.chunks(random.random_range(100..9_000)) {
        writer.write(piece.to_vec()).await.unwrap();
    }
    writer.finish().await.unwrap();
    assert!(socket.recv().await.unwrap().unwrap() == Message::from(whole), "another message came back");
    end(socket).await;
    1
}

async fn channel(server: &Server, random: &mut SmallRng) -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let path = format!("/channel/soak-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let (mut ann, mut bob) = (open(server, &path, random).await, open(server, &path, random).await);
    // Both are members once each has received the other's message.
    ann.send("hello").await.unwrap();
    bob.send("hello").await.unwrap();
    let count = random.random_range(1..30);
    for number in 0..count {
        ann.send(format!("{number}")).await.unwrap();
    }
    let mut expected = 0;
    while expected < count {
        let heard = bob.recv().await.unwrap().unwrap();
        if heard.as_text() != Some("hello") {
            assert_eq!(heard.as_text(), Some(expected.to_string().as_str()));
            expected += 1;
        }
    }
    end(ann).await;
    end(bob).await;
    count
}

async fn after_a_page(server: &Server, random: &mut SmallRng) -> u64 {
    let mut raw = server.connect().await.unwrap();
    for _ in 0..random.random_range(1..4) {
        let mut requests = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
        let (now, later) = requests.split_at_mut(random.random_range(0..20));
        say(&mut raw, now).await;
        dawdle(random, 3).await;
        say(&mut raw, later).await;
        let head = head(&mut raw).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let length = head.to_ascii_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        raw.read_exact(&mut body).await.unwrap();
    }
    say(&mut raw, upgrade_request("/echo", "").as_bytes()).await;
    let head = head(&mut raw).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let payload: Vec<u8> = (0..random.random_range(0..60_000)).map(|_| random.random()).collect();
    say(&mut raw, &masked(FIN | BINARY, &payload)).await;
    assert!(unmasked(&mut raw).await == (FIN | BINARY, payload), "another message came back");
    say(&mut raw, &masked(FIN | CLOSE, [])).await;
    assert_eq!(unmasked(&mut raw).await.0, FIN | CLOSE);
    1
}

async fn half_closed(server: &Server, random: &mut SmallRng) -> u64 {
    let mut raw = server.connect().await.unwrap();
    say(&mut raw, upgrade_request("/echo", "").as_bytes()).await;
    let head = head(&mut raw).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let count = random.random_range(1..20);
    let payload: Vec<u8> = (0..random.random_range(0..3_000)).map(|_| random.random()).collect();
    for _ in 0..count {
        say(&mut raw, &masked(FIN | BINARY, &payload)).await;
    }
    say(&mut raw, &masked(FIN | CLOSE, [3, 232])).await;
    raw.shutdown().await.unwrap();
    dawdle(random, 20).await;
    for _ in 0..count {
        assert!(unmasked(&mut raw).await == (FIN | BINARY, payload.clone()), "another message came back");
    }
    assert_eq!(unmasked(&mut raw).await.0, FIN | CLOSE);
    count
}

/// Writes all of `bytes`, through TLS if it is used.
async fn say(raw: &mut Raw, bytes: &[u8]) {
    raw.write_all(bytes).await.unwrap();
    raw.flush().await.unwrap();
}

/// The head of a response.
async fn head(raw: &mut Raw) -> String {
    String::from_utf8(peer(raw).raw_head().await.unwrap()).unwrap()
}

/// The next frame of a server: first byte and payload.
async fn unmasked(raw: &mut Raw) -> (u8, Vec<u8>) {
    let frame = peer(raw).frame().await.unwrap();
    assert_eq!(frame.mask, Mask::Absent);
    (frame.first_byte(), frame.payload)
}

/// It reads nothing ahead, so several can be created in turn. The crowd has the timeout.
fn peer(raw: &mut Raw) -> Peer<&mut Raw> {
    Peer::client(raw).without_deadline()
}
