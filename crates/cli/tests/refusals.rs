//! The log lines of `longwire serve` about refused pages, without any setting.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

struct Server {
    child: Child,
    address: String,
    log: BufReader<ChildStderr>,
}

impl Server {
    fn start(flags: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_longwire"))
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"])
            .args(flags)
            .env_remove("LONGWIRE_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let echo = lines.find_map(|line| Some(line.split_once("ws://")?.1.strip_suffix("/echo")?.to_owned()));
        let log = BufReader::new(child.stderr.take().unwrap());
        Server { child, address: echo.unwrap(), log }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn upgrade(&self, lines: &str) -> String {
        self.ask(&format!(
            "GET /echo?token=secret HTTP/1.1\r\n{lines}Upgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
    }

    fn told(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}

fn expect_in(line: &str, words: &[&str]) {
    assert!(line.contains(" WARN ") && line.contains("peer=127.0.0.1:"), "{line}");
    for word in words {
        assert!(line.contains(word), "{word} is not in {line}");
    }
    assert!(!line.contains("secret"), "{line}");
}

#[test]
fn a_page_of_another_origin_is_told_with_what_would_allow_it() {
    let mut server = Server::start(&[]);
    assert!(server.upgrade("Host: 127.0.0.1:8080\r\nOrigin: https://app.example\r\n").contains(" 403 "));
    expect_in(
        &server.told(),
        &[
            "refused: pages of this origin may not connect here status=403",
            r#"origin="https://app.example" host="127.0.0.1:8080" path="/echo""#,
            "--origin https://app.example",
            "nginx: proxy_set_header Host $http_host",
        ],
    );
    assert!(server.upgrade("Host: app.example\r\nOrigin: https://app.example\r\n").contains(" 403 "));
    expect_in(&server.told(), &["--behind-tls-proxy"]);
    let behind = Server::start(&["--behind-tls-proxy"]);
    let mut stream = TcpStream::connect(&behind.address).unwrap();
    let request = "GET /echo HTTP/1.1\r\nHost: app.example\r\nOrigin: https://app.example\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 101");
}

/// Whatever a client sends, the message is a single line of limited length, and a flood of refusals is rate-limited.
#[test]
fn what_is_told_of_a_refusal_is_short_and_there_is_not_much_of_it() {
    let mut server = Server::start(&[]);
    let hostile = format!("Host: a\r\nOrigin: https://\u{202e}{}\r\n", "x".repeat(5000));
    for _ in 0..50 {
        assert!(server.upgrade(&hostile).contains(" 403 "));
    }
    assert!(server.ask("GET / HTTP/1.1\r\n\r\n").contains(" 400 "));
    let mut told = 0;
    loop {
        let line = server.told();
        assert!(line.len() < 1000 && !line.contains('\u{202e}'), "{line}");
        if line.contains("Host is missing") {
            break;
        }
        told += 1;
    }
    assert!((1..50).contains(&told), "{told} of 50 were told");
}

#[test]
fn connections_for_which_there_is_no_place_are_told() {
    let mut server = Server::start(&["--max-connections-per-ip", "1"]);
    let _first = TcpStream::connect(&server.address).unwrap();
    assert!(server.ask("").contains(" 503 "));
    expect_in(&server.told(), &["status=503", "--max-connections-per-ip"]);
}
