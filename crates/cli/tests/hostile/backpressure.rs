//! Peers that make the server write but do not read.

use std::thread;
use std::time::Duration;

use crate::figures::Figures;
use crate::frames::{BINARY, FIN, PING, PONG};
use crate::peer::{Flood, Peer, masked};
use crate::process::{KIB, MIB};
use crate::trial::{Bounds, Trial, eventually};

#[test]
fn pings_whose_answers_nobody_reads() {
    /// 32 MiB of frames.
    const PINGS: u32 = 256 << 10;
    let trial = Trial::begin(&[]);
    let mut peer = Peer::open(&trial.server, "/echo");

    let numbered = |number: u32| masked(FIN | PING, ping_payload(number));
    let batches = (0..PINGS / 256).map(|batch| (batch * 256..(batch + 1) * 256).flat_map(numbered).collect());
    assert_eq!(peer.flood::<Vec<u8>>(batches), Flood::Taken, "pings are no reason to stop reading");

    // RFC 6455 §5.5.3: "it MAY elect to send a Pong frame for only the most recently processed Ping frame".
    let mut answers = 0;
    loop {
        let pong = peer.frame();
        answers += 1;
        assert_eq!(pong.first_byte(), FIN | PONG);
        if pong.payload == ping_payload(PINGS - 1) {
            break;
        }
    }
    assert!(answers < PINGS / 2, "{answers} of {PINGS} pings were answered");
    drop(peer);
    trial.end(
        "sends 32 MiB of pings and reads nothing",
        "only the newest ping is answered",
        // 16 KiB of waiting pongs, and the allocator's overhead.
        &Bounds { memory: 2 * MIB, cpu: Duration::from_secs(8) },
    );
}

/// Encodes a number in a ping payload of the maximum length.
fn ping_payload(number: u32) -> [u8; 125] {
    let mut payload = [0; 125];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload
}

#[test]
fn small_echoes_that_nobody_reads() {
    echoes_that_nobody_reads(KIB, "has 64 MiB of 1 KiB messages echoed and reads nothing");
}

#[test]
fn large_echoes_that_nobody_reads() {
    echoes_that_nobody_reads(64 * KIB, "has 64 MiB of 64 KiB messages echoed and reads nothing");
}

fn echoes_that_nobody_reads(size: usize, attack: &str) {
    let trial = Trial::begin(&[]);
    let mut peer = Peer::open(&trial.server, "/echo");

    let payload = vec![0xda; size];
    let message = masked(FIN | BINARY, &payload);
    let flood = peer.flood(std::iter::repeat_n(&message, 64 * MIB / size));
    let Flood::Stalled(taken) = flood else { panic!("{flood:?}, but the server should stop reading") };

    // The server is only waiting: a peer that reads receives every echo.
    let mut reader = peer.second_hand();
    let echoes = taken.div_ceil(message.len());
    let reading = thread::spawn(move || {
        for _ in 0..echoes {
            assert!(reader.frame().payload == payload, "an echo is not what was sent");
        }
    });
    peer.send(&message[message.len() - (echoes * message.len() - taken)..]);
    reading.join().unwrap();
    drop(peer);
    trial.end(
        attack,
        "the server stops reading, and continues when the peer reads",
        // 256 KiB may wait to be written, plus one message, plus what io_uring had received before receiving stopped:
        // at most the 2 MiB of a loop's buffers, perhaps twice while they are copied.
        &Bounds { memory: 6 * MIB, cpu: Duration::from_secs(4) },
    );
}

/// The server drops the peer and closes its socket. Writes in flight must not keep the socket open.
#[test]
fn large_echoes_that_nobody_ever_reads() {
    const PEERS: usize = 20;
    // Long enough that the witness survives being delayed.
    let trial = Trial::begin(&["--metrics", "--keepalive", "1", "--keepalive-timeout", "6"]);
    let message = masked(FIN | BINARY, vec![0xda; 100_000]);
    let mut peers: Vec<Peer> = (0..PEERS).map(|_| Peer::open(&trial.server, "/echo")).collect();
    for peer in &mut peers {
        let flood = peer.flood(std::iter::repeat_n(&message, 64 * MIB / message.len()));
        assert!(matches!(flood, Flood::Stalled(_) | Flood::Ended(_)), "{flood:?}");
    }
    eventually("the server has closed them", || trial.more_descriptors() == 0);
    drop(peers);
    trial.end(
        "has 100 KB messages echoed and never reads, on 20 connections",
        "dropped when it does not answer pings, with its socket",
        // The bytes that wait to be written, one more message, and one that is being received.
        &Bounds { memory: PEERS * MIB, cpu: Duration::from_secs(8) },
    );
}

#[test]
fn a_member_of_a_channel_that_does_not_read() {
    const ROUNDS: usize = 128;
    /// As many as the server queues for a member before it counts as slow.
    const MESSAGES: usize = 16;
    let payload = vec![0xda; 16 * KIB];
    // The slow member reads its Close frame after the others are done, which may take longer than the default timeout.
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("longwire.toml");
    std::fs::write(&config, "[channels]\nsubscribe = ['anonymous']\npublish = ['subscriber']\n").unwrap();
    let config = config.to_str().unwrap();
    let trial = Trial::begin(&["--metrics", "--close-timeout", "600", "--config", config]);
    let mut slow = Peer::open(&trial.server, "/channel/news");
    let mut member = Peer::open(&trial.server, "/channel/news");

    for _ in 0..ROUNDS {
        for _ in 0..MESSAGES {
            member.send_frame(FIN | BINARY, &payload);
        }
        for _ in 0..MESSAGES {
            assert!(member.frame().payload == payload, "the others get every message");
        }
    }
    assert_eq!(slow.close_code(), Some(3008));
    assert_eq!(Figures::of(&trial.server).get("slow_subscribers_total"), 1);
    drop((slow, member));
    trial.end(
        "joins a channel where 32 MiB are said and reads nothing",
        "3008; the others get every message",
        // 256 KiB may wait for the slow member and for each of the others.
        &Bounds { memory: 4 * MIB, cpu: Duration::from_secs(4) },
    );
}
