//! `longwire check`: exit codes, and what is said.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(unix)]
mod interrupted;
mod routes;
mod serving;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

#[cfg(target_os = "linux")]
use serving::Serving;

fn check(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
    // Hosts without a proxy are no proxy: this once let flags through that have no effect.
    command.arg("check").args(args).env("NO_PROXY", "*").env("no_proxy", "*");
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_list_has_each_case_on_a_line() {
    let (code, listed, _) = check(&["--list", "--only", "6455/5.5/ping-*"]);
    assert_eq!(code, Some(0));
    let ids: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(
        ids.contains(&"6455/5.5/ping-126") && ids.iter().all(|id| id.starts_with("6455/5.5/ping-")),
        "{listed}"
    );
}

#[test]
fn the_list_is_a_json_document_if_that_was_asked_for() {
    let (code, listed, _) = check(&["--list", "--only", "6455/5.5/ping-126", "--json"]);
    assert_eq!(code, Some(0));
    let cases: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(cases.as_array().map(Vec::len), Some(1), "{listed}");
    for (name, value) in [("id", "6455/5.5/ping-126"), ("family", "control"), ("level", "must")] {
        assert_eq!(cases[0][name], value, "{listed}");
    }
    assert!(cases[0]["title"].is_string() && cases[0]["rule"].is_string(), "{listed}");
    assert_eq!(cases[0]["paragraph"], "RFC 6455 §5.5", "{listed}");
}

#[test]
fn whoever_names_no_server_learns_how_to_test_a_client() {
    for args in [&[][..], &["ws://127.0.0.1:1/", "--listen", "0"], &["--json"]] {
        let (code, _, stderr) = check(args);
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        let usage = stderr.split("Usage:").nth(1).unwrap();
        assert!(usage.contains("<URL>") && usage.contains("--listen <ADDR>"), "{args:?}: {stderr}");
    }
}

#[test]
fn attacks_are_listed_only_with_their_flag() {
    let (code, listed, _) = check(&["--list", "--attack", "--only", "attack"]);
    assert_eq!(code, Some(0));
    let ids: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(ids.len() > 10 && ids.iter().all(|id| id.starts_with("attack/")), "{listed}");
    assert!(!check(&["--list"]).1.contains("attack/"));
}

/// That nothing could be found out is neither a success nor a failure of the server.
#[test]
fn an_endpoint_that_cannot_be_reached_is_inconclusive() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, stdout, stderr) = check(&[&format!("ws://{unused}/")]);
    assert_eq!((code, stdout.as_str()), (Some(3), ""));
    assert!(stderr.contains("nothing ran"), "{stderr}");
}

#[test]
fn wrong_arguments_are_said_before_anything_runs() {
    for (args, word) in [
        (&["ws://127.0.0.1:1/", "--only", "nothing/like/this"][..], "--list"),
        (&["ws://127.0.0.1:1/", "--insecure"], "wss://"),
        (&["ws://127.0.0.1:1/", "--echo-path", "echo"], "slash"),
        (&["ws://127.0.0.1:1/", "--baseline", "/nonexistent"], "--baseline"),
        (&["ws://127.0.0.1:1/", "--html", "/nonexistent/report.html"], "--html"),
        (&["ws://127.0.0.1:1/", "--junit", "/nonexistent/report.xml"], "--junit"),
        (&["ws://127.0.0.1:1/", "--proxy", "socks4://127.0.0.1:1"], "socks5://"),
        (&["ws://127.0.0.1:1/", "--proxy", "http://127.0.0.1:1", "--no-proxy"], "--no-proxy"),
        (&["--listen", "0", "--no-proxy"], "--no-proxy"),
        (&["ftp://127.0.0.1/"], "WebSocket URL"),
        (&["--listen", "0", "ws://127.0.0.1:1/"], "--listen"),
        (&["--listen", "0", "--jobs", "2"], "--jobs"),
        (&["--listen", "0", "--cert", "/nonexistent", "--key", "/nonexistent"], "/nonexistent"),
        (&["ws://127.0.0.1:1/", "--idle", "5s"], "--idle"),
        (&["ws://127.0.0.1:1/", "--only", "attack/bomb"], "--attack"),
        (&["ws://192.0.2.1:1/", "--attack"], "--i-own-this-host"),
        (&["ws://127.0.0.1:1/", "--attack", "--proxy", "http://127.0.0.1:2"], "--i-own-this-host"),
        (&["ws://127.0.0.1:1/", "--attack", "--pid", "4294967295"], "--pid"),
        (&["ws://127.0.0.1:1/", "--pid", "1"], "--attack"),
        (&["--listen", "0", "--attack"], "--listen"),
    ] {
        let (code, _, stderr) = check(args);
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(word), "{args:?}: {stderr}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_ends_with_2_behind_the_others() {
    let server = Serving::begin();
    let url = format!("ws://127.0.0.1:{}/echo", server.1);
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("a.html").to_str().unwrap().to_owned();
    let reports = ["--junit", "/dev/full", "--html", &page];
    let (code, shown, stderr) = check(&[&[&*url, "--only", "6455/5.5/ping-126"], &reports[..]].concat());
    assert_eq!(code, Some(2), "{shown} {stderr}");
    assert!(stderr.contains("cannot write /dev/full: "), "{stderr}");
    assert!(std::fs::read_to_string(&page).unwrap().contains("6455/5.5/ping-126"));
}

/// The case is one for clients of any kind, so this one has no library: a ping comes, and a pong goes back.
#[test]
fn a_client_is_tested_where_the_program_listens() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
    command.args(["check", "--listen", "0", "--only", "6455/5.5.3/ping-1", "--json"]);
    let mut checking =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(checking.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.ends_with("with 1 case\n"), "{line}");
    let address = line.split("ws://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET /?agent=by-hand HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    client.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        response.extend(byte);
    }
    let mut ping = [0; 3];
    client.read_exact(&mut ping).unwrap();
    assert_eq!(ping, *b"\x89\x01a");
    client.write_all(b"\x8a\x81\0\0\0\0a\x88\x82\0\0\0\0\x03\xe8").unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"\x88\x02\x03\xe8");
    let Output { status, stdout, .. } = checking.wait_with_output().unwrap();
    let report = String::from_utf8(stdout).unwrap();
    assert!(report.contains("\"software\": \"by-hand\"") && report.contains("\"pass\": 1"), "{report}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_run_to_which_no_client_comes_is_inconclusive() {
    let (code, stdout, stderr) = check(&["--listen", "0", "--idle", "10ms"]);
    assert_eq!((code, stdout.as_str()), (Some(3), ""));
    assert!(stderr.contains("nothing ran"), "{stderr}");
}
