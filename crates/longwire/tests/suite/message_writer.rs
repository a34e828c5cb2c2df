//! Sending a message in pieces.

use longwire::{Error, Limits, Message, Role, TrySendError};

use crate::support::{
    BINARY, CLOSE, Frame, PING, ROOMY, TEXT, against_raw, close, pair, poll_once, run_paused, server_and_raw,
    settle,
};

/// The first bytes of fragments: of an initial one, and of a continuation, with and without FIN.
const FIRST_TEXT: u8 = 0x01;
const FIRST_BINARY: u8 = 0x02;
const NEXT: u8 = 0x00;
const LAST: u8 = 0x80;

#[test]
fn pieces_leave_as_fragments_of_one_message() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let mut message = socket.stream_binary().await.unwrap();
        message.write(b"one").await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(FIRST_BINARY, ""));
        assert_eq!(raw.frame().await, Frame::new(NEXT, "one"));
        message.write(vec![7; 70_000]).await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(NEXT, vec![7; 70_000]));
        message.finish().await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(LAST, ""));

        let mut message = socket.stream_text().await.unwrap();
        message.write("é").await.unwrap();
        message.finish().await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(FIRST_TEXT, ""));
        assert_eq!(raw.frame().await, Frame::new(NEXT, "é"));
        assert_eq!(raw.frame().await, Frame::new(LAST, ""));
    });
}

#[test]
fn the_peer_gets_one_message() {
    run_paused(async {
        let (client, mut server) = pair(ROOMY, Limits::default());
        let mut message = client.stream_text().await.unwrap();
        for piece in ["Hello", ", ", "Server!"] {
            message.write(piece).await.unwrap();
        }
        message.finish().await.unwrap();
        assert_eq!(server.recv().await.unwrap().unwrap(), "Hello, Server!");
        client.stream_binary().await.unwrap().finish().await.unwrap();
        assert_eq!(server.recv().await.unwrap().unwrap(), Message::from(vec![]));
    });
}

#[test]
fn other_messages_wait_and_pings_do_not() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let sender = socket.sender();
        let mut message = socket.stream_binary().await.unwrap();
        message.write("one").await.unwrap();

        let mut other = Box::pin(sender.send("other"));
        assert!(poll_once(&mut other).await.is_pending());
        let mut second = Box::pin(sender.stream_text());
        assert!(poll_once(&mut second).await.is_pending());
        assert_eq!(sender.try_send("no"), Err(TrySendError::Full("no".into())));
        sender.send_ping("between").await.unwrap();
        message.write("two").await.unwrap();
        for frame in [
            Frame::new(FIRST_BINARY, ""),
            Frame::new(NEXT, "one"),
            Frame::new(PING, "between"),
            Frame::new(NEXT, "two"),
        ] {
            assert_eq!(raw.frame().await, frame);
        }
        settle().await;
        assert!(poll_once(&mut other).await.is_pending());

        message.finish().await.unwrap();
        other.await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(LAST, ""));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "other"));
        second.await.unwrap().finish().await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(FIRST_TEXT, ""));
        assert_eq!(raw.frame().await, Frame::new(LAST, ""));
    });
}

#[test]
fn a_message_that_is_dropped_unfinished_closes_the_connection() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let mut message = socket.stream_binary().await.unwrap();
        message.write("half").await.unwrap();
        drop(message);
        assert_eq!(raw.frame().await, Frame::new(FIRST_BINARY, ""));
        assert_eq!(raw.frame().await, Frame::new(NEXT, "half"));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "a message was left unfinished")));
        assert!(matches!(socket.stream_binary().await, Err(Error::Closed(_))));
    });
}

#[test]
fn a_piece_waits_for_room_and_is_not_sent_if_it_is_given_up() {
    run_paused(async {
        let limits = Limits::default().low_water(1000).high_water(10_000);
        let (socket, mut raw) = against_raw(Role::Server, 1000, limits);
        let mut message = socket.stream_binary().await.unwrap();
        message.write(vec![1; 20_000]).await.unwrap();
        assert!(poll_once(&mut Box::pin(message.write("given up"))).await.is_pending());
        assert_eq!(raw.frame().await, Frame::new(FIRST_BINARY, ""));
        assert_eq!(raw.frame().await, Frame::new(NEXT, vec![1; 20_000]));
        message.write("last").await.unwrap();
        message.finish().await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(NEXT, "last"));
        assert_eq!(raw.frame().await, Frame::new(LAST, ""));
    });
}

#[test]
fn a_message_that_did_not_get_its_turn_has_not_begun() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        let message = socket.stream_binary().await.unwrap();
        assert!(poll_once(&mut Box::pin(socket.stream_text())).await.is_pending());
        message.finish().await.unwrap();
        socket.send(vec![1]).await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(FIRST_BINARY, ""));
        assert_eq!(raw.frame().await, Frame::new(LAST, ""));
        assert_eq!(raw.frame().await, Frame::new(BINARY, [1]));
    });
}
