//! The forms of input and output.

use std::fs;

use serde_json::Value;

use crate::program::{echo, run};

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
