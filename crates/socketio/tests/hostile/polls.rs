//! Polls and posts that break the rules.

use longwire_socketio::engine::CloseReason;
use tokio::io::AsyncReadExt as _;

use crate::support::{Event, Serving, brisk, calm, of, on_each_engine};

/// "If a mandatory query parameter is missing, then the server MUST respond with an HTTP 400 error status."
#[test]
fn requests_that_name_no_version_or_transport_are_refused() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        for (query, code) in [
            ("transport=polling", 5),
            ("EIO=3&transport=polling", 5),
            ("EIO=abc&transport=polling", 5),
            ("EIO=4", 0),
            ("EIO=4&transport=carrier-pigeon", 0),
            ("EIO=4&transport=websocket", 3),
        ] {
            let answer = server.request("GET", query, "", b"").await;
            assert_eq!(answer.status, 400, "{query}");
            assert!(answer.body.starts_with(&format!(r#"{{"code":{code},"#)), "{query}: {answer:?}");
        }
        let answer = server.request("POST", "EIO=4&transport=polling", "", b"").await;
        answer.expect(400, r#"{"code":2,"message":"Bad handshake method"}"#);
        server.expect_nothing_left();
    });
}

/// "The server MUST return an HTTP 400 response if the session ID (from the `sid` query parameter) is not known."
#[test]
fn an_unknown_session_is_refused() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        for sid in ["", "x", "AAAAAAAAAAAAAAAAAAAA", "%00", &"A".repeat(4_000)] {
            server.get(sid).await.expect(400, r#"{"code":1,"message":"Session ID unknown"}"#);
            server.post(sid, "4hello").await.expect(400, r#"{"code":1,"message":"Session ID unknown"}"#);
        }
    });
}

/// "To indicate success, the server MUST return an HTTP 200 response, with the string `ok` in the response body."
#[test]
fn a_session_echoes_over_polling() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        server.post(&sid, "4hello\x1ebAQIDBA==\x1e4€").await.expect(200, "ok");
        server.get(&sid).await.expect(200, "4hello\x1ebAQIDBA==\x1e4€");
        server.post(&sid, "1").await.expect(200, "ok");
        assert_eq!(server.event().await, Event::Closed(CloseReason::TransportClose));
        server.get(&sid).await.expect(400, r#"{"code":1,"message":"Session ID unknown"}"#);
        server.expect_nothing_left();
    });
}

/// "A client MUST NOT have more than one active `GET` request. Should it happen, the server MUST return an HTTP 400 error
/// status and close the session."
#[test]
fn of_two_polls_at_once_one_is_refused_and_the_session_ends() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        let (one, other) = tokio::join!(server.get(&sid), server.get(&sid));
        let (closed, refused) = if one.status == 200 { (one, other) } else { (other, one) };
        closed.expect(200, "1");
        refused.expect(400, r#"{"code":3,"message":"Bad request"}"#);
        assert_eq!(server.event().await, Event::Closed(CloseReason::TransportError));
        server.expect_nothing_left();
    });
}

/// "A client MUST NOT have more than one active `POST` request. Should it happen, the server MUST return an HTTP 400 error
/// status and close the session."
#[test]
fn of_two_posts_at_once_one_is_refused_and_the_session_ends() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        // Its body never comes; the answer to an `Expect` shows that the request was taken.
        let headers = "expect: 100-continue\r\ntransfer-encoding: chunked\r\n";
        let mut stream = server.connect().await;
        let head = format!("POST /socket.io/?{} HTTP/1.1\r\nhost: example.com\r\n{headers}\r\n", of(&sid));
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        let mut asked = [0; 12];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100");
        server.post(&sid, "4hello").await.expect(400, r#"{"code":3,"message":"Bad request"}"#);
        assert_eq!(server.event().await, Event::Closed(CloseReason::TransportError));
        server.get(&sid).await.expect(400, r#"{"code":1,"message":"Session ID unknown"}"#);
    });
}

#[test]
fn a_client_that_leaves_its_poll_has_left() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        let poll = server.begin("GET", &of(&sid), "", b"").await;
        server.until_writable().await;
        drop(poll);
        assert_eq!(server.event().await, Event::Closed(CloseReason::TransportError));
        server.expect_nothing_left();
    });
}

/// What waits for a client that does not read its poll is bounded, and its session ends.
#[test]
fn a_poll_that_is_never_read_ends_with_its_session() {
    on_each_engine(async |engine| {
        let mut config = brisk();
        config.max_queued = 3 << 20;
        let server = Serving::start(engine, config).await;
        let sid = server.open().await;
        let mut unread = Vec::new();
        for _ in 0..3 {
            server.post(&sid, "4flood").await;
            unread.push(server.begin("GET", &of(&sid), "", b"").await);
        }
        let Event::Closed(reason) = server.event().await else { panic!("opened") };
        assert!(matches!(reason, CloseReason::PingTimeout | CloseReason::TransportError), "{reason:?}");
        server.expect_nothing_left();
    });
}

/// More than `max_queued` waits for a client: it is too slow.
#[test]
fn a_session_for_which_too_much_waits_ends() {
    on_each_engine(async |engine| {
        let mut config = calm();
        config.max_queued = 256 << 10;
        let server = Serving::start(engine, config).await;
        let sid = server.open().await;
        server.post(&sid, "4flood").await.expect(200, "ok");
        assert_eq!(server.event().await, Event::Closed(CloseReason::TooSlow));
        server.get(&sid).await.expect(400, r#"{"code":1,"message":"Session ID unknown"}"#);
        server.expect_nothing_left();
    });
}

#[test]
fn what_was_sent_before_the_application_closes_still_arrives() {
    on_each_engine(async |engine| {
        let server = Serving::start(engine, calm()).await;
        let sid = server.open().await;
        server.post(&sid, "4last\x1e4close\x1e4late").await.expect(200, "ok");
        assert_eq!(server.event().await, Event::Closed(CloseReason::ForcedClose));
        // The end comes in a poll of its own: the JavaScript client acts on it before it acts on messages beside it.
        server.get(&sid).await.expect(200, "4last");
        server.get(&sid).await.expect(200, "1");
        server.expect_nothing_left();
    });
}
