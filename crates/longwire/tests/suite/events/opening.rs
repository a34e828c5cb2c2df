//! From the first byte to an open connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER, SERVER};
use longwire::{Accept, Limits, Refusal, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::unbounded_channel;

use crate::support::{EventServer, Frame, Raw, Script, TEXT, Told, for_each_engine, masked, upgrade_request};

#[test]
fn the_handler_sees_the_request_and_says_on_which_terms() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_upgrade(|request| {
                let name = request.query("name").ok_or_else(|| Refusal::bad_request("who are you?"))?;
                let state =
                    format!("{name} from {} at {}", request.header("x-from").unwrap(), request.path());
                let second = request.subprotocols()[1].clone();
                Ok(Accept::with(state).subprotocol(second).header(SERVER, HeaderValue::from_static("test")))
            })
            .on_open(|socket| {
                let subprotocol = socket.subprotocol().unwrap();
                let greeting = format!("{}, {subprotocol}, {}", socket.state(), socket.peer_addr().unwrap());
                socket.send(&greeting).or_drop();
            })
            .run(engine, |server| server)
            .await;
        let stream = TcpStream::connect(server.addr).await.unwrap();
        let address = stream.local_addr().unwrap();
        let mut raw = Raw::new(stream);
        let request = upgrade_request("X-From: Pontypool\r\nSec-WebSocket-Protocol: v1, v2\r\n");
        raw.send(request.replace("GET /", "GET /chat?name=Ada+L")).await;
        let head = raw.head().await.to_ascii_lowercase();
        assert!(head.contains("sec-websocket-protocol: v2\r\n"), "{head}");
        assert!(head.contains("server: test\r\n"), "{head}");
        let greeting = format!("Ada L from Pontypool at /chat, v2, {address}");
        assert_eq!(raw.frame().await, Frame::new(TEXT, greeting));
    });
}

#[test]
fn the_subprotocols_of_the_server_are_used_unless_the_handler_chooses() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server.subprotocols(["v3", "v2"])).await;
        let mut raw = server.raw().await;
        raw.send(upgrade_request("Sec-WebSocket-Protocol: v1, v2\r\n")).await;
        let head = raw.head().await.to_ascii_lowercase();
        assert!(head.contains("sec-websocket-protocol: v2\r\n"), "{head}");
    });
}

#[test]
fn the_handler_refuses_with_any_status() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_upgrade(|request| match request.path() {
                "/full" => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the room is full")
                    .header(RETRY_AFTER, HeaderValue::from_static("30"))),
                "/secret" => Err(Refusal::forbidden("not you")),
                "/wrong" => Ok(Accept::with(String::new()).subprotocol("never offered")),
                path => Err(Refusal::not_found(path)),
            })
            .run(engine, |server| server)
            .await;
        for (path, status, reason) in [
            ("/full", "503 Service Unavailable", "the room is full\n"),
            ("/secret", "403 Forbidden", "not you\n"),
            ("/wrong", "500 Internal Server Error", "the server cannot accept this request\n"),
            ("/nothing", "404 Not Found", "/nothing\n"),
        ] {
            let answer = server.ask(upgrade_request("").replace("GET /", &format!("GET {path}"))).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
            assert!(answer.ends_with(&format!("\r\n\r\n{reason}")), "{answer}");
            assert_eq!(answer.contains("Retry-After: 30\r\n"), path == "/full", "{answer}");
        }
        server.end().await;
    });
}

#[test]
fn each_connection_has_a_state_of_its_own() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_text(|socket, text| {
                socket.state_mut().push_str(text);
                let state = socket.state().clone();
                socket.send(&state).or_drop();
            })
            .run(engine, |server| server)
            .await;
        let (mut first, mut second) = (server.open("/a").await, server.open("/b").await);
        for expected in ["/a.", "/a.."] {
            first.send(masked(TEXT, ".")).await;
            assert_eq!(first.frame().await, Frame::new(TEXT, expected));
        }
        second.send(masked(TEXT, "!")).await;
        assert_eq!(second.frame().await, Frame::new(TEXT, "/b!"));
    });
}

