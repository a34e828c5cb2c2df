//! Messages that expand, or that never end.

use std::iter;
use std::thread;
use std::time::Duration;

use crate::figures::Figures;
use crate::frames::{BINARY, CONTINUATION, FIN, PING, PONG, RSV1, TEXT, deflate_bomb};
use crate::peer::{Flood, Peer, masked};
use crate::process::{KIB, MIB};
use crate::trial::{Bounds, CONNECTION, Trial, eventually};

/// The server's default limit on messages.
const MESSAGE_LIMIT: usize = 16 * MIB;

#[test]
fn messages_of_which_only_the_length_comes() {
    let trial = Trial::begin(&[]);
    for first in [FIN | BINARY, FIN | TEXT, BINARY, TEXT] {
        for _ in 0..25 {
            let mut peer = Peer::open(&trial.server, "/echo");
            peer.declare(first, 1 << 62, b"");
            assert_eq!(peer.close_code(), Some(1009));
        }
    }
    trial.end(
        "declares a message of 2⁶² bytes, 100 times",
        "1009, before any payload arrives",
        &Bounds { memory: MIB, cpu: Duration::from_secs(2) },
    );
}

#[test]
fn two_hundred_large_messages_of_three_bytes() {
    let trial = Trial::begin(&[]);
    let peers: Vec<Peer> = (0..200)
        .map(|_| {
            let mut peer = Peer::open(&trial.server, "/echo");
            peer.declare(FIN | BINARY, MESSAGE_LIMIT, b"abc");
            peer
        })
        .collect();
    eventually("the server has read the three bytes of each", || trial.server.unread() == 0);
    assert_eq!(trial.more_descriptors(), 200, "all are held at once");
    drop(peers);
    trial.end(
        "declares 16 MiB on 200 connections and sends three bytes on each",
        "it waits, with memory for three bytes",
        // A connection with a small buffer for the message. The peers declare 3,200 MiB.
        &Bounds { memory: 200 * 2 * CONNECTION, cpu: Duration::from_secs(2) },
    );
}

#[test]
fn three_million_fragments_of_one_message() {
    const FRAGMENTS: usize = 3_000_000;
    let trial = Trial::begin(&[]);
    let mut peer = Peer::open(&trial.server, "/echo");
    peer.send_frame(BINARY, "");
    let pair = [masked(CONTINUATION, ""), masked(CONTINUATION, "x")].concat();
    let thousand = pair.repeat(500);
    // Bytes after the end are discarded, so the server may take all of them.
    let flood = peer.flood(iter::repeat_n(&thousand, FRAGMENTS / 1_000));
    assert!(!matches!(flood, Flood::Stalled(_)), "{flood:?}");
    assert_eq!(peer.close_code(), Some(1008));
    drop(peer);
    trial.end(
        "sends one message in 3 million fragments of no byte or one",
        "1008 at 131,072 fragments",
        // 64 KiB of payload.
        &Bounds { memory: MIB, cpu: Duration::from_secs(4) },
    );
}

#[test]
fn three_million_fragments_of_messages_that_may_be() {
    const MESSAGES: usize = 24;
    const FRAGMENTS: usize = 125_000;
    let trial = Trial::begin(&[]);
    let mut peer = Peer::open(&trial.server, "/echo");
    let pair = [masked(CONTINUATION, ""), masked(CONTINUATION, "x")].concat();
    let middle = pair.repeat(FRAGMENTS / 2 - 1);
    let message = [masked(BINARY, ""), middle, masked(FIN | CONTINUATION, "x")].concat();
    for _ in 0..MESSAGES {
        peer.send(&message);
        assert!(peer.frame().payload == vec![b'x'; FRAGMENTS / 2], "the echo is not what was sent");
    }
    drop(peer);
    trial.end(
        "sends 24 messages in 125,000 such fragments each",
        "each is echoed",
        &Bounds { memory: MIB, cpu: Duration::from_secs(15) },
    );
}

#[test]
fn a_message_without_an_end() {
    let trial = Trial::begin(&[]);
    for first in [BINARY, TEXT] {
        let mut peer = Peer::open(&trial.server, "/echo");
        peer.send_frame(first, "");
        let fragment = masked(CONTINUATION, [b'x'; 64 * KIB]);
        let flood = peer.flood(iter::repeat_n(&fragment, 64 * MIB / (64 * KIB)));
        assert!(!matches!(flood, Flood::Stalled(_)), "{flood:?}");
        assert_eq!(peer.close_code(), Some(1009));
    }
    trial.end(
        "never ends a message, and has sent 64 MiB of it",
        "1009 at 16 MiB",
        // The message up to its limit, in a buffer that may be twice as large while it grows.
        &Bounds { memory: 2 * MESSAGE_LIMIT + MIB, cpu: Duration::from_secs(8) },
    );
}

