//! The closing handshake, from both ends.

use std::time::Duration;

use longwire::{By, CloseCode, Error, InvalidClose, Limits, Role};
use tokio::time::Instant;

use crate::support::{
    BINARY, CLOSE, Frame, PING, PONG, ROOMY, TEXT, against_raw, close, end, masked, pair, plain, run,
    run_paused, server_and_raw, settle, tcp_pair,
};

#[test]
fn code_and_reason_reach_the_other_end_whoever_closes() {
    run_paused(async {
        let (mut client, mut server) = pair(ROOMY, Limits::default());
        let (closed, received) = tokio::join!(client.close(4001, "κόσμε"), server.recv());
        assert!(matches!(received, Ok(None)));
        assert_eq!(end(&closed.unwrap()), (4001, "κόσμε", By::Local, true));
        assert_eq!(end(&server.closed()), (4001, "κόσμε", By::Peer, true));

        let (mut client, mut server) = pair(ROOMY, Limits::default());
        let (closed, received) =
            tokio::join!(server.close(CloseCode::SERVICE_RESTART, "soon"), client.recv());
        assert!(matches!(received, Ok(None)));
        assert_eq!(end(&closed.unwrap()), (1012, "soon", By::Local, true));
        assert_eq!(end(&client.closed()), (1012, "soon", By::Peer, true));
    });
}

#[test]
fn the_frames_are_those_of_the_rfc() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        let closing = tokio::spawn(async move { socket.close(1000, "bye").await });
        raw.expect(b"\x88\x05\x03\xe8bye").await;
        raw.send(masked(CLOSE, close(1000, "well"))).await;
        assert_eq!(end(&closing.await.unwrap().unwrap()), (1000, "well", By::Local, true));
        raw.expect_end().await;

        let (mut socket, mut raw) = server_and_raw();
        raw.send(masked(CLOSE, close(3000, "done"))).await;
        assert_eq!(socket.recv().await.unwrap(), None);
        raw.expect(b"\x88\x06\x0b\xb8done").await;
        raw.expect_end().await;
    });
}

#[test]
fn a_close_without_a_code_is_answered_without_one() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send(masked(CLOSE, "")).await;
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (1005, "", By::Peer, true));
        assert_eq!(socket.closed().to_string(), "closed by peer: 1005 (no code)");
        raw.expect(b"\x88\x00").await;
    });
}

#[test]
fn to_close_again_does_no_harm() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        let sender = socket.sender();
        let first = tokio::spawn(async move { (socket.close(1000, "first").await, socket) });
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "first")));
        let second = tokio::spawn(async move { sender.close(1001, "second").await });
        tokio::task::yield_now().await;
        raw.send(masked(CLOSE, close(1000, ""))).await;
        let (closed, mut socket) = first.await.unwrap();
        assert_eq!(closed.unwrap(), second.await.unwrap().unwrap());
        assert_eq!(end(&socket.close(4000, "third").await.unwrap()), (1000, "", By::Local, true));
        raw.expect_end().await;
    });
}

#[test]
fn what_must_not_be_sent_leaves_the_connection_open() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        let sender = socket.sender();
        let error = socket.close(1005, "").await.unwrap_err();
        assert!(matches!(error, Error::Close(InvalidClose::Code(code)) if code == 1005), "{error}");
        let error = sender.close(1000, &"x".repeat(124)).await.unwrap_err();
        assert!(matches!(error, Error::Close(InvalidClose::ReasonTooLong { bytes: 124 })), "{error}");
        assert!(socket.is_open() && sender.is_open());
        socket.send("still here").await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "still here"));
    });
}

#[test]
fn two_ends_that_close_at_once_both_end_clean() {
    run_paused(async {
        let (mut client, mut server) = pair(ROOMY, Limits::default());
        let (client, server) =
            tokio::join!(client.close(4001, "from client"), server.close(4002, "from server"));
        assert_eq!(end(&client.unwrap()), (4002, "from server", By::Local, true));
        assert_eq!(end(&server.unwrap()), (4001, "from client", By::Local, true));
    });
}

#[test]
fn what_was_sent_before_the_close_arrives() {
    run(async {
        let (mut client, mut server) = tcp_pair(Limits::default()).await;
        let sending = tokio::spawn(async move {
            for _ in 0..50 {
                server.send(vec![1; 50_000]).await.unwrap();
            }
            server.feed("last").await.unwrap();
            server.close(1000, "").await.unwrap()
        });
        for _ in 0..50 {
            assert_eq!(client.recv().await.unwrap().unwrap().len(), 50_000);
        }
        assert_eq!(client.recv().await.unwrap(), Some("last".into()));
        assert_eq!(client.recv().await.unwrap(), None);
        assert_eq!(end(&sending.await.unwrap()), (1000, "", By::Local, true));
    });
}

#[test]
fn what_still_arrives_is_discarded_by_close_and_given_by_recv() {
    run_paused(async {
        let late = [masked(TEXT, "late"), masked(TEXT, "later"), masked(CLOSE, close(1000, ""))].concat();

        let (mut socket, mut raw) = server_and_raw();
        raw.send(&late).await;
        assert_eq!(end(&socket.close(1000, "").await.unwrap()), (1000, "", By::Local, true));
        assert_eq!(socket.recv().await.unwrap(), None);

        let (socket, mut raw) = server_and_raw();
        let (sender, mut receiver) = socket.split();
        let closing = tokio::spawn(async move { sender.close(1000, "").await });
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.send(&late).await;
        assert_eq!(receiver.recv().await.unwrap(), Some("late".into()));
        assert_eq!(receiver.recv().await.unwrap(), Some("later".into()));
        assert_eq!(receiver.recv().await.unwrap(), None);
        assert_eq!(closing.await.unwrap().unwrap(), receiver.closed());
    });
}

