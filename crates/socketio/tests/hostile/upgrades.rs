//! Upgrades that do not end, and WebSockets that must not be.

use std::time::Duration;

use longwire_socketio::engine::CloseReason;
use longwire_wire::{Head, Peer, RawFrame};

use crate::support::{Event, Serving, calm, of, on_each_engine};

/// "The server MUST: send a `noop` packet to any pending `GET` request (if applicable) to cleanly close HTTP long-polling
/// transport; respond with a `pong` packet with the string `probe` in the payload."
#[test]
fn an_upgrade_keeps_the_order() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        let poll = server.get(&sid);
        let upgrade = async {
            let mut peer = server.websocket(&format!("&sid={sid}")).await;
            peer.send(RawFrame::text("2probe")).await.unwrap();
            peer.expect_text("3probe").await.unwrap();
            peer
        };
        let (noop, mut peer) = tokio::join!(poll, upgrade);
        noop.expect(200, "6");
        server.post(&sid, "4one\x1ebAg==").await.expect(200, "ok");
        peer.send(RawFrame::text("5")).await.unwrap();
        peer.send(RawFrame::text("4three")).await.unwrap();
        peer.expect_text("4one").await.unwrap();
        peer.expect_binary(&[2]).await.unwrap();
        peer.expect_text("4three").await.unwrap();
        server.get(&sid).await.expect(400, r#"{"code":3,"message":"Bad request"}"#);
        peer.send(RawFrame::text("4four")).await.unwrap();
        peer.expect_text("4four").await.unwrap();
        peer.send(RawFrame::close(1000)).await.unwrap();
        assert_eq!(server.event().await, Event::Closed(CloseReason::TransportClose));
        peer.expect_close(1000).await.unwrap();
        server.expect_nothing_left();
    });
}

/// "A client MUST NOT open more than one WebSocket connection per session. Should it happen, the server MUST close the WebSocket
/// connection."
#[test]
fn a_session_has_one_websocket_at_a_time() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        let mut first = server.websocket(&format!("&sid={sid}")).await;
        first.send(RawFrame::text("2probe")).await.unwrap();
        first.expect_text("3probe").await.unwrap();
        for _ in 0..50 {
            server.websocket(&format!("&sid={sid}")).await.expect_close(1008).await.unwrap();
        }
        first.send(RawFrame::text("5")).await.unwrap();
        first.send(RawFrame::text("4hello")).await.unwrap();
        first.expect_text("4hello").await.unwrap();
        server.websocket(&format!("&sid={sid}")).await.expect_close(1008).await.unwrap();
        first.send(RawFrame::text("4hello")).await.unwrap();
        first.expect_text("4hello").await.unwrap();
        assert_eq!(server.sessions(), 1);
    });
}

#[test]
fn probes_without_end_end_and_the_session_goes_on() {
    on_each_engine(async |engine| {
        let mut config = calm();
        config.upgrade_timeout = Duration::from_millis(300);
        let server = Serving::start(engine, config).await;
        let sid = server.open().await;
        let mut peer = server.websocket(&format!("&sid={sid}")).await;
        let mut answers = 0;
        let closed = loop {
            drop(peer.send(RawFrame::text("2probe")).await);
            match peer.frame().await.unwrap() {
                frame if frame.payload == b"3probe" => answers += 1,
                frame => break frame,
            }
        };
        assert_eq!(closed.payload.get(..2), Some(&1008_u16.to_be_bytes()[..]), "{closed:?}");
        assert!(answers > 0);
        server.post(&sid, "4hello").await.expect(200, "ok");
        server.get(&sid).await.expect(200, "4hello");
        assert_eq!(server.sessions(), 1);
    });
}

/// A WebSocket that is cut before the upgrade is complete leaves the session with its polls.
#[test]
fn a_websocket_that_is_cut_in_the_middle_of_an_upgrade_loses_nothing() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        for probe in [None, Some("2probe")] {
            let mut peer = server.websocket(&format!("&sid={sid}")).await;
            if let Some(probe) = probe {
                peer.send(RawFrame::text(probe)).await.unwrap();
                peer.expect_text("3probe").await.unwrap();
            }
            server.post(&sid, "4hello").await.expect(200, "ok");
            drop(peer);
            server.get(&sid).await.expect(200, "4hello");
        }
        for wrong in ["5", "4hello", "2", "abc"] {
            // The server may see the end of the WebSocket before later than this one.
            let mut peer = loop {
                let mut peer = server.websocket(&format!("&sid={sid}")).await;
                peer.send(RawFrame::text("2probe")).await.unwrap();
                if peer.frame().await.unwrap().payload == b"3probe" {
                    break peer;
                }
            };
            if wrong != "5" {
                peer.send(RawFrame::text(wrong)).await.unwrap();
                peer.expect_close(1008).await.unwrap();
            }
        }
        assert_eq!(server.sessions(), 1);
    });
}

#[test]
fn websockets_that_name_no_version_or_an_unknown_session_are_refused() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        for query in [
            "transport=websocket",
            "EIO=3&transport=websocket",
            "EIO=4",
            "EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA",
            &of("AAAAAAAAAAAAAAAAAAAA"),
        ] {
            let mut peer = Peer::client(server.connect().await);
            let request = Head::upgrade(&format!("/socket.io/?{query}"), "example.com");
            peer.send_head(&request).await.unwrap();
            assert_eq!(peer.head().await.unwrap().start, "HTTP/1.1 400 Bad Request", "{query}");
        }
        server.expect_nothing_left();
    });
}