#[test]
fn the_response_and_what_is_sent_on_opening_leave_together() {
    for_each_engine(async |engine| {
        let server = Script::new()
            .on_open(|socket| {
                socket.send("hello").or_drop();
            })
            .run(engine, |server| server)
            .await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(upgrade_request("").as_bytes()).await.unwrap();
        let mut once = vec![0; 4096];
        let count = stream.read(&mut once).await.unwrap();
        assert!(
            once[..count].ends_with(b"\r\n\r\n\x81\x05hello"),
            "{:?}",
            String::from_utf8_lossy(&once[..count])
        );
    });
}

#[test]
fn frames_that_come_with_the_request_are_delivered_after_the_opening() {
    for_each_engine(async |engine| {
        let mut server = Script::new()
            .on_open(|socket| {
                socket.send("hello").or_drop();
            })
            .run(engine, |server| server)
            .await;
        let mut raw = server.raw().await;
        raw.send([upgrade_request("").as_bytes(), &masked(TEXT, "one"), &masked(TEXT, "two")].concat()).await;
        raw.head().await;
        for expected in ["hello", "one", "two"] {
            assert_eq!(raw.frame().await, Frame::new(TEXT, expected));
        }
        server.expect(Told::Open).await;
        server.expect(Told::message("one")).await;
    });
}

#[test]
fn the_request_may_come_byte_by_byte() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server).await;
        let mut raw = server.raw().await;
        for byte in upgrade_request("").bytes().chain(masked(TEXT, "hello")) {
            raw.send([byte]).await;
            tokio::task::yield_now().await;
        }
        let head = raw.head().await.to_ascii_lowercase();
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
        assert_eq!(raw.frame().await, Frame::new(TEXT, "hello"));
    });
}

#[test]
fn what_is_wrong_with_a_request_is_answered_in_words() {
    for_each_engine(async |engine| {
        let limits = Limits::default().handshake_bytes(4096).handshake_headers(20);
        let server = Script::new().run(engine, |server| server.limits(limits)).await;
        let valid = upgrade_request("");
        let cases = [
            ("hello\r\n\r\n".to_owned(), 400, "malformed HTTP head"),
            (valid.replace("Host: example.com\r\n", ""), 400, "Host"),
            (valid.replace("Sec-WebSocket-Key: ", "X: "), 400, "Sec-WebSocket-Key is missing"),
            (valid.replace("GET", "POST"), 405, "GET"),
            (valid.replace("Version: 13", "Version: 8"), 426, "version 13"),
            ("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".to_owned(), 426, "only WebSockets"),
            (upgrade_request(&"X: y\r\n".repeat(20)), 431, "too many header lines"),
            (upgrade_request(&format!("X: {}\r\n", "y".repeat(4096))), 431, "too large"),
        ];
        for (request, status, reason) in cases {
            let answer = server.ask(&request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{answer}");
            assert!(answer.contains(reason) && answer.ends_with('\n'), "{request}\n{answer}");
        }
        server.end().await;
    });
}

/// A reset while the client still sends would destroy the response.
#[test]
fn a_client_that_still_sends_gets_the_answer() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server).await;
        for (begin, status) in [("GET / HTTP/1.1\r\nX: ", 431), ("\x16\x03\x01", 400)] {
            let head = loop {
                if let Some(head) = answer_to_half_a_megabyte(&server, begin).await {
                    break head;
                }
            };
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        }
    });
}

/// `None`: the machine is so busy that the server timed out before the client had sent everything.
async fn answer_to_half_a_megabyte(server: &EventServer, begin: &str) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(1);
    let begun = Instant::now();
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(begin.as_bytes()).await.unwrap();
    for _ in 0..500 {
        if let Err(error) = stream.write_all(&[b'y'; 1000]).await {
            assert!(begun.elapsed() >= PATIENCE, "{error}");
            return None;
        }
    }
    Some(Raw::new(stream).head().await)
}