#[test]
fn after_its_close_frame_an_end_sends_nothing_more() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        let sender = socket.sender();
        let closing = tokio::spawn(async move { socket.close(1000, "").await });
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        assert!(matches!(sender.send("late").await, Err(Error::Closed(_))));
        assert!(matches!(sender.send_ping("late").await, Err(Error::Closed(_))));
        raw.send([masked(PING, "are you there?"), masked(CLOSE, "")].concat()).await;
        assert_eq!(end(&closing.await.unwrap().unwrap()), (1005, "", By::Local, true));
        raw.expect_end().await;
    });
}

#[test]
fn pings_between_are_answered_until_the_close() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send([masked(PING, "a"), masked(PING, ""), masked(CLOSE, "")].concat()).await;
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(raw.frame().await, Frame::new(PONG, "a"));
        assert_eq!(raw.frame().await, Frame::new(PONG, ""));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
        raw.expect_end().await;
    });
}

#[test]
fn a_peer_that_never_answers_is_given_up_after_the_time_for_it() {
    run_paused(async {
        for role in [Role::Server, Role::Client] {
            let limits = Limits::default().close_time(Duration::from_secs(4));
            let (mut socket, mut raw) = against_raw(role, ROOMY, limits);
            let begun = Instant::now();
            let closed = socket.close(1000, "").await.unwrap();
            assert_eq!(begun.elapsed().as_secs(), 4);
            assert_eq!(end(&closed), (1006, "", By::Local, false));
            assert_eq!(closed.to_string(), "ended by this end: 1006 (no closing handshake)");
            assert_eq!(socket.recv().await.unwrap(), None);
            raw.frame().await;
            raw.expect_end().await;
        }
    });
}

/// RFC 6455 §7.1.1: the server ends the transport, and the client waits for that.
#[test]
fn a_client_waits_for_the_server_to_end_the_transport() {
    run_paused(async {
        let limits = Limits::default().close_time(Duration::from_secs(4));
        let (mut socket, mut raw) = against_raw(Role::Client, ROOMY, limits);
        let begun = Instant::now();
        raw.send(plain(CLOSE, close(1000, "bye"))).await;
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(begun.elapsed().as_secs(), 4);
        assert_eq!(end(&socket.closed()), (1000, "bye", By::Peer, true));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "bye")));
        raw.expect_end().await;
    });
}

#[test]
fn both_halves_learn_how_it_ended() {
    run_paused(async {
        let (client, server) = pair(ROOMY, Limits::default());
        let (sender, mut receiver) = client.split();
        let (other_sender, mut other_receiver) = server.split();
        let closing = tokio::spawn(async move { (sender.close(4000, "enough").await, sender) });
        assert_eq!(other_receiver.recv().await.unwrap(), None);
        assert_eq!(receiver.recv().await.unwrap(), None);
        let (closed, sender) = closing.await.unwrap();
        assert_eq!(end(&closed.unwrap()), (4000, "enough", By::Local, true));
        assert_eq!(end(&receiver.closed()), (4000, "enough", By::Local, true));
        assert_eq!(end(&other_receiver.closed()), (4000, "enough", By::Peer, true));
        assert_eq!(
            other_sender.send("late").await.unwrap_err().to_string(),
            "nothing can be sent any more: closed by peer: 4000: enough"
        );
        assert!(!sender.is_open() && !other_sender.is_open());
    });
}

/// The other direction is still open. It once dropped the queue when the client ended its side.
#[test]
fn answers_are_written_to_a_client_that_has_ended_its_side() {
    run_paused(async {
        for last in [masked(CLOSE, close(1000, "")), Vec::new()] {
            let limits = Limits::default().low_water(1 << 20).high_water(1 << 20);
            let (mut socket, mut raw) = against_raw(Role::Server, 1000, limits);
            let is_closed = !last.is_empty();
            raw.send([masked(TEXT, "go"), last].concat()).await;
            raw.finish().await;
            let answering = tokio::spawn(async move {
                assert_eq!(socket.recv().await.unwrap(), Some("go".into()));
                for number in 0..20 {
                    socket.send(vec![number; 10_000]).await.unwrap();
                }
                assert_eq!(socket.recv().await.unwrap(), None);
                socket.closed()
            });
            settle().await;
            for number in 0..20 {
                assert_eq!(raw.frame().await, Frame::new(BINARY, vec![number; 10_000]));
            }
            if is_closed {
                assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
            }
            raw.expect_end().await;
            let closed = answering.await.unwrap();
            let expected = if is_closed { (1000, "", By::Peer, true) } else { (1006, "", By::Nobody, false) };
            assert_eq!(end(&closed), expected);
        }
    });
}

/// The server writes its queue until the time for closing is over, and no longer.
#[test]
fn a_client_that_has_ended_its_side_and_does_not_read_is_dropped() {
    run_paused(async {
        for last in [masked(CLOSE, close(1000, "")), Vec::new()] {
            let limits = Limits::default().low_water(0).high_water(1 << 20);
            let (mut socket, mut raw) = against_raw(Role::Server, 1000, limits);
            raw.send(last).await;
            raw.finish().await;
            socket.send(vec![0; 100_000]).await.unwrap();
            let start = Instant::now();
            assert_eq!(socket.recv().await.unwrap(), None);
            assert_eq!(start.elapsed(), Duration::from_secs(10));
            raw.rest().await;
        }
    });
}
