//! The keepalive's pings and what their pongs reveal, on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use longwire::{By, Config, Error, Keepalive, Limits, Role, WebSocket};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep};

use crate::support::{CLOSE, PING, PONG, ROOMY, Raw, TEXT, close, end, plain, run_paused};

const SECOND: Duration = Duration::from_secs(1);

/// A client that pings after 10 s of silence and waits 3 s for an answer, and its server as raw bytes. The transport
/// between them holds `capacity` bytes.
fn asking(capacity: usize) -> (WebSocket, Raw<DuplexStream>) {
    limited(capacity, Limits::default().keepalive(Keepalive::every(10 * SECOND).within(3 * SECOND)))
}

fn limited(capacity: usize, limits: Limits) -> (WebSocket, Raw<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(capacity);
    (WebSocket::over(ours, Role::Client, Arc::new(Config::new(limits)), Vec::new()), Raw::new(theirs))
}

#[test]
fn the_round_trip_is_that_of_the_last_ping() {
    run_paused(async {
        let (mut socket, mut server) = asking(ROOMY);
        let sender = socket.sender();
        let receiving = tokio::spawn(async move { socket.recv().await });
        for time in [SECOND, 2 * SECOND] {
            let ping = server.frame().await;
            assert_eq!(ping.first, PING);
            sleep(time / 2).await;
            // Unsolicited pongs (RFC 6455 §5.5.3).
            server.send([plain(PONG, "unasked"), plain(PONG, ""), plain(PONG, [0; 8])].concat()).await;
            sleep(time / 2).await;
            server.send(plain(PONG, ping.payload)).await;
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
        // More than the transport holds, so the ping waits behind it.
        sender.try_send("x".repeat(100)).unwrap();
        let begun = Instant::now();
        let receiving = tokio::spawn(async move {
            assert_eq!(socket.recv().await.unwrap(), None);
            socket.closed()
        });
        sleep(15 * SECOND).await;
        assert_eq!(server.frame().await.first, TEXT);
        assert_eq!(server.frame().await.first, PING);
        assert_eq!(begun.elapsed(), 15 * SECOND);
        let closed = receiving.await.unwrap();
        assert_eq!(end(&closed), (1006, "", By::Nobody, false));
        assert_eq!(begun.elapsed(), 18 * SECOND);
    });
}

/// The handler is busy with other work, and the peer is alive.
#[test]
fn a_peer_that_answers_is_not_lost_to_an_end_that_does_not_receive() {
    run_paused(async {
        let (mut socket, mut server) = asking(ROOMY);
        for _ in 0..20 {
            server.answer_ping().await;
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
        // One period for what had arrived, and another one without any input.
        assert_eq!(begun.elapsed(), 23 * SECOND);
        assert!(!socket.is_open());
        assert_eq!(socket.recv().await.unwrap(), Some("the last word".into()));
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (1006, "", By::Nobody, false));
    });
}

/// The round-trip time is known on a busy connection as well.
#[test]
fn the_round_trip_is_measured_whatever_arrives() {
    run_paused(async {
        let (mut socket, mut server) = asking(ROOMY);
        let sender = socket.sender();
        let receiving = tokio::spawn(async move { while let Ok(Some(_)) = socket.recv().await {} });
        for _ in 0..19 {
            server.send(plain(TEXT, "busy")).await;
            sleep(SECOND / 2).await;
        }
        let ping = tokio::time::timeout(SECOND, server.frame()).await.unwrap();
        sleep(SECOND / 5).await;
        server.send(plain(PONG, ping.payload)).await;
        sleep(SECOND / 5).await;
        assert_eq!(sender.rtt(), Some(SECOND / 5));
        receiving.abort();
    });
}

/// The pongs arrive behind more than one read returns, so they are not seen before the application continues.
#[test]
fn a_peer_that_answers_is_not_lost_however_much_waits_before_its_answer() {
    run_paused(async {
        for count in [110, 500] {
            let (mut socket, mut server) = asking(ROOMY);
            let message = "x".repeat(1000);
            server.send(plain(TEXT, &message).repeat(count)).await;
            assert_eq!(socket.recv().await.unwrap(), Some(message.as_str().into()));
            let answering = tokio::spawn(async move {
                for _ in 0..4 {
                    server.answer_ping().await;
                }
                server
            });
            // The handler is busy until now.
            let _server = answering.await.unwrap();
            for _ in 1..count {
                assert_eq!(socket.recv().await.unwrap(), Some(message.as_str().into()));
            }
            assert!(socket.is_open());
        }
    });
}

#[test]
fn what_had_arrived_is_given_before_the_end_of_a_peer_that_is_lost() {
    run_paused(async {
        let (mut socket, mut server) = asking(ROOMY);
        server.send(plain(TEXT, "a").repeat(50)).await;
        for _ in 0..50 {
            assert_eq!(socket.recv().await.unwrap(), Some("a".into()));
            sleep(2 * SECOND).await;
        }
        assert!(matches!(socket.send("late").await, Err(Error::Closed(_))));
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (1006, "", By::Nobody, false));
        server.rest().await;
    });
}

