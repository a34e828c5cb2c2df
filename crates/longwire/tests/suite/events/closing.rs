//! The closing handshake, and ends without one.

use std::time::Duration;

use longwire::{By, CloseCode, InvalidClose, Limits, SendError, SendStatus};

use crate::support::{
    BINARY, CLOSE, Conn, Frame, PING, Script, TEXT, Told, close, for_each_engine, masked, patient,
};

/// Closes with 4000 and "enough" at whatever is received.
fn closing() -> Script {
    Script::new().on_message(|socket, _| socket.close(4000, "enough").unwrap())
}

/// The server is to end the connection without waiting for its client to do so (RFC 6455 §7.1.1).
#[test]
fn the_handler_closes() {
    for_each_engine(async |engine| {
        let mut server = closing().run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "go")).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        raw.send(masked(CLOSE, close(4001, "well"))).await;
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::Open).await;
        server.expect(Told::message("go")).await;
        server.expect(Told::close(4001, "well", By::Local, true)).await;
        server.end().await;
    });
}

#[test]
fn the_peer_closes() {
    for_each_engine(async |engine| {
        for (payload, answer, code, reason) in [
            (close(4001, "bye"), close(4001, ""), 4001, "bye"),
            (close(1000, ""), close(1000, ""), 1000, ""),
            (Vec::new(), Vec::new(), 1005, ""),
        ] {
            let mut server = Script::new().run(engine, |server| server).await;
            let mut raw = server.open("/").await;
            raw.send([masked(TEXT, "last"), masked(CLOSE, payload)].concat()).await;
            assert_eq!(raw.frame().await, Frame::new(TEXT, "last"));
            assert_eq!(raw.frame().await, Frame::new(CLOSE, answer));
            raw.expect_end().await;
            drop(raw);
            server.expect(Told::Open).await;
            server.expect(Told::message("last")).await;
            server.expect(Told::close(code, reason, By::Peer, true)).await;
            server.end().await;
        }
    });
}

#[test]
fn both_close_at_once() {
    for_each_engine(async |engine| {
        let mut server = closing().run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        raw.send([masked(TEXT, "go"), masked(CLOSE, close(4001, "bye"))].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::Open).await;
        server.expect(Told::message("go")).await;
        server.expect(Told::close(4001, "bye", By::Local, true)).await;
        server.end().await;
    });
}

#[test]
fn the_peer_vanishes() {
    for_each_engine(async |engine| {
        let part = masked(TEXT, "hello")[..7].to_vec();
        let large = masked(BINARY, vec![0; 200_000])[..100_000].to_vec();
        for sent in [Vec::new(), part, large] {
            let mut server = Script::new().run(engine, |server| server).await;
            let mut raw = server.open("/").await;
            raw.send(sent).await;
            // Reset, not ended.
            raw.into_inner().set_zero_linger().unwrap();
            server.expect(Told::Open).await;
            server.expect(Told::lost()).await;
            server.end().await;
        }
    });
}

#[test]
fn the_peer_ends_its_side_only() {
    for_each_engine(async |engine| {
        let mut server = Script::new().run(engine, |server| server).await;
        let mut raw = server.open("/").await;
        raw.send([masked(TEXT, "last"), masked(TEXT, "cut")[..8].to_vec()].concat()).await;
        raw.finish().await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "last"));
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::Open).await;
        server.expect(Told::message("last")).await;
        server.expect(Told::lost()).await;
        server.end().await;
    });
}

#[test]
fn the_peer_never_answers() {
    for_each_engine(async |engine| {
        let limits = Limits::default().close_time(Duration::from_millis(50));
        let mut server = closing().run(engine, |server| server.limits(limits)).await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "go")).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::Open).await;
        server.expect(Told::message("go")).await;
        server.expect(Told::close(1006, "", By::Local, false)).await;
        server.end().await;
    });
}

