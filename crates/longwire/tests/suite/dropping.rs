//! What happens to a connection when its handles are dropped.

use std::time::Duration;

use longwire::{By, Limits};
use tokio::time::Instant;

use crate::support::{
    CLOSE, Frame, PING, PONG, ROOMY, TEXT, against_raw, close, end, masked, pair, run_paused, server_and_raw,
};

#[test]
fn a_dropped_connection_is_closed_with_1001() {
    run_paused(async {
        let (client, mut server) = pair(ROOMY, Limits::default());
        drop(client);
        assert_eq!(server.recv().await.unwrap(), None);
        assert_eq!(end(&server.closed()), (1001, "", By::Peer, true));
    });
}

/// The time for closing applies only to peers that do not answer.
#[test]
fn a_dropped_connection_ends_as_soon_as_the_peer_has_answered() {
    run_paused(async {
        let begun = Instant::now();
        let (socket, mut raw) = server_and_raw();
        drop(socket);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
        raw.send(masked(CLOSE, close(1001, ""))).await;
        raw.expect_end().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    });
}

#[test]
fn what_was_sent_before_the_drop_arrives() {
    run_paused(async {
        let (mut client, mut server) = pair(1000, Limits::default());
        for number in 0..10 {
            client.feed(format!("{number} {}", "x".repeat(5000))).await.unwrap();
        }
        drop(client);
        for number in 0..10 {
            let message = server.recv().await.unwrap().unwrap().to_string();
            assert!(message.starts_with(&format!("{number} x")) && message.len() == 5002);
        }
        assert_eq!(server.recv().await.unwrap(), None);
        assert_eq!(end(&server.closed()), (1001, "", By::Peer, true));
    });
}

#[test]
fn the_last_half_closes_whichever_it_is() {
    run_paused(async {
        for receiver_goes_first in [true, false] {
            let (socket, mut raw) = server_and_raw();
            let another = socket.sender();
            let (sender, mut receiver) = socket.split();
            drop(sender);
            raw.send(masked(TEXT, "on")).await;
            assert_eq!(receiver.recv().await.unwrap(), Some("on".into()));
            if receiver_goes_first {
                drop(receiver);
                another.send("on").await.unwrap();
                drop(another);
            } else {
                another.send("on").await.unwrap();
                drop(another);
                raw.send(masked(TEXT, "on")).await;
                assert_eq!(receiver.recv().await.unwrap(), Some("on".into()));
                drop(receiver);
            }
            assert_eq!(raw.frame().await, Frame::new(TEXT, "on"));
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
            raw.send(masked(CLOSE, close(1001, ""))).await;
            raw.expect_end().await;
        }
    });
}

#[test]
fn a_receiver_alone_receives_and_answers() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let (sender, mut receiver) = socket.split();
        drop(sender);
        raw.send([masked(PING, "?"), masked(TEXT, "one")].concat()).await;
        assert_eq!(receiver.recv().await.unwrap(), Some("one".into()));
        let receiving = tokio::spawn(async move { (receiver.recv().await, receiver) });
        assert_eq!(raw.frame().await, Frame::new(PONG, "?"));
        raw.send(masked(CLOSE, close(1000, ""))).await;
        let (received, receiver) = receiving.await.unwrap();
        assert!(matches!(received, Ok(None)));
        assert_eq!(end(&receiver.closed()), (1000, "", By::Peer, true));
    });
}

#[test]
fn dropped_after_the_close_it_sends_nothing_more() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send(masked(CLOSE, close(1000, ""))).await;
        assert_eq!(socket.recv().await.unwrap(), None);
        drop(socket);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.expect_end().await;
    });
}

#[test]
fn dropped_in_the_middle_of_a_close_it_goes_on_closing() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        {
            let mut closing = Box::pin(socket.close(4000, "enough"));
            assert!(crate::support::poll_once(&mut closing).await.is_pending());
        }
        drop(socket);
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        raw.send([masked(TEXT, "late"), masked(CLOSE, close(4000, ""))].concat()).await;
        raw.expect_end().await;
    });
}

#[test]
fn a_connection_may_be_dropped_outside_of_a_runtime() {
    let (ended, has_ended) = std::sync::mpsc::channel();
    run_paused(async move {
        let (socket, mut raw) = against_raw(longwire::Role::Server, ROOMY, Limits::default());
        std::thread::spawn(move || drop(socket)).join().unwrap();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1001, "")));
        ended.send(()).unwrap();
    });
    has_ended.recv().unwrap();
}
