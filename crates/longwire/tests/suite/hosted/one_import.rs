//! axum handlers with one import changed: the same application with `axum::extract::ws` and with `longwire::axum`, in
//! the same conversations with a client of raw bytes.

mod differences;

mod theirs {
    use ::axum::extract::ws;

    include!("one_import/handlers.rs");
}

#[expect(deprecated, reason = "the compiler says that they have no effect")]
mod ours {
    use longwire::axum as ws;

    include!("one_import/handlers.rs");
}

use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{GET, Host};
use crate::support::{BINARY, CLOSE, Frame, PING, PONG, Raw, TEXT, close, masked, run, upgrade_request};

/// The running application.
struct Application {
    host: Host,
    seen: UnboundedReceiver<String>,
}

impl Application {
    async fn theirs() -> Application {
        let (tell, seen) = unbounded_channel();
        Application { host: Host::axum(theirs::router(tell)).await, seen }
    }

    async fn ours() -> Application {
        let (tell, seen) = unbounded_channel();
        Application { host: Host::axum(ours::router(tell)).await, seen }
    }

    /// A client whose request was accepted.
    async fn open(&self, target: &str) -> Raw<TcpStream> {
        self.open_with(target, "").await.0
    }

    /// A client whose request, with `more` header lines, was accepted, and the response.
    async fn open_with(&self, target: &str, more: &str) -> (Raw<TcpStream>, String) {
        let mut raw = self.host.raw().await;
        raw.send(request(target, more)).await;
        let head = raw.head().await.to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        (raw, head)
    }

    /// Checks what its handlers see next.
    async fn expect_seen(&mut self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.seen.recv().await.unwrap(), *expected);
        }
    }
}

fn request(target: &str, more: &str) -> String {
    upgrade_request(more).replacen("GET /", &format!("GET {target}"), 1)
}

