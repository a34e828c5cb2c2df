//! Payloads that are no payloads, or too large.

use longwire_socketio::engine::CloseReason;
use longwire_wire::RawFrame;
use tokio::io::AsyncWriteExt as _;

use crate::support::{Answer, Event, Serving, calm, of, on_each_engine};

#[test]
fn what_is_no_payload_ends_the_session() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        for payload in [
            &b""[..],
            b"abc",
            b"4hello\x1e",
            b"\x1e4hello",
            b"4hello\x1ebA===",
            b"b\xff\xff",
            b"4\xe2\x82",
            b"4\xed\xa0\x80",
            b"7",
        ] {
            let sid = server.open().await;
            let answer = server.post(&sid, payload).await;
            answer.expect(400, r#"{"code":3,"message":"Bad request"}"#);
            assert_eq!(server.event().await, Event::Closed(CloseReason::ParseError), "{payload:?}");
            server.get(&sid).await.expect(400, r#"{"code":1,"message":"Session ID unknown"}"#);
        }
        server.expect_nothing_left();
    });
}

#[test]
fn a_payload_has_a_bounded_number_of_packets() {
    on_each_engine(async |engine| {
        let mut config = calm();
        config.max_packets = 3;
        let server = Serving::start(engine, config).await;
        let sid = server.open().await;
        server.post(&sid, "4a\x1e4b\x1e4c").await.expect(200, "ok");
        server.post(&sid, "4a\x1e4b\x1e4c\x1e4d").await.expect(400, r#"{"code":3,"message":"Bad request"}"#);
        assert_eq!(server.event().await, Event::Closed(CloseReason::ParseError));
    });
}

#[test]
fn too_large_a_payload_is_refused_whether_it_says_its_length_or_not() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        let fits = format!("4{}", "x".repeat(999_999));
        server.post(&sid, &fits).await.expect(200, "ok");
        server.get(&sid).await.expect(200, &fits);
        assert_eq!(server.post(&sid, format!("{fits}x")).await.status, 413);
        let mut stream = server.begin_chunked(&sid).await;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        for _ in 0..20 {
            // The server stops reading at some point.
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        assert_eq!(Answer::read(stream).await.status, 413);
        server.post(&sid, "4still here").await.expect(200, "ok");
        server.get(&sid).await.expect(200, "4still here");
    });
}

#[test]
fn huge_base64_is_decoded_once_and_what_is_no_base64_is_refused() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        let huge = format!("b{}", "AAAA".repeat(249_999));
        server.post(&sid, &huge).await.expect(200, "ok");
        server.get(&sid).await.expect(200, &huge);
        server
            .post(&sid, format!("{}!", &huge[..huge.len() - 1]))
            .await
            .expect(400, r#"{"code":3,"message":"Bad request"}"#);
        assert_eq!(server.event().await, Event::Closed(CloseReason::ParseError));
        server.expect_nothing_left();
    });
}

/// A character may lie on both sides of a border, of a segment or a frame.
#[test]
fn text_may_be_split_within_a_character() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        let mut stream = server.begin_chunked(&sid).await;
        for byte in "4€😀".bytes() {
            stream.write_all(&[b"1\r\n", &[byte][..], b"\r\n"].concat()).await.unwrap();
            stream.flush().await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        Answer::read(stream).await.expect(200, "ok");
        server.get(&sid).await.expect(200, "4€😀");

        let mut peer = server.open_websocket().await;
        peer.send(RawFrame::text(&b"4\xe2\x82"[..]).not_final()).await.unwrap();
        peer.send(RawFrame::continuation(&b"\xac"[..])).await.unwrap();
        peer.expect_text("4€").await.unwrap();
    });
}

#[test]
fn too_large_a_message_closes_the_websocket() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let mut peer = server.open_websocket().await;
        let fits = format!("4{}", "x".repeat(999_999));
        peer.send(RawFrame::text(fits.clone())).await.unwrap();
        peer.expect_text(&fits).await.unwrap();
        peer.send(RawFrame::text(format!("{fits}x"))).await.unwrap();
        peer.expect_close(1009).await.unwrap();
        assert_eq!(server.event().await, Event::Closed(CloseReason::TransportError));
    });
}

#[test]
fn what_is_no_packet_closes_the_websocket() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        for (packet, reason, code) in [
            ("abc", CloseReason::ParseError, 1007),
            ("", CloseReason::ParseError, 1007),
            ("2", CloseReason::TransportError, 1008),
            ("1", CloseReason::TransportClose, 1000),
        ] {
            let mut peer = server.open_websocket().await;
            peer.send(RawFrame::text(packet)).await.unwrap();
            peer.expect_close(code).await.unwrap();
            assert_eq!(server.event().await, Event::Closed(reason), "{packet:?}");
        }
    });
}

impl Serving {
    /// Begins a request whose body has no length.
    async fn begin_chunked(&self, sid: &str) -> tokio::net::TcpStream {
        let mut stream = self.connect().await;
        let head = format!(
            "POST /socket.io/?{} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\n\r\n",
            of(sid)
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }
}