/// A refused client has one second to read the response. That second was once counted from before the handler was
/// called: over io_uring it was over before the response had been written.
#[test]
fn a_refusal_that_takes_the_handler_long_is_sent() {
    for_each_engine(async |engine| {
        let (asked, mut is_asked) = unbounded_channel();
        let (release, released) = channel();
        let released = Mutex::new(released);
        let server = Script::new()
            .on_upgrade(move |_| {
                asked.send(()).unwrap();
                released.lock().unwrap().recv().unwrap();
                Err(Refusal::forbidden("not you"))
            })
            .run(engine, |server| server)
            .await;
        let more_than_a_second = Limits::default().handshake_time(Duration::from_millis(1100));
        let clock = Script::new().run(engine, |server| server.limits(more_than_a_second)).await;
        let mut refused = server.raw().await;
        refused.send(upgrade_request("")).await;
        is_asked.recv().await.unwrap();
        // This client arrives while the handler is busy, and times out before the handler is done.
        clock.raw().await.expect_end().await;
        release.send(()).unwrap();
        let head = refused.head().await;
        assert!(head.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{head}");
    });
}

#[test]
fn who_does_not_ask_in_time_is_disconnected() {
    for_each_engine(async |engine| {
        let limits = Limits::default().handshake_time(Duration::from_millis(50));
        let server = Script::new().run(engine, |server| server.limits(limits)).await;
        let mut open = server.ask_in_time(upgrade_request("")).await;
        assert!(open.head().await.starts_with("HTTP/1.1 101 "));
        let mut silent = server.raw().await;
        let mut slow = server.raw().await;
        slow.send("GET / HTTP/1.1\r\nHost: exa").await;
        silent.expect_end().await;
        slow.expect_end().await;
        // The limit is for the opening handshake only.
        server.go_round(&mut open).await;
    });
}

#[test]
fn who_leaves_before_the_end_of_the_request_harms_nobody() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server).await;
        for part in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: example.com\r\n"] {
            let mut leaving = server.raw().await;
            leaving.send(part).await;
            leaving.into_inner().set_zero_linger().unwrap();
        }
        let mut half_closed = server.raw().await;
        half_closed.send("GET /").await;
        half_closed.finish().await;
        half_closed.expect_end().await;
        server.end().await;
    });
}

#[test]
fn pages_of_other_origins_connect_only_if_they_are_allowed_to() {
    for_each_engine(async |engine| {
        let foreign = upgrade_request("Origin: https://evil.example\r\n");
        let own = upgrade_request("Origin: http://example.com\r\n");
        let secure = upgrade_request("Origin: https://example.com\r\n");
        let listed = upgrade_request("Origin: https://app.example\r\n");
        let (yes, no) = ("HTTP/1.1 101 Switching Protocols", "HTTP/1.1 403 Forbidden");
        let by_default = Script::new().run(engine, |server| server).await;
        assert_eq!(by_default.status(&own).await, yes);
        assert_eq!(by_default.status(&secure).await, no);
        let behind_tls = Script::new().run(engine, Server::behind_tls_proxy).await;
        assert_eq!(behind_tls.status(&secure).await, yes);
        assert_eq!(behind_tls.status(&own).await, no);
        assert_eq!(by_default.status(&listed).await, no);
        let some = Script::new().run(engine, |server| server.origins(["https://app.example"])).await;
        assert_eq!(some.status(&listed).await, yes);
        assert_eq!(some.status(&foreign).await, no);
        let all = Script::new().run(engine, Server::any_origin).await;
        assert_eq!(all.status(&foreign).await, yes);
    });
}

#[test]
fn there_are_no_more_connections_than_there_may_be() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server.max_connections(2)).await;
        let mut first = server.open("/").await;
        // A client that has not sent a request yet counts as well.
        let silent = server.raw().await;
        server.go_round(&mut first).await;
        let answer = server.ask(upgrade_request("")).await;
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
        assert!(answer.contains("as many connections as it may"), "{answer}");
        server.go_round(&mut first).await;
        drop(silent);
        while server.status(upgrade_request("")).await != "HTTP/1.1 101 Switching Protocols" {}
    });
}

#[test]
fn one_address_has_no_more_connections_than_it_may() {
    for_each_engine(async |engine| {
        let server = Script::new().run(engine, |server| server.max_connections_per_ip(1)).await;
        let _first = server.open("/").await;
        let answer = server.ask(upgrade_request("")).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("connections from this address"), "{answer}");
        let other = TcpSocket::new_v4().unwrap();
        other.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0))).unwrap();
        let mut other = Raw::new(other.connect(server.addr).await.unwrap());
        other.send(upgrade_request("")).await;
        assert!(other.head().await.starts_with("HTTP/1.1 101 "));
    });
}