/// Has the same conversation with both.
fn with_both<F>(converse: impl Fn(Application) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send,
{
    run(async move {
        println!("with axum::extract::ws");
        converse(Application::theirs().await).await;
        println!("with longwire::axum");
        converse(Application::ours().await).await;
    });
}

#[test]
fn messages_are_echoed_and_pings_and_pongs_seen_in_their_order() {
    with_both(|mut application| async move {
        let mut raw = application.open("/echo").await;
        raw.send([masked(PING, "p1"), masked(TEXT, "one"), masked(PONG, ""), masked(BINARY, [2])].concat())
            .await;
        let mut heard = [raw.frame().await, raw.frame().await, raw.frame().await];
        // The server decides whether it answers the ping before or after what was read with it.
        heard.sort_by_key(|frame| frame.first);
        assert_eq!(heard, [Frame::new(TEXT, "one"), Frame::new(BINARY, [2]), Frame::new(PONG, "p1")]);
        application.expect_seen(&[r#"ping b"p1""#, "text one", r#"pong b"""#, r#"binary b"\x02""#]).await;
    });
}

#[test]
fn a_ping_is_seen_before_the_message_that_it_interrupts() {
    with_both(|mut application| async move {
        let mut raw = application.open("/echo").await;
        raw.send([masked(0x01, "on"), masked(PING, "p"), masked(0x80, "e")].concat()).await;
        application.expect_seen(&[r#"ping b"p""#, "text one"]).await;
    });
}

#[test]
fn a_ping_is_seen_at_once_while_no_message_comes() {
    with_both(|mut application| async move {
        let mut raw = application.open("/echo").await;
        for payload in ["1", "2"] {
            raw.send(masked(PING, payload)).await;
            assert_eq!(raw.frame().await, Frame::new(PONG, payload));
            application.expect_seen(&[&format!("ping b{payload:?}")]).await;
        }
    });
}

#[test]
fn every_one_of_very_many_pings_is_seen() {
    with_both(|mut application| async move {
        let mut raw = application.open("/echo").await;
        let pings = (0..=u8::MAX).flat_map(|number| masked(PING, [number]));
        raw.send(pings.chain(masked(TEXT, "done")).collect::<Vec<u8>>()).await;
        for number in 0..=u8::MAX {
            let payload = bytes::Bytes::copy_from_slice(&[number]);
            application.expect_seen(&[&format!("ping {payload:?}")]).await;
        }
        application.expect_seen(&["text done"]).await;
    });
}

#[test]
fn a_close_frame_is_seen_and_then_the_end() {
    with_both(|mut application| async move {
        let mut raw = application.open("/echo").await;
        raw.send([masked(TEXT, "one"), masked(CLOSE, close(4001, "bye"))].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
        let answer = raw.frame().await;
        assert_eq!((answer.first, &answer.payload[..2]), (CLOSE, &close(4001, "")[..]));
        raw.expect_end().await;
        application
            .expect_seen(&["text one", "close 4001 bye", "cannot send", "end, terminated: true"])
            .await;

        let mut raw = application.open("/echo").await;
        raw.send(masked(CLOSE, "")).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
        application.expect_seen(&["close", "cannot send", "end, terminated: true"]).await;
    });
}

#[test]
fn an_end_without_a_close_frame_is_an_error() {
    with_both(|mut application| async move {
        drop(application.open("/echo").await);
        application.expect_seen(&["error", "end, terminated: true"]).await;
    });
}

#[test]
fn a_message_that_is_too_big_is_an_error() {
    with_both(|mut application| async move {
        let mut raw = application.open("/echo").await;
        raw.send([masked(TEXT, "x".repeat(1000)), masked(TEXT, "x".repeat(1001))].concat()).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "x".repeat(1000)));
        let seen = format!("text {}", "x".repeat(1000));
        application.expect_seen(&[&seen, "error", "end, terminated: true"]).await;
    });
}

#[test]
fn the_handler_closes_with_a_code_and_a_reason() {
    with_both(|mut application| async move {
        let mut raw = application.open("/closing/4001").await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(4001, "log in again")));
        // Messages in transit are still received.
        raw.send([masked(TEXT, "wait"), masked(CLOSE, close(4001, "all right"))].concat()).await;
        raw.expect_end().await;
        application
            .expect_seen(&[
                "closing, can send: [false, false]",
                "text wait",
                "close 4001 all right",
                "end, terminated: true",
            ])
            .await;
    });
}

#[test]
fn the_handler_closes_without_a_code() {
    with_both(|mut application| async move {
        let mut raw = application.open("/closing").await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
        raw.send(masked(CLOSE, "")).await;
        raw.expect_end().await;
        let seen = ["closing, can send: [false, false]", "close", "end, terminated: true"];
        application.expect_seen(&seen).await;
    });
}

#[test]
fn two_tasks_send_and_receive() {
    with_both(|mut application| async move {
        let mut raw = application.open("/counting").await;
        assert_eq!(raw.frame().await, Frame::new(PING, [1, 2, 3]));
        raw.send(masked(PONG, [1, 2, 3])).await;
        for number in 1..4 {
            assert_eq!(raw.frame().await, Frame::new(TEXT, format!("message {number}")));
        }
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "Goodbye")));
        raw.send([masked(TEXT, "one more"), masked(CLOSE, close(1000, ""))].concat()).await;
        raw.expect_end().await;
        application
            .expect_seen(&[r#"pong b"\x01\x02\x03""#, "text one more", "close 1000 ", "3 sent, 2 received"])
            .await;
    });
}

#[test]
fn people_chat() {
    with_both(|application| async move {
        let mut ada = application.open("/chat").await;
        ada.send(masked(TEXT, "ada")).await;
        assert_eq!(ada.frame().await, Frame::new(TEXT, "ada joined."));

        let mut impostor = application.open("/chat").await;
        impostor.send(masked(TEXT, "ada")).await;
        assert_eq!(impostor.frame().await, Frame::new(TEXT, "This name is taken."));

        let mut bob = application.open("/chat").await;
        bob.send(masked(TEXT, "bob")).await;
        assert_eq!(bob.frame().await, Frame::new(TEXT, "bob joined."));
        bob.send(masked(TEXT, "hi")).await;
        for line in ["bob joined.", "bob: hi"] {
            assert_eq!(ada.frame().await, Frame::new(TEXT, line));
        }
        ada.send(masked(CLOSE, close(1000, ""))).await;
        for line in ["bob: hi", "ada left."] {
            assert_eq!(bob.frame().await, Frame::new(TEXT, line));
        }
    });
}

#[test]
fn one_half_goes_on_without_the_other() {
    with_both(|mut application| async move {
        let mut raw = application.open("/halves").await;
        raw.send(masked(TEXT, "one")).await;
        application.expect_seen(&["text one"]).await;
        raw.send([masked(TEXT, "two"), masked(CLOSE, close(1000, ""))].concat()).await;
        application.expect_seen(&["text two", "close 1000 ", "3 received"]).await;
    });
}

#[test]
fn a_sink_takes_messages_and_control_frames_in_their_order() {
    with_both(|mut application| async move {
        let mut raw = application.open("/sink").await;
        let expected =
            [(TEXT, &b"one"[..]), (PING, b"now"), (BINARY, &[2]), (PONG, b"unasked"), (CLOSE, b"")];
        for (first, payload) in expected {
            assert_eq!(raw.frame().await, Frame::new(first, payload));
        }
        raw.send([masked(PONG, "now"), masked(CLOSE, "")].concat()).await;
        application.expect_seen(&[r#"pong b"now""#, "close", "end, terminated: true"]).await;
    });
}

#[test]
fn a_subprotocol_is_chosen() {
    with_both(|mut application| async move {
        for (offered, seen, header) in [
            (
                "Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n",
                [
                    r#"["chat.v1", "chat.v2"] requested, Some("chat.v2") selected"#,
                    r#"Some("chat.v2") spoken"#,
                ],
                Some("chat.v2"),
            ),
            (
                "Sec-WebSocket-Protocol: chat.v9\r\n",
                [r#"["chat.v9"] requested, None selected"#, "None spoken"],
                None,
            ),
            ("", ["[] requested, None selected", "None spoken"], None),
        ] {
            let (_raw, head) = application.open_with("/subprotocol", offered).await;
            let told = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
            assert_eq!(told, header);
            application.expect_seen(&seen).await;
        }
        let offered = "Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n";
        let (_raw, head) = application.open_with("/subprotocol/chat.v2", offered).await;
        assert!(head.contains("sec-websocket-protocol: chat.v2"), "{head}");
    });
}

#[test]
fn all_settings_can_be_set() {
    with_both(|mut application| async move {
        let mut raw = application.open("/settings").await;
        let long = "x".repeat(100_000);
        raw.send(masked(TEXT, &long)).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, &long));
        application.expect_seen(&[&format!("text {long}")]).await;
    });
}

#[test]
fn a_rejection_names_what_is_wrong() {
    with_both(|application| async move {
        let good = request("/rejections", "");
        for (request, wrong) in [
            (good.replace("GET", "POST"), "method"),
            (good.replace("Connection: Upgrade", "Connection: keep-alive"), "connection"),
            (good.replace("Upgrade: websocket", "Upgrade: h2c"), "upgrade"),
            (good.replace("Version: 13", "Version: 8"), "version"),
            (good.replace("Sec-WebSocket-Version", "X"), "version"),
            (good.replace("Sec-WebSocket-Key", "X"), "key"),
            (GET.replace("GET /", "GET /rejections"), "connection"),
            (good.replace("HTTP/1.1", "HTTP/1.0"), "connection cannot be upgraded"),
        ] {
            assert_eq!(application.host.ask(&request).await.1, wrong, "{request}");
        }
    });
}

#[test]
fn messages_are_made_and_taken_apart_alike() {
    assert_eq!(theirs::conversions(), ours::conversions());
    assert_eq!(theirs::CODES, ours::CODES);
}
