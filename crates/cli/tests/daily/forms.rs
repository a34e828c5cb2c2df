//! The forms of input and output.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;

use longwire_wire::Head;
use serde_json::Value;

use crate::program::{Running, echo, run};

#[test]
fn json_lines_say_everything_that_passes() {
    let (_server, url) = echo();
    let input = concat!(
        "{\"data\":\"hi\"}\n",
        "{\"opcode\":\"binary\",\"data\":\"AP8=\"}\n",
        "{\"opcode\":\"ping\",\"data\":\"AQ==\"}\n",
        "{\"opcode\":\"close\",\"code\":4321,\"reason\":\"bye\"}\n",
    );
    let output = run(&["connect", &url, "--json"], input.as_bytes());
    assert_eq!(output.status.code(), Some(1), "a close code of the application");
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let has = |direction: &str, opcode: &str, data: &str| {
        lines
            .iter()
            .any(|line| line["direction"] == direction && line["opcode"] == opcode && line["data"] == data)
    };
    for (opcode, data) in [("text", "hi"), ("binary", "AP8=")] {
        assert!(has("sent", opcode, data) && has("received", opcode, data), "{lines:?}");
    }
    assert!(has("sent", "ping", "AQ==") && has("received", "pong", "AQ=="), "{lines:?}");
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["opcode"], &last["code"], &last["reason"]),
        (&"close".into(), &4321.into(), &"bye".into())
    );
}

#[test]
fn a_line_that_is_not_json_is_reported_and_the_rest_is_sent() {
    let (_server, url) = echo();
    let output = run(&["connect", &url, "--json"], b"{\"data\":\"hi\"}\nhello\n");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "longwire: line 2 of the input was not sent: with --json, a line is an object such as \
                    {\"data\":\"hello\"}: expected value at column 1\n";
    assert!(said.ends_with(expected), "{said}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"received\""));
}

#[test]
fn binary_messages_are_printed_as_asked_for() {
    let (_server, url) = echo();
    for (format, printed) in [("hex", "00ff0a\n"), ("base64", "AP8K\n")] {
        let args = ["connect", &url, "--binary", "--raw", "--binary-format", format];
        let output = run(&args, b"\x00\xff\x0a");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), printed);
    }
}

#[test]
fn a_file_is_one_message() {
    let (_server, url) = echo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two lines.txt");
    fs::write(&path, "one\ntwo").unwrap();
    let path = path.to_str().unwrap();
    let output = run(&["connect", &url, "--file", path, "--json"], b"");
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"data\":\"one\\ntwo\""));
    let output = run(&["connect", &url, "--file", "/nonexistent/file"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot read /nonexistent/file"));
}

#[test]
fn times_stand_before_lines() {
    let (_server, url) = echo();
    let output = run(&["connect", &url, "-t"], b"hello\n");
    let line = String::from_utf8(output.stdout).unwrap();
    let (time, text) = line.split_once(' ').unwrap();
    assert_eq!((time.len(), text), ("12:00:00.000".len(), "hello\n"));
}

#[test]
fn a_url_without_a_scheme_is_completed_and_that_is_said() {
    let (_server, url) = echo();
    let output = run(&["connect", &url], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, format!("longwire: connecting to ws://{url}; write ws:// or wss:// to choose\n"));
    let output = run(&["connect", &format!("ws://{url}")], b"");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_line_that_is_not_text_is_told_by_its_number() {
    let (_server, url) = echo();
    let output = run(&["connect", &url], b"one\n\xff\n");
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b"one\n"[..]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("longwire: line 2 of the input is not UTF-8 and was not sent"), "{said}");
}

/// A server that opens a WebSocket, and leaves the rest to `then`.
pub(crate) fn opening(then: impl FnOnce(&mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let (request, _) = Head::parse(&request).unwrap();
        stream.write_all(&Head::switching_protocols(&request).encode()).unwrap();
        then(&mut stream);
    });
    format!("ws://{address}/")
}

/// Regression: a message that found no connection any more was shown and recorded as sent.
#[test]
fn a_message_that_was_not_sent_is_not_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let (end, ends) = channel::<()>();
    // Most of the first message is unread when the socket closes, so the system resets the connection.
    let url = opening(move |stream| {
        stream.read_exact(&mut [0]).unwrap();
        assert!(ends.recv().is_err());
    });
    let args = ["connect", &url, "--json", "--no-compression", "--record", path.to_str().unwrap()];
    let mut client = Running::start(&args);
    let mut says = client.stdin();
    // The first message is queued, and more than the buffers of both ends hold. The second one waits behind it.
    let long = "x".repeat(32 << 20);
    writeln!(says, "{{\"data\":\"{long}\"}}\n{{\"data\":\"never sent\"}}").unwrap();
    let mut hears = client.stdout();
    assert!(hears.next().unwrap().unwrap().contains("\"sent\""));
    drop(end);
    assert!(hears.next().is_none(), "a second message was sent");
    assert_eq!(client.end().0, Some(1));
    let recorded = fs::read_to_string(&path).unwrap();
    assert_eq!(recorded.matches("\"type\":\"send\"").count(), 1);
}
