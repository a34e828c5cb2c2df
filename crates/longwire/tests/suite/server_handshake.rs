//! The server's opening handshake, against clients of every kind.

use std::time::Duration;

use longwire::{Limits, connect};
use tokio::net::TcpStream;

use crate::support::{Frame, Raw, TEXT, echo, masked, run, serve, upgrade_request};

fn from_origin(origin: &str) -> String {
    upgrade_request(&format!("Origin: {origin}\r\n"))
}

#[test]
fn by_default_only_pages_of_the_server_itself_may_connect() {
    run(async {
        let serving = serve(|server| server, echo).await;
        assert_eq!(serving.status(upgrade_request("")).await, "HTTP/1.1 101 Switching Protocols");
        assert_eq!(
            serving.status(from_origin("http://example.com")).await,
            "HTTP/1.1 101 Switching Protocols"
        );
        for foreign in
            ["http://evil.example", "http://example.com.evil.example", "https://example.com", "null"]
        {
            let answer = serving.ask(from_origin(foreign)).await;
            assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{foreign}: {answer}");
            assert!(answer.ends_with("\r\n\r\npages of this origin may not connect here\n"), "{answer}");
        }
    });
}

#[test]
fn other_origins_may_be_allowed() {
    run(async {
        let some = serve(|server| server.origins(["https://app.example"]), echo).await;
        for (origin, status) in
            [("https://app.example", 101), ("http://example.com", 101), ("https://evil.example", 403)]
        {
            let line = some.status(from_origin(origin)).await;
            assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {line}");
        }
        let below = serve(|server| server.origins(["https://*.example"]), echo).await;
        assert_eq!(
            below.status(from_origin("https://app.example")).await,
            "HTTP/1.1 101 Switching Protocols"
        );
        assert_eq!(below.status(from_origin("http://app.example")).await, "HTTP/1.1 403 Forbidden");
        let all = serve(longwire::Server::any_origin, echo).await;
        let line = all.status(from_origin("https://evil.example")).await;
        assert_eq!(line, "HTTP/1.1 101 Switching Protocols");
    });
}

#[test]
fn what_is_wrong_with_a_request_is_answered_in_words() {
    run(async {
        let serving = serve(
            |server| server.limits(Limits::default().handshake_bytes(4096).handshake_headers(20)),
            echo,
        )
        .await;
        let valid = upgrade_request("");
        let cases = [
            ("hello\r\n\r\n".to_owned(), 400, "malformed HTTP head"),
            ("GET / HTTP/1.1\nHost: example.com\n\n".to_owned(), 400, "line feed"),
            ("\x16\x03\x01\x02\0\x01\0\x01\u{7f}".to_owned(), 400, "the client tried TLS"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505, "HTTP/1.1"),
            (valid.replace("HTTP/1.1", "HTTP/1.0"), 400, "HTTP/1.1"),
            (valid.replace("Host: example.com\r\n", ""), 400, "Host"),
            (valid.replace("Connection: Upgrade", "Connection: close"), 400, "Connection: Upgrade"),
            (valid.replace("Sec-WebSocket-Key: ", "X: "), 400, "Sec-WebSocket-Key is missing"),
            (valid.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"), 400, "Sec-WebSocket-Key"),
            (upgrade_request("Content-Length: 5\r\n"), 400, "must not have a body"),
            (valid.replace("GET", "POST"), 405, "GET"),
            (valid.replace("Version: 13", "Version: 8"), 426, "version 13"),
            ("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".to_owned(), 426, "only WebSockets"),
            (upgrade_request(&"X: y\r\n".repeat(20)), 431, "too many header lines"),
            (upgrade_request(&format!("X: {}\r\n", "y".repeat(4096))), 431, "too large"),
        ];
        for (request, status, reason) in cases {
            let answer = serving.ask(&request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{answer}");
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(body.contains(reason) && body.ends_with('\n'), "{request}\n{answer}");
            let head = head.to_ascii_lowercase();
            assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            assert!(head.contains("connection: close"), "{head}");
            match status {
                405 => assert!(head.contains("allow: get"), "{head}"),
                426 => assert!(head.contains("sec-websocket-version: 13"), "{head}"),
                _ => {}
            }
        }
        connect(serving.url("/")).await.unwrap();
    });
}

#[test]
fn the_request_may_come_byte_by_byte() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let mut raw = serving.raw().await;
        for byte in upgrade_request("").bytes() {
            raw.send([byte]).await;
            tokio::task::yield_now().await;
        }
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"));
    });
}

#[test]
fn frames_that_come_with_the_request_are_received() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let mut raw = serving.raw().await;
        let request = upgrade_request("");
        raw.send([request.as_bytes(), &masked(TEXT, "one"), &masked(TEXT, "two")].concat()).await;
        raw.head().await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "two"));
    });
}

#[test]
fn who_does_not_ask_in_time_is_disconnected() {
    run(async {
        let limits = Limits::default().handshake_time(Duration::from_millis(50));
        let serving = serve(|server| server.limits(limits), echo).await;
        let mut open = serving.ask_in_time(upgrade_request("")).await;
        assert!(open.head().await.starts_with("HTTP/1.1 101 "));
        let mut silent = serving.raw().await;
        let mut slow = serving.raw().await;
        slow.send("GET / HTTP/1.1\r\nHost: exa").await;
        silent.expect_end().await;
        slow.expect_end().await;
        // The limit is for the opening handshake only: later connections have already timed out.
        open.send(masked(TEXT, "still here")).await;
        assert_eq!(open.frame().await, Frame::new(TEXT, "still here"));
    });
}

#[test]
fn who_leaves_before_the_end_of_the_request_harms_nobody() {
    run(async {
        let serving = serve(|server| server, echo).await;
        for part in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: example.com\r\n"] {
            let mut leaving = serving.raw().await;
            leaving.send(part).await;
            let stream: TcpStream = leaving.into_inner();
            stream.set_zero_linger().unwrap();
        }
        let mut half_closed = serving.raw().await;
        half_closed.send("GET /").await;
        half_closed.finish().await;
        half_closed.expect_end().await;
        connect(serving.url("/")).await.unwrap();
    });
}

#[test]
fn requests_that_differ_in_letters_only_are_accepted() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let request = "GET /a?b HTTP/1.1\r\nhOsT: example.com\r\nUPGRADE: WebSocket\r\n\
                       connection: keep-alive, upgrade\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        assert_eq!(serving.status(request).await, "HTTP/1.1 101 Switching Protocols");
        let mut absolute = Raw::new(TcpStream::connect(serving.addr).await.unwrap());
        absolute.send(upgrade_request("").replace("GET /", "GET http://example.com/")).await;
        assert!(absolute.head().await.starts_with("HTTP/1.1 101 "));
    });
}
