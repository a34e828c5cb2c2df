//! "close(code, reason)".

use std::time::Duration;

use longwire::event_socket::{EventKind, ReadyState};
use longwire::{Error, EventSocket, InvalidClose, Limits};
use tokio::io::DuplexStream;
use tokio::time::Instant;

use super::{FAILED, Heard, later, nobody};
use crate::support::{
    BINARY, CLOSE, Frame, Peer, ROOMY, Raw, close, dialled, plain, run, run_paused, settle,
};

const CLOSE_TIME: Duration = Duration::from_secs(4);

/// An open socket, its recorded events, and its server.
async fn opened() -> (EventSocket, Heard, Raw<DuplexStream>) {
    let (client, mut dialled) = dialled(ROOMY, Limits::default().close_time(CLOSE_TIME));
    let socket = EventSocket::from_client(&client, "ws://server.example/", &[], later).unwrap();
    let mut heard = Heard::by(&socket);
    let raw = dialled.open().await;
    heard.expect("open").await;
    (socket, heard, raw)
}

#[test]
fn step_1_a_code_that_is_neither_1000_nor_from_3000_to_4999_is_an_invalid_access_error() {
    run_paused(async {
        let (socket, ..) = opened().await;
        for code in [0, 999, 1001, 1005, 1006, 1011, 1015, 2999, 5000, u16::MAX] {
            let refused = socket.close(code, "");
            assert!(matches!(refused, Err(Error::Close(InvalidClose::Code(c))) if c == code), "{code}");
        }
        assert_eq!(socket.ready_state(), ReadyState::Open);
    });
}

#[test]
fn step_1_the_codes_that_may_be_sent_are_sent() {
    run_paused(async {
        for code in [1000, 3000, 4999] {
            let (socket, _heard, mut raw) = opened().await;
            socket.close(code, "bye").unwrap();
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(code, "bye")));
        }
    });
}

#[test]
fn step_2_a_reason_of_more_than_123_bytes_of_utf_8_is_a_syntax_error() {
    run_paused(async {
        let (socket, _heard, mut raw) = opened().await;
        let refused = socket.close(1000, &"\u{e9}".repeat(62));
        assert!(matches!(refused, Err(Error::Close(InvalidClose::ReasonTooLong { bytes: 124 }))));
        assert_eq!(socket.ready_state(), ReadyState::Open);
        let longest = "x".repeat(123);
        socket.close(1000, &longest).unwrap();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, &longest)));
    });
}

#[test]
fn step_1_the_code_is_looked_at_before_the_reason() {
    run_paused(async {
        let (socket, ..) = opened().await;
        let refused = socket.close(1001, &"x".repeat(124));
        assert!(matches!(refused, Err(Error::Close(InvalidClose::Code(_)))), "{refused:?}");
    });
}

#[test]
fn steps_1_and_2_are_taken_in_every_state() {
    run(async {
        let socket = EventSocket::new(nobody(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let refused = |socket: &EventSocket| {
            socket.close(1001, "").is_err() && socket.close(1000, &"x".repeat(124)).is_err()
        };
        assert!(refused(&socket));
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        socket.close(1000, "").unwrap();
        assert!(refused(&socket));
        assert_eq!(heard.rest().await, FAILED);
        assert!(refused(&socket));
    });
}

#[test]
fn step_3_closing_or_closed_do_nothing() {
    run_paused(async {
        let (socket, mut heard, mut raw) = opened().await;
        socket.close(3001, "first").unwrap();
        socket.close(3002, "second").unwrap();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(3001, "first")));
        raw.send(plain(CLOSE, close(3001, "first"))).await;
        raw.expect_end().await;
        drop(raw);
        assert_eq!(heard.rest().await, ["close 3001 \"first\" clean"]);
        socket.close(1000, "").unwrap();
        socket.close_without_code();
        assert_eq!(socket.ready_state(), ReadyState::Closed);
    });
}

