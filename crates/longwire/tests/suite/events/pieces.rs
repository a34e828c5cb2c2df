//! Messages that a handler sends in pieces.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use longwire::{By, MessagePieces, SendError, SendStatus, Slow};

use crate::support::{
    BINARY, CLOSE, Conn, Frame, Script, TEXT, Told, close, for_each_engine, masked, patient,
};

/// The first bytes of fragments: without FIN; from the second on, the opcode differs from the message's.
const FIRST_TEXT: u8 = 0x01;
const FIRST_BINARY: u8 = 0x02;
const NEXT: u8 = 0x00;
const LAST: u8 = 0x80;

#[test]
fn the_pieces_are_fragments_of_one_message() {
    for_each_engine(async |engine| {
        let script = Script::new().on_text(|socket, _| {
            let mut message = socket.begin_text().unwrap();
            assert_eq!(message.write("one "), SendStatus::Queued);
            assert_eq!(message.write(&format!("{} ", message.state())), SendStatus::Queued);
            assert_eq!(message.finish(), SendStatus::Queued);
            let mut message = socket.begin_binary().unwrap();
            message.write(&[3; 3]).or_drop();
            message.finish().or_drop();
            assert_eq!(socket.send("behind"), SendStatus::Queued);
        });
        let server = script.run(engine, |server| server).await;
        let mut raw = server.open("/two").await;
        raw.send(masked(TEXT, "go")).await;
        for (first, payload) in [
            (FIRST_TEXT, &b""[..]),
            (NEXT, b"one "),
            (NEXT, b"/two "),
            (LAST, b""),
            (FIRST_BINARY, b""),
            (NEXT, &[3, 3, 3]),
            (LAST, b""),
            (TEXT, b"behind"),
        ] {
            assert_eq!(raw.frame().await, Frame::new(first, payload));
        }
    });
}

/// 20 MB, of which only about 100 KB are queued at a time.
#[test]
fn a_large_message_is_produced_as_fast_as_the_peer_takes_it() {
    const PIECES: usize = 2_000;
    for_each_engine(async |engine| {
        let written = AtomicUsize::new(0);
        let go_on = move |mut message: MessagePieces<'_, String, [u8]>| {
            while message.has_room() {
                let number = written.fetch_add(1, Ordering::Relaxed);
                if number == PIECES {
                    return assert_eq!(message.finish(), SendStatus::Queued);
                }
                assert_eq!(message.write(&[number.to_be_bytes()[7]; 10_000]), SendStatus::Queued);
            }
            message.pause();
        };
        let (begin, resume) = {
            let go_on = std::sync::Arc::new(go_on);
            (std::sync::Arc::clone(&go_on), go_on)
        };
        let script = Script::new().on_text(move |socket, _| begin(socket.begin_binary().unwrap())).on_drain(
            move |socket| {
                assert!(socket.queued() <= 50_000, "{} bytes wait", socket.queued());
                if let Some(message) = socket.resume_binary() {
                    resume(message);
                }
            },
        );
        let limits = patient().low_water(50_000).high_water(100_000);
        let mut server = script.run(engine, |server| server.limits(limits)).await;
        let mut raw = server.open_narrow("/").await;
        raw.send(masked(TEXT, "go")).await;
        assert_eq!(raw.frame().await, Frame::new(FIRST_BINARY, ""));
        for number in 0..PIECES {
            assert_eq!(raw.frame().await, Frame::new(NEXT, vec![number.to_be_bytes()[7]; 10_000]));
        }
        assert_eq!(raw.frame().await, Frame::new(LAST, ""));
        assert!(server.all_told().contains(&Told::Drain));
    });
}

/// Starts a message at "begin", continues it and ends it at "end". On any other text, reports how sending went.
fn interrupted(socket: &mut Conn<'_>, text: &str) {
    match text {
        "begin" => {
            let mut message = socket.begin_text().unwrap();
            message.write("a").or_drop();
            message.pause();
        }
        "end" => {
            let mut message = socket.resume_text().unwrap();
            message.write("z").or_drop();
            message.finish().or_drop();
        }
        _ => {
            assert_eq!(socket.send(text), SendStatus::Unfinished);
            assert_eq!(socket.send_message(text), SendStatus::Unfinished);
            assert_eq!(socket.begin_text().err(), Some(SendError::MessageUnfinished));
            assert!(socket.resume_binary().is_none(), "it is a text message");
            socket.ping(text.as_bytes()).unwrap();
        }
    }
}

#[test]
fn other_messages_wait_for_the_end_of_one_in_pieces_and_those_of_the_handler_are_not_taken() {
    for_each_engine(async |engine| {
        let (remotes, given) = channel();
        let script = Script::new().on_text(interrupted).on_open(move |socket| {
            socket.subscribe("news");
            socket.subscribe_with("prices", Slow::Latest);
            remotes.send(socket.remote()).unwrap();
        });
        let server = script.run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        let remote = given.recv().unwrap();
        raw.send(masked(TEXT, "begin")).await;
        assert_eq!(raw.frame().await, Frame::new(FIRST_TEXT, ""));
        assert_eq!(raw.frame().await, Frame::new(NEXT, "a"));
        for message in ["old", "new"] {
            server.topics.publish("prices", message);
            server.topics.publish("news", message);
            assert_eq!(remote.send(message), SendStatus::Queued);
        }
        // The published messages are processed before later input.
        for _ in 0..4 {
            raw.send(masked(TEXT, "between")).await;
            assert_eq!(raw.frame().await, Frame::new(0x89, "between"));
        }
        raw.send(masked(TEXT, "end")).await;
        assert_eq!(raw.frame().await, Frame::new(NEXT, "z"));
        assert_eq!(raw.frame().await, Frame::new(LAST, ""));
        for message in ["old", "new", "new", "old", "new"] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, message));
        }
    });
}

/// The server does not know when the handler will finish the message, so the queue behind it is bounded.
#[test]
fn a_subscriber_is_disconnected_when_too_much_waits_for_the_end_of_a_message() {
    for_each_engine(async |engine| {
        let script = Script::new().on_text(interrupted).on_open(|socket| socket.subscribe("news"));
        let mut server = script.run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "begin")).await;
        assert_eq!(raw.frame().await, Frame::new(FIRST_TEXT, ""));
        assert_eq!(raw.frame().await, Frame::new(NEXT, "a"));
        for _ in 0..257 {
            server.topics.publish("news", "");
        }
        let reason = "messages are not read as fast as they come";
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1013, reason)));
        raw.expect_end().await;
        server.expect_sometime(Told::close(1013, reason, By::Local, false)).await;
    });
}

#[test]
fn a_message_that_is_dropped_unfinished_closes_the_connection() {
    for_each_engine(async |engine| {
        let script = Script::new().on_message(|socket, _| {
            let mut message = socket.begin_binary().unwrap();
            message.write(b"half").or_drop();
            drop(message);
            assert!(socket.resume_binary().is_none());
            assert_eq!(socket.send("late"), SendStatus::Closed);
            assert_eq!(socket.begin_text().err(), Some(SendError::Closed));
        });
        let server = script.run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        raw.send(masked(BINARY, "go")).await;
        assert_eq!(raw.frame().await, Frame::new(FIRST_BINARY, ""));
        assert_eq!(raw.frame().await, Frame::new(NEXT, "half"));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "a message was left unfinished")));
    });
}
