//! Pings of the keepalive and what is learned from their pongs, on a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use longwire::{By, Config, Keepalive, Limits, Role, WebSocket};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep};

use crate::support::{Frame, PING, PONG, ROOMY, Raw, TEXT, end, plain, run_paused};

const SECOND: Duration = Duration::from_secs(1);

/// A client that asks after 10 s of silence and waits 3 s for an answer, and its server as raw bytes. What fits between
/// them is `capacity` bytes.
fn asking(capacity: usize) -> (WebSocket, Raw<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(capacity);
    let limits = Limits::default().keepalive(Keepalive::every(10 * SECOND).within(3 * SECOND));
    (WebSocket::over(ours, Role::Client, Arc::new(Config::new(limits)), Vec::new()), Raw::new(theirs))
}

#[test]
fn the_round_trip_is_that_of_the_last_ping() {
    run_paused(async {
        let (mut socket, mut server) = asking(ROOMY);
        let sender = socket.sender();
        let receiving = tokio::spawn(async move { socket.recv().await });
        for time in [SECOND, 2 * SECOND] {
            assert_eq!(server.frame().await, Frame::new(PING, ""));
            sleep(time / 2).await;
            // Another pong than that of the ping.
            server.send(plain(PONG, "unasked")).await;
            sleep(time / 2).await;
            server.send(plain(PONG, "")).await;
            sleep(SECOND / 10).await;
            assert_eq!(sender.rtt(), Some(time));
        }
        receiving.abort();
    });
}

#[test]
fn the_time_for_the_pong_begins_when_the_ping_was_written() {
    run_paused(async {
        let (mut socket, mut server) = asking(16);
        let sender = socket.sender();
        // More than the transport takes: the ping has to wait behind it.
        sender.try_send("x".repeat(100)).unwrap();
        let begun = Instant::now();
        let receiving = tokio::spawn(async move {
            assert_eq!(socket.recv().await.unwrap(), None);
            socket.closed()
        });
        sleep(15 * SECOND).await;
        assert_eq!(server.frame().await.first, TEXT);
        assert_eq!(server.frame().await, Frame::new(PING, ""));
        assert_eq!(begun.elapsed(), 15 * SECOND);
        let closed = receiving.await.unwrap();
        assert_eq!(end(&closed), (1006, "", By::Nobody, false));
        assert_eq!(begun.elapsed(), 18 * SECOND);
    });
}

/// The handler is busy with something else, and the peer is there.
#[test]
fn a_peer_that_answers_is_not_lost_to_an_end_that_does_not_receive() {
    run_paused(async {
        let (mut socket, mut server) = asking(ROOMY);
        for _ in 0..20 {
            assert_eq!(server.frame().await, Frame::new(PING, ""));
            server.send(plain(PONG, "")).await;
        }
        server.send(plain(TEXT, "still here")).await;
        assert_eq!(socket.recv().await.unwrap(), Some("still here".into()));
        socket.send("so am I").await.unwrap();
        assert_eq!(server.frame().await.first, TEXT);
    });
}

#[test]
fn a_peer_that_is_silent_is_lost_whether_somebody_receives_or_not() {
    run_paused(async {
        let (mut socket, mut server) = asking(ROOMY);
        let begun = Instant::now();
        server.send(plain(TEXT, "the last word")).await;
        server.rest().await;
        // Once for what had arrived, and once more for what did not.
        assert_eq!(begun.elapsed(), 26 * SECOND);
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (1006, "", By::Nobody, false));
    });
}