#[test]
fn step_3_not_yet_established_fail_the_connection() {
    run(async {
        let peer = Peer::listen().await;
        let socket = EventSocket::new(peer.url(), later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = peer.accept().await;
        raw.head().await;
        socket.close(1000, "").unwrap();
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        assert_eq!(heard.rest().await, FAILED);
        raw.expect_end().await;
    });
}

#[test]
fn step_3_not_yet_established_no_event_is_fired_by_close_itself() {
    run(async {
        let socket = EventSocket::new(nobody(), later).unwrap();
        let mut heard = Heard::by(&socket);
        socket.close(1000, "").unwrap();
        assert!(heard.events.is_empty());
        assert_eq!(heard.rest().await, FAILED);
    });
}

#[test]
fn step_3_not_yet_established_it_may_be_closed_before_and_in_its_last_events() {
    run(async {
        let socket = EventSocket::new(nobody(), later).unwrap();
        let mut heard = Heard::by(&socket);
        for kind in [EventKind::Error, EventKind::Close] {
            socket.add_event_listener(kind, |socket, _| {
                socket.close(1000, "").unwrap();
                assert_eq!(socket.ready_state(), ReadyState::Closed);
            });
        }
        socket.close_without_code();
        assert_eq!(heard.rest().await, FAILED);
    });
}

#[test]
fn step_3_without_code_and_reason_the_close_message_has_no_body() {
    run_paused(async {
        let (socket, mut heard, mut raw) = opened().await;
        socket.close_without_code();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
        raw.send(plain(CLOSE, "")).await;
        drop(raw);
        assert_eq!(heard.rest().await, ["close 1005 \"\" clean"]);
    });
}

#[test]
fn step_3_started_by_the_server_do_nothing() {
    run_paused(async {
        let (socket, mut heard, mut raw) = opened().await;
        raw.send(plain(CLOSE, close(4000, "server"))).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4000, "server")));
        while socket.ready_state() == ReadyState::Open {
            tokio::task::yield_now().await;
        }
        socket.close(3000, "client").unwrap();
        raw.expect_end().await;
        drop(raw);
        assert_eq!(heard.rest().await, ["close 4000 \"server\" clean"]);
    });
}

#[test]
fn note_close_does_not_discard_previously_sent_messages() {
    run_paused(async {
        let (socket, mut heard, mut raw) = opened().await;
        // More than the transport accepts at once.
        let chunk = vec![1; 1 << 20];
        for _ in 0..16 {
            socket.send(chunk.clone()).or_drop();
        }
        socket.close(1000, "").unwrap();
        assert!(heard.events.is_empty());
        settle().await;
        tokio::time::advance(CLOSE_TIME + Duration::from_secs(1)).await;
        for _ in 0..16 {
            assert_eq!(raw.frame().await, Frame::new(BINARY, &chunk));
        }
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.send(plain(CLOSE, close(1000, ""))).await;
        drop(raw);
        assert_eq!(heard.rest().await, ["close 1000 \"\" clean"]);
        assert_eq!(socket.buffered_amount(), 0);
    });
}

#[test]
fn a_closing_handshake_that_is_not_answered_ends_not_cleanly() {
    run_paused(async {
        let (socket, mut heard, mut raw) = opened().await;
        socket.close(1000, "").unwrap();
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        assert_eq!(heard.rest().await, FAILED);
    });
}

#[test]
fn a_server_that_reads_nothing_does_not_keep_a_closing_socket_for_ever() {
    run_paused(async {
        let (socket, mut heard, _raw) = opened().await;
        let content = vec![0; 32 << 20];
        socket.send(content.clone()).or_drop();
        socket.close(1000, "").unwrap();
        let begun = Instant::now();
        assert_eq!(heard.rest().await, FAILED);
        let patience = CLOSE_TIME + Duration::from_secs(10);
        assert!((patience..2 * patience).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        assert_eq!(socket.buffered_amount(), content.len());
    });
}