#[test]
fn the_peer_never_ends_the_transport() {
    for_each_engine(async |engine| {
        let limits = Limits::default().close_time(Duration::from_millis(50));
        let hour = Duration::from_secs(3600);
        let mut server = Script::new().run(engine, |server| server.limits(limits).shutdown_time(hour)).await;
        let mut raw = server.open("/").await;
        raw.send(masked(CLOSE, "")).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
        raw.expect_end().await;
        server.expect(Told::Open).await;
        server.expect(Told::close(1005, "", By::Peer, true)).await;
        // A server with a connection left would wait for an hour.
        server.end().await;
    });
}

#[test]
fn the_handler_closes_on_opening() {
    for_each_engine(async |engine| {
        let mut server = Script::new()
            .on_open(|socket| {
                socket.send("not today");
                socket.close(1008, "").unwrap();
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.open("/").await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "not today"));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1008, "")));
        raw.send(masked(CLOSE, close(1008, ""))).await;
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::Open).await;
        server.expect(Told::close(1008, "", By::Local, true)).await;
        server.end().await;
    });
}

#[test]
fn nothing_is_sent_after_the_close_frame() {
    fn try_everything(socket: &mut Conn<'_>) {
        assert!(!socket.is_open());
        assert_eq!(socket.send("late"), SendStatus::Closed);
        assert_eq!(socket.send_message("late"), SendStatus::Closed);
        assert_eq!(socket.ping(b"late"), Err(SendError::Closed));
        socket.subscribe("room");
        socket.publish("room", "late");
        socket.close(4002, "again").unwrap();
    }
    for_each_engine(async |engine| {
        let mut server = Script::new()
            .on_message(|socket, _| {
                socket.subscribe("room");
                socket.publish("room", "last");
                socket.close(4000, "enough").unwrap();
                try_everything(socket);
                *socket.state_mut() = "tried".to_owned();
            })
            .on_close(|socket| {
                try_everything(socket);
                socket.state_mut().push_str(" twice");
                assert_eq!(socket.state(), "tried twice");
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.open("/").await;
        raw.send([masked(TEXT, "go"), masked(PING, "too late")].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        raw.send(masked(CLOSE, close(4000, ""))).await;
        raw.expect_end().await;
        drop(raw);
        server.expect(Told::Open).await;
        server.expect(Told::message("go")).await;
        server.expect_sometime(Told::close(4000, "", By::Local, true)).await;
        server.end().await;
    });
}

#[test]
fn what_must_not_be_sent_leaves_the_connection_open() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_message(|socket, message| {
                let reserved = socket.close(1006, "");
                assert!(matches!(reserved, Err(InvalidClose::Code(code)) if code == CloseCode::ABNORMAL));
                assert!(socket.close(1000, &"x".repeat(124)).is_err());
                assert!(socket.is_open());
                socket.send(message);
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.open("/").await;
        raw.send(masked(TEXT, "still here")).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "still here"));
    });
}

#[test]
fn what_was_sent_before_the_close_arrives_however_slow_the_peer() {
    for_each_engine(async |engine| {
        let limits = patient().water(1 << 20, 100 << 20);
        let server = Script::new()
            .on_message(|socket, _| {
                for number in 0..200_u8 {
                    assert_eq!(socket.send(&vec![number; 100_000]), SendStatus::Queued);
                }
                socket.close(1000, "that was all").unwrap();
            })
            .run(engine, |server| server.limits(limits))
            .await;
        let mut other = server.open("/").await;
        let mut slow = server.open_narrow("/").await;
        slow.send([masked(TEXT, "go"), masked(CLOSE, close(1000, ""))].concat()).await;
        other.send(masked(PING, "")).await;
        other.frame().await;
        for number in 0..200_u8 {
            assert_eq!(slow.frame().await, Frame::new(BINARY, vec![number; 100_000]));
        }
        assert_eq!(slow.frame().await, Frame::new(CLOSE, close(1000, "that was all")));
        slow.expect_end().await;
    });
}