/// The ping cannot be written, and the sender waits for room.
#[test]
fn what_had_arrived_is_given_before_the_end_of_a_peer_that_takes_nothing() {
    run_paused(async {
        let (mut socket, mut server) = asking(16);
        server.send(plain(TEXT, "a").repeat(5)).await;
        assert_eq!(socket.recv().await.unwrap(), Some("a".into()));
        server.send(plain(TEXT, "b").repeat(5)).await;
        let sender = socket.sender();
        sender.try_send("x".repeat(1 << 20)).unwrap();
        assert!(matches!(sender.send("waits for room").await, Err(Error::Closed(_))));
        for text in ["a", "a", "a", "a", "b", "b", "b", "b", "b"] {
            assert_eq!(socket.recv().await.unwrap(), Some(text.into()));
        }
        assert_eq!(socket.recv().await.unwrap(), None);
    });
}

/// The time limit is for closing; a receiver still gets everything, including the peer's Close frame.
#[test]
fn what_had_arrived_is_given_though_the_time_for_closing_is_up() {
    run_paused(async {
        let (socket, mut server) = limited(ROOMY, Limits::default().keepalive(None).close_time(5 * SECOND));
        let (sender, mut receiver) = socket.split();
        server.send(plain(TEXT, "a").repeat(9)).await;
        assert_eq!(receiver.recv().await.unwrap(), Some("a".into()));
        let begun = Instant::now();
        let closing = tokio::spawn(async move { sender.close(4000, "bye").await.unwrap() });
        assert_eq!(server.frame().await.first, CLOSE);
        server.send([plain(TEXT, "b"), plain(CLOSE, close(4001, "you too"))].concat()).await;
        assert_eq!(end(&closing.await.unwrap()), (1006, "", By::Nobody, false));
        assert_eq!(begun.elapsed(), 5 * SECOND);
        for text in ["a", "a", "a", "a", "a", "a", "a", "a", "b"] {
            assert_eq!(receiver.recv().await.unwrap(), Some(text.into()));
        }
        assert_eq!(receiver.recv().await.unwrap(), None);
        assert_eq!(end(&receiver.closed()), (4001, "you too", By::Local, true));
    });
}

#[test]
fn a_connection_whose_messages_are_not_taken_yet_is_not_idle() {
    run_paused(async {
        let (mut socket, mut client) =
            limited(ROOMY, Limits::default().keepalive(None).idle_time(5 * SECOND));
        client.send(plain(TEXT, "a").repeat(9)).await;
        for _ in 0..9 {
            assert_eq!(socket.recv().await.unwrap(), Some("a".into()));
            sleep(7 * SECOND).await;
            if socket.send("answer").await.is_err() {
                panic!("it was closed although messages were waiting");
            }
            assert_eq!(client.frame().await.first, TEXT);
        }
        assert_eq!(client.frame().await.first, CLOSE);
    });
}
