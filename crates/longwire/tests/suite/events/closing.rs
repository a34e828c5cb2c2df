//! The closing handshake, and ends without one.

use std::time::Duration;

use http::StatusCode;
use longwire::{By, CloseCode, InvalidClose, Limits, Refusal, SendError, SendStatus};

use crate::support::{
    BINARY, CLOSE, Conn, Frame, PING, Script, TEXT, Told, close, for_each_engine, masked, patient,
    upgrade_request,
};

/// Closes with 4000 and "enough" on any message.
fn closing() -> Script {
    Script::new().on_message(|socket, _| socket.close(4000, "enough").unwrap())
}

/// The server must end the connection without waiting for its client to do so (RFC 6455 §7.1.1).
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
            (close(4001, "bye"), close(4001, "bye"), 4001, "bye"),
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
            // A reset instead of an orderly end.
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
                socket.send("not today").or_drop();
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
                socket.send(message).or_drop();
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
        let limits = patient().low_water(1 << 20).high_water(100 << 20);
        let server = Script::new()
            .on_message(|socket, _| {
                for number in 0..200_u8 {
                    assert_eq!(socket.send(vec![number; 100_000]), SendStatus::Queued);
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

/// The other direction is still open. Answers and the Close frame were once lost for a client that ended its side
/// after its own Close frame.
#[test]
fn answers_are_written_to_a_peer_that_has_ended_its_side() {
    for_each_engine(async |engine| {
        for (count, size) in [(200_u8, 64_000), (20, 640_000)] {
            for (high_water, is_closed) in [(256 << 10, true), (100 << 20, true), (100 << 20, false)] {
                let mut server = Script::new()
                    .on_message(move |socket, message| {
                        match message.as_text() {
                            Some(round) => socket.send(round),
                            None => socket.send(message.as_bytes().repeat(size)),
                        }
                        .or_drop();
                    })
                    .run(engine, |server| server.limits(patient().low_water(64 << 10).high_water(high_water)))
                    .await;
                let mut raw = server.open_narrow("/").await;
                let last = if is_closed { masked(CLOSE, close(1000, "")) } else { Vec::new() };
                let messages: Vec<u8> = (0..count).flat_map(|number| masked(BINARY, [number])).collect();
                raw.send([messages, last].concat()).await;
                raw.finish().await;
                server.go_round(&mut server.open("/round").await).await;
                for number in 0..count {
                    assert_eq!(raw.frame().await, Frame::new(BINARY, vec![number; size]));
                }
                if is_closed {
                    assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
                }
                raw.expect_end().await;
                drop(raw);
                let told = if is_closed { Told::close(1000, "", By::Peer, true) } else { Told::lost() };
                server.expect_sometime(told).await;
                server.stop();
                server.returned().await;
            }
        }
    });
}

/// The server writes its queue until the time for closing is over, and no longer.
#[test]
fn a_peer_that_has_ended_its_side_and_does_not_read_is_dropped() {
    for_each_engine(async |engine| {
        for last in [masked(CLOSE, close(1000, "")), Vec::new()] {
            let limits = patient().close_time(Duration::from_millis(50)).low_water(0).high_water(100 << 20);
            let mut server = Script::new()
                .on_text(|socket, _| {
                    socket.send(vec![0; 50 << 20]).or_drop();
                })
                .run(engine, |server| server.limits(limits).shutdown_time(Duration::from_secs(3600)))
                .await;
            let mut raw = server.open_narrow("/").await;
            raw.send([masked(TEXT, "go"), last].concat()).await;
            raw.finish().await;
            server.expect(Told::Open).await;
            server.expect(Told::message("go")).await;
            assert!(matches!(server.told().await, Some(Told::Close(..))));
            // A server with a connection left would wait for an hour.
            server.end().await;
            drop(raw);
        }
    });
}

#[test]
fn a_refusal_reaches_a_peer_that_has_ended_its_side() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_upgrade(|_| Err(Refusal::new(StatusCode::FORBIDDEN, "not today")))
            .run(engine, |server| server)
            .await;
        let mut raw = server.raw().await;
        raw.send(upgrade_request("")).await;
        raw.finish().await;
        let answer = String::from_utf8(raw.rest().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("not today\n"), "{answer}");
    });
}
