//! Large numbers of connections.

use std::time::Duration;

use longwire::Engine;

use crate::figures::Figures;
use crate::frames::{BINARY, FIN};
use crate::peer::{Peer, masked, upgrade_request};
use crate::process::{KIB, MIB};
use crate::skipped::skipped_without;
use crate::trial::{Bounds, Trial, eventually};

#[test]
fn four_thousand_resets_in_the_middle_of_a_message() {
    const WAVES: usize = 20;
    let trial = Trial::begin(&[]);
    for _ in 0..WAVES {
        let mut wave: Vec<Peer> = (0..200).map(|_| Peer::connect(&trial.server)).collect();
        for peer in &mut wave {
            peer.send(upgrade_request("/echo", ""));
            peer.leave_unread();
            peer.declare(FIN | BINARY, MIB, &[0; 100]);
        }
        eventually("the server is in the middle of 200 messages", || trial.server.unread() == 0);
        drop(wave);
        eventually("the server has closed them", || trial.more_descriptors() == 0);
    }
    trial.end(
        "resets 4,000 connections in the middle of a message, 200 at a time",
        "closed immediately",
        // Each has begun a large message, with an initial buffer of 64 KiB. The kernel provides its pages only when
        // they are written to, but pages from earlier waves may still be resident.
        &Bounds { memory: 200 * 64 * KIB, cpu: Duration::from_secs(15) },
    );
}

/// Regression: their input waited for space in a queue that could never be written, until the keepalive ended them.
#[test]
fn resets_of_peers_that_do_not_read() {
    const MESSAGES: usize = 4;
    let message = masked(FIN | BINARY, vec![0xda; 300_000]).repeat(MESSAGES);
    for engine in ["uring", "readiness"] {
        if engine == "uring" && Engine::Uring.resolve() != Engine::Uring {
            skipped_without("io_uring");
            continue;
        }
        let trial = Trial::begin(&["--engine", engine, "--metrics", "--keepalive", "600"]);
        for _ in 0..5 {
            let mut wave: Vec<Peer> = (0..20).map(|_| Peer::open(&trial.server, "/echo")).collect();
            for peer in &mut wave {
                peer.send_what_fits(&message);
            }
            // Closing a socket with unread bytes resets the connection.
            wave.iter().for_each(Peer::leave_unread);
            drop(wave);
            eventually("the server has closed them", || trial.more_descriptors() == 0);
        }
        eventually("no bytes are held for them", || Figures::of(&trial.server).get("held_bytes") == 0);
        trial.end(
            &format!(
                "has messages of 300 KB echoed on 20 connections, and resets them, five times ({engine})"
            ),
            "closed immediately",
            // A message being received, with a buffer twice its size, one that waits to be written, and bytes read
            // after it.
            &Bounds { memory: 20 * MIB, cpu: Duration::from_secs(15) },
        );
    }
}

#[test]
fn more_connections_than_there_may_be() {
    const CEILING: usize = 8;
    let trial = Trial::begin(&["--metrics", "--max-connections", &CEILING.to_string()]);
    // The witness has one connection.
    let mut inside: Vec<Peer> = (1..CEILING).map(|_| Peer::open(&trial.server, "/echo")).collect();
    for _ in 0..200 {
        let response = Peer::connect(&trial.server).ask(upgrade_request("/echo", ""));
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        assert!(response.contains("the server has as many connections as it may"), "{response}");
    }
    inside.iter_mut().for_each(|peer| peer.echo(b"Am I served?"));
    inside.pop();
    eventually("there is a free place", || answer(&mut Peer::connect(&trial.server)).contains(" 101 "));
    drop(inside);
    eventually("there is a free place", || answer(&mut Peer::connect(&trial.server)).contains(" 101 "));
    assert!(Figures::of(&trial.server).get(r#"connections_refused_total{reason="full"}"#) >= 200);
    trial.end(
        "is one connection too many, 200 times",
        "503 with the reason; established connections are served",
        &Bounds { memory: MIB, cpu: Duration::from_secs(4) },
    );
}

#[test]
fn more_connections_from_one_address_than_there_may_be() {
    const CEILING: usize = 8;
    const HOSTILE: [u8; 4] = [127, 0, 0, 2];
    let trial = Trial::begin(&["--max-connections-per-ip", &CEILING.to_string()]);
    let mut inside: Vec<Peer> = (0..CEILING).map(|_| Peer::connect_from(HOSTILE, &trial.server)).collect();
    for peer in &mut inside {
        assert!(answer(peer).contains(" 101 "));
    }
    for _ in 0..200 {
        let response = Peer::connect_from(HOSTILE, &trial.server).ask(upgrade_request("/echo", ""));
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        assert!(response.contains("from this address"), "{response}");
    }
    Peer::open(&trial.server, "/echo").echo(b"Am I served?");
    assert!(answer(&mut Peer::connect_from([127, 0, 0, 3], &trial.server)).contains(" 101 "));
    drop(inside);
    trial.end(
        "is one connection too many from its address, 200 times",
        "503 with the reason; other addresses are served",
        &Bounds { memory: MIB, cpu: Duration::from_secs(4) },
    );
}

/// The status line of the response to a handshake.
fn answer(peer: &mut Peer) -> String {
    peer.shake_hands("/echo", "").lines().next().unwrap_or_default().to_owned()
}
