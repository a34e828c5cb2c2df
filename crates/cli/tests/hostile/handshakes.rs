//! Peers that never complete the opening handshake.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use crate::peer::{Flood, Peer, upgrade_request};
use crate::process::{KIB, MIB};
use crate::trial::{Bounds, CONNECTION, Trial, eventually};
use crate::witness::Witness;

#[test]
fn a_head_of_64_mib() {
    let trial = Trial::begin(&[]);
    for _ in 0..8 {
        let mut peer = Peer::connect(&trial.server);
        peer.send("GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ");
        let flood = peer.flood(std::iter::repeat_n([b'x'; 64 * KIB], 64 * MIB / (64 * KIB)));
        assert!(!matches!(flood, Flood::Taken), "the server reads everything");
        let response = String::from_utf8(peer.rest()).unwrap();
        assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
        assert!(response.ends_with("\r\n\r\nthe HTTP head is too large\n"), "{response}");
    }
    trial.end(
        "sends 64 MiB of header, eight times",
        "431 at 16 KiB, and the connection ends after one more MiB",
        // 16 KiB of head, and a buffer.
        &Bounds { memory: MIB, cpu: Duration::from_secs(2) },
    );
}

#[test]
fn a_head_of_2000_lines() {
    let trial = Trial::begin(&[]);
    for _ in 0..50 {
        let response = Peer::connect(&trial.server).ask(upgrade_request("/echo", &"a: b\r\n".repeat(2_000)));
        assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
        assert!(response.ends_with("\r\n\r\nthe HTTP head has too many header lines\n"), "{response}");
    }
    trial.end(
        "sends 2,000 headers, 50 times",
        "431 at the 101st",
        &Bounds { memory: MIB, cpu: Duration::from_secs(2) },
    );
}

#[test]
fn a_client_hello_on_a_port_without_tls() {
    let trial = Trial::begin(&[]);
    // A record of the handshake protocol, TLS 1.0 for compatibility, 512 bytes: a ClientHello (RFC 8446 §5.1).
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0x17; 506]].concat();
    for _ in 0..50 {
        let response = Peer::connect(&trial.server).ask(&hello);
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        assert!(response.ends_with("this port speaks plain ws://; the client tried TLS\n"), "{response}");
    }
    trial.end(
        "says a TLS ClientHello to a plain port, 50 times",
        "400 with the reason",
        &Bounds { memory: MIB, cpu: Duration::from_secs(2) },
    );
}

#[test]
fn a_head_at_one_byte_a_second_and_none_at_all() {
    let trial = Trial::begin(&["--handshake-timeout", "2"]);
    let start = Instant::now();
    let mut silent: Vec<Peer> = (0..100).map(|_| Peer::connect(&trial.server)).collect();
    let mut slow = Peer::connect(&trial.server);

    let mut is_dropped = false;
    for byte in upgrade_request("/echo", "").bytes() {
        slow.try_send([byte]);
        match slow.heard_within(Duration::from_secs(1)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // A byte after the server has closed is answered with a reset.
            Ok(0) | Err(_) => {
                is_dropped = true;
                break;
            }
            heard => panic!("{heard:?}, but the server should drop the connection"),
        }
    }
    assert!(is_dropped, "a complete head passed at a byte a second, despite the timeout of 2 s");
    assert!(start.elapsed() >= Duration::from_millis(1_900), "{:?}", start.elapsed());
    for peer in &mut silent {
        assert_eq!(peer.rest(), b"");
    }
    trial.end(
        "sends its handshake at one byte a second, and 100 that send nothing",
        "dropped when the handshake timeout expires",
        &Bounds { memory: 101 * CONNECTION, cpu: Duration::from_secs(2) },
    );
}

#[test]
fn nine_hundred_halves_of_a_handshake() {
    let mut timeout = Duration::from_secs(3);
    // If the machine cannot open all of them within the handshake timeout, retry with a longer one.
    let (trial, mut peers) = loop {
        let begun = Instant::now();
        match hold_halves(timeout) {
            Some(held) => break held,
            None => assert!(begun.elapsed() >= timeout, "some were dropped before the timeout"),
        }
        timeout *= 2;
    };
    for peer in &mut peers {
        assert_eq!(peer.rest(), b"");
    }
    trial.end(
        "holds 900 halves of a handshake",
        "dropped when the handshake timeout expires",
        &Bounds { memory: 900 * CONNECTION, cpu: Duration::from_secs(4) },
    );
}

/// 900 peers that have each sent half of a request and are all held at once. Returns `None` if the first were dropped
/// before the last had connected.
fn hold_halves(timeout: Duration) -> Option<(Trial, Vec<Peer>)> {
    let trial = Trial::begin(&["--handshake-timeout", &timeout.as_secs().to_string()]);
    let request = upgrade_request("/echo", "");
    let (half, _) = request.split_at(request.len() / 2);
    let peers: Vec<Peer> = (0..900)
        .map(|_| {
            let mut peer = Peer::connect(&trial.server);
            peer.send(half);
            peer
        })
        .collect();
    eventually("the server has read all halves", || trial.server.unread() == 0);
    let newcomer = Witness::call(trial.server.address(), "/echo");
    let held = trial.more_descriptors();
    newcomer.slowest_echo();
    if held < 901 {
        trial.give_up();
        return None;
    }
    Some((trial, peers))
}
