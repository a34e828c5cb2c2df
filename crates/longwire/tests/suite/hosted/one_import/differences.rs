//! The intended differences.

use super::{Application, request};
use crate::support::{CLOSE, Frame, TEXT, close, masked, run};

#[test]
fn a_page_of_another_origin_is_refused() {
    run(async {
        let request = request("/echo", "Origin: https://evil.example\r\n");
        assert!(Application::theirs().await.host.ask(&request).await.0.starts_with("http/1.1 101 "));
        assert_eq!(Application::ours().await.host.ask(&request).await.0, "http/1.1 403 forbidden");
    });
}

#[test]
fn a_handler_that_returns_closes_with_1000() {
    run(async {
        Application::theirs().await.open("/returning").await.expect_end().await;
        let mut raw = Application::ours().await.open("/returning").await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
    });
}

#[test]
fn a_handler_that_panics_closes_with_1011() {
    run(async {
        let mut raw = Application::theirs().await.open("/panicking").await;
        raw.send(masked(TEXT, "boo")).await;
        raw.expect_end().await;
        let mut raw = Application::ours().await.open("/panicking").await;
        raw.send(masked(TEXT, "boo")).await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1011, "")));
    });
}

#[test]
fn a_client_is_told_that_its_message_is_too_big() {
    run(async {
        let too_big = masked(TEXT, "x".repeat(1001));
        let mut raw = Application::theirs().await.open("/echo").await;
        raw.send(&too_big).await;
        raw.expect_end().await;
        let mut raw = Application::ours().await.open("/echo").await;
        raw.send(&too_big).await;
        let reason = "a message is longer than the limit of 1000 bytes";
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1009, reason)));
    });
}

#[test]
fn a_code_that_must_not_be_sent_is_an_error() {
    run(async {
        let mut raw = Application::theirs().await.open("/closing/1005").await;
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1005, "log in again")));
        let mut ours = Application::ours().await;
        let _raw = ours.open("/closing/1005").await;
        ours.expect_seen(&["cannot close"]).await;
    });
}

#[test]
fn a_code_that_must_not_be_received_is_an_error() {
    run(async {
        let seen_by_theirs = ["close 1002 Protocol violation"];
        let seen_by_ours = ["error", "end, terminated: true"];
        for (mut application, seen) in
            [(Application::theirs().await, &seen_by_theirs[..]), (Application::ours().await, &seen_by_ours)]
        {
            let mut raw = application.open("/echo").await;
            raw.send(masked(CLOSE, close(1005, ""))).await;
            application.expect_seen(seen).await;
        }
    });
}

#[test]
fn a_subprotocol_that_was_not_offered_is_no_answer() {
    run(async {
        let request = request("/subprotocol/chat.v2", "Sec-WebSocket-Protocol: chat.v1\r\n");
        assert!(Application::theirs().await.host.ask(&request).await.0.starts_with("http/1.1 101 "));
        let (line, _) = Application::ours().await.host.ask(&request).await;
        assert_eq!(line, "http/1.1 500 internal server error");
    });
}