#[test]
fn messages_that_are_too_many_together() {
    const CEILING: usize = 8 * MIB;
    let trial = Trial::begin(&["--metrics", "--max-buffered", &CEILING.to_string()]);
    let mut peers: Vec<Peer> = (0..32)
        .map(|_| {
            let mut peer = Peer::open(&trial.server, "/echo");
            peer.declare(FIN | BINARY, MIB, &vec![b'x'; MIB - 1]);
            eventually("the server has read it", || trial.server.unread() == 0);
            peer
        })
        .collect();
    let mut served = 0;
    for peer in &mut peers {
        peer.send("x");
        let answer = peer.frame();
        if answer.first_byte() == FIN | BINARY {
            assert_eq!(answer.payload.len(), MIB);
            served += 1;
        } else {
            assert_eq!(answer.close_code(), Some(1013));
        }
    }
    assert!((4..=8).contains(&served), "{served} messages of 1 MiB were accepted below {CEILING} bytes");
    assert_eq!(Figures::of(&trial.server).get(r#"connections_shed_total{role="server"}"#), 32 - served);
    drop(peers);
    trial.end(
        "sends 1 MiB on each of 32 connections where 8 MiB may be held",
        "1013 for connections beyond the limit",
        // Buffer space counts as held. Only the message that is being answered and the connections may exceed it.
        &Bounds { memory: CEILING + MIB + 32 * CONNECTION, cpu: Duration::from_secs(4) },
    );
}

#[test]
fn deflate_bombs() {
    const BOMB: usize = 512 * KIB;
    let trial = Trial::begin(&["--metrics", "--max-message", "1048576"]);
    let bomb = deflate_bomb(BOMB);
    for first in [BINARY, TEXT] {
        let mut whole = opened_with_deflate(&trial, "/echo");
        whole.send_frame(FIN | RSV1 | first, &bomb);
        assert_eq!(whole.close_code(), Some(1009));

        let mut in_fragments = opened_with_deflate(&trial, "/echo");
        in_fragments.send_frame(RSV1 | first, "");
        let flood = in_fragments.flood(bomb.chunks(KIB).map(|piece| masked(CONTINUATION, piece)));
        assert!(!matches!(flood, Flood::Stalled(_)), "{flood:?}");
        assert_eq!(in_fragments.close_code(), Some(1009));
    }
    let failures = r#"protocol_failures_total{role="server",kind="message_too_big"}"#;
    assert_eq!(Figures::of(&trial.server).get(failures), 4);
    trial.end(
        "sends four messages of 512 KiB that inflate to 516 MiB each",
        "1009, while they inflate",
        // The message up to its limit, here 1 MiB, in a buffer that may be twice as large while it grows, and a window.
        &Bounds { memory: 3 * MIB, cpu: Duration::from_secs(4) },
    );
}

/// The last column shows how long others wait while two connections send without pause.
#[test]
fn floods_of_what_nobody_wants() {
    let inflating = masked(FIN | RSV1 | BINARY, deflate_bomb(1000));
    flood_from_two(
        &inflating.repeat(20),
        20,
        "sends 400 messages of 1 KB that inflate to 1 MB to where nobody wants them, on each of two connections",
    );
    flood_from_two(
        &masked(FIN | BINARY, "").repeat(10_000),
        50,
        "sends 500,000 messages without content there, on each of two connections",
    );
}

fn flood_from_two(batch: &[u8], batches: usize, attack: &str) {
    let trial = Trial::begin(&[]);
    let peers = [(); 2].map(|()| opened_with_deflate(&trial, "/ticker"));
    thread::scope(|scope| {
        for mut peer in peers {
            scope.spawn(move || {
                for _ in 0..batches {
                    peer.send(batch);
                }
                // The pong follows all other deliveries.
                peer.send_frame(FIN | PING, "done");
                while peer.frame().first_byte() != FIN | PONG {}
            });
        }
    });
    trial.end(
        attack,
        "each is delivered, and others are served after 1 MiB or 8,192 messages",
        // For each connection, an inflated message in a growing buffer, the bytes that were read, and a window.
        &Bounds { memory: 8 * MIB, cpu: Duration::from_secs(60) },
    );
}

fn opened_with_deflate(trial: &Trial, path: &str) -> Peer {
    let mut peer = Peer::connect(&trial.server);
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";
    let response = peer.shake_hands(path, offer);
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    assert!(response.contains("permessage-deflate"), "compression is not negotiated: {response}");
    peer
}
