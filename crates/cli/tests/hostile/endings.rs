//! Peers that fall silent, send garbage, or do not end the connection.

use std::time::Duration;

use crate::figures::Figures;
use crate::frames::{CLOSE, FIN, PING};
use crate::peer::{Flood, Peer, masked};
use crate::process::{KIB, MIB};
use crate::trial::{Bounds, CONNECTION, Trial};

#[test]
fn pings_that_are_not_answered() {
    // Long enough that the witness survives being delayed.
    let trial = Trial::begin(&["--metrics", "--keepalive", "1", "--keepalive-timeout", "6"]);
    let mut peers: Vec<Peer> = (0..100).map(|_| Peer::open(&trial.server, "/echo")).collect();
    for peer in &mut peers {
        // Each ping has its own payload.
        let ping = peer.frame();
        assert_eq!((ping.first_byte(), ping.payload.is_empty()), (FIN | PING, false));
    }
    for peer in &mut peers {
        assert_eq!(peer.rest(), b"", "the peer is gone, so nothing is sent to it");
    }
    let lost = r#"timeouts_total{role="server",time="keepalive"}"#;
    assert_eq!(Figures::of(&trial.server).get(lost), 100);
    trial.end(
        "does not answer pings, on 100 connections",
        "dropped when the pong timeout expires",
        &Bounds { memory: 100 * CONNECTION, cpu: Duration::from_secs(2) },
    );
}

#[test]
fn connections_without_a_message() {
    // Long enough that the witness is not idle if it is delayed.
    let trial = Trial::begin(&["--metrics", "--idle-timeout", "6"]);
    let mut peers: Vec<Peer> = (0..100).map(|_| Peer::open(&trial.server, "/echo")).collect();
    for peer in &mut peers {
        // A peer that only sends pings is idle, too.
        peer.send_frame(FIN | PING, "");
        assert_eq!(peer.close_code(), Some(1001));
    }
    drop(peers);
    assert_eq!(Figures::of(&trial.server).get(r#"timeouts_total{role="server",time="idle"}"#), 100);
    trial.end(
        "is idle, on 100 connections",
        "1001, if an idle timeout is set",
        &Bounds { memory: 100 * CONNECTION, cpu: Duration::from_secs(2) },
    );
}

#[test]
fn garbage_instead_of_frames() {
    let trial = Trial::begin(&[]);
    let mut misled = Peer::open(&trial.server, "/echo");
    misled.send("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(misled.close_code(), Some(1002));
    assert_eq!(misled.rest(), b"", "a failure is reported once");
    drop(misled);

    for seed in 1..=200 {
        let mut peer = Peer::open(&trial.server, "/echo");
        peer.flood([garbage(seed)]);
        peer.finish();
        // Garbage may look like an unfinished long message. Then the connection ends without a Close frame.
        let code = peer.close_code();
        assert!(matches!(code, None | Some(1002 | 1007 | 1009)), "seed {seed}: {code:?}");
        assert_eq!(peer.rest(), b"", "seed {seed}");
    }
    trial.end(
        "sends 64 KiB of garbage after the handshake, 200 times",
        "1002, 1007 or 1009, once",
        &Bounds { memory: MIB, cpu: Duration::from_secs(4) },
    );
}

/// 64 KiB from xorshift64 with this seed.
fn garbage(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut garbage = Vec::new();
    while garbage.len() < 64 * KIB {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        garbage.extend(state.to_le_bytes());
    }
    garbage
}

#[test]
fn a_close_frame_and_then_garbage() {
    let trial = Trial::begin(&[]);
    for seed in 1..=50 {
        let mut peer = Peer::open(&trial.server, "/echo");
        peer.send([masked(FIN | CLOSE, 1000_u16.to_be_bytes()), garbage(seed)].concat());
        assert_eq!(peer.frame().close_code(), Some(1000));
        assert!(!matches!(peer.flood((1..=16).map(garbage)), Flood::Stalled(_)), "it is discarded");
        assert_eq!(peer.rest(), b"", "nothing is sent after the Close frame");
    }
    trial.end(
        "closes and goes on with 1 MiB of garbage, 50 times",
        "its Close frame is answered, the rest is discarded",
        &Bounds { memory: MIB, cpu: Duration::from_secs(4) },
    );
}

#[test]
fn half_of_a_connection() {
    // Longer than the peers wait, so this timeout does not end their connections.
    let trial = Trial::begin(&["--close-timeout", "600"]);
    let mut peers: Vec<Peer> = (0..100).map(|_| Peer::open(&trial.server, "/echo")).collect();
    for peer in &mut peers {
        peer.finish();
    }
    for peer in &mut peers {
        assert_eq!(peer.rest(), b"", "no Close frame was sent, so none is answered");
    }
    trial.end(
        "ends its half of the connection and keeps the other, 100 times",
        "the end of the other half",
        &Bounds { memory: 100 * CONNECTION, cpu: Duration::from_secs(2) },
    );
}
