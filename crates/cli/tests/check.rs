//! `longwire check`: exit codes, and what is said.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

fn check(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
    let Output { status, stdout, stderr } =
        command.arg("check").args(args).stdin(Stdio::null()).output().unwrap();
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
        (&["ws://127.0.0.1:1/", "--proxy", "socks5://127.0.0.1:1"], "HTTP proxy"),
        (&["ftp://127.0.0.1/"], "WebSocket URL"),
    ] {
        let (code, _, stderr) = check(args);
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(word), "{args:?}: {stderr}");
    }
}
