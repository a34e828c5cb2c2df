//! `longwire check`: exit codes, and what is said.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
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
        (&["ws://127.0.0.1:1/", "--proxy", "socks5://127.0.0.1:1"], "HTTP proxy"),
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

/// Signals are those of Unix.
#[cfg(unix)]
mod interrupted {
    use std::io::{self, BufRead as _, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::process::{Child, Command, Output, Stdio};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use serde_json::Value;

    /// `longwire serve` on its own port. It is killed at the end of the test.
    struct Serving(Child, u16);

    impl Serving {
        fn begin() -> Serving {
            let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
            command.args(["serve", "--workers", "1", "--listen", "127.0.0.1:0"]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let page = lines.by_ref().map(Result::unwrap).find(|line| line.contains("  page ")).unwrap();
            // The server may go on writing.
            thread::spawn(move || lines.for_each(drop));
            let port = page.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
            Serving(child, port)
        }
    }

    impl Drop for Serving {
        fn drop(&mut self) {
            // It may have ended already.
            let _ended = self.0.kill().and_then(|()| self.0.wait().map(drop));
        }
    }

    /// Forwards the first connections to the port, and holds the one after them. Says when that has come.
    fn hold_after(count: usize, port: u16) -> (u16, mpsc::Receiver<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let (held, holds) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().by_ref().take(count) {
                let client = stream.unwrap();
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                for (mut from, mut to) in
                    [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
                {
                    thread::spawn(move || {
                        // Either side may end the connection as it likes.
                        let _copied = io::copy(&mut from, &mut to);
                        let _ended = to.shutdown(std::net::Shutdown::Write);
                    });
                }
            }
            held.send(listener.accept().unwrap().0).unwrap();
        });
        (own, holds)
    }

    /// A pipeline shows nothing for a while otherwise.
    #[test]
    fn without_a_terminal_each_family_has_a_line_when_it_has_ended() {
        let serving = Serving::begin();
        let url = format!("ws://127.0.0.1:{}/echo", serving.1);
        let chosen = ["--only", "masking", "--only", "6455/5.5/ping-126", "--only", "attack/slow-handshake"];
        let run = |more: &[&str]| {
            let args = [&[url.as_str(), "--attack", "--attack-time", "100ms"], &chosen[..], more].concat();
            super::check(&args)
        };
        let (code, _, stderr) = run(&[]);
        assert_eq!(code, Some(0), "{stderr}");
        for line in ["masking: 28 of 28", "control: 1 of 1", "attack/slow-handshake: pass"] {
            assert!(stderr.lines().any(|shown| shown == line), "{line}: {stderr}");
        }
        assert_eq!(run(&["-q"]).2, "");
    }

    /// The cases that have ended are a report, too.
    #[test]
    fn an_interrupted_run_shows_its_results() {
        let serving = Serving::begin();
        // Three connections measure the endpoint; two cases end, and the third one never does.
        let (port, holds) = hold_after(5, serving.1);
        let url = format!("ws://127.0.0.1:{port}/echo");
        let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
        command.args([
            "check",
            &url,
            "--only",
            "control",
            "--jobs",
            "1",
            "--patience",
            "60",
            "--json",
            "--grade",
        ]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let _held = holds.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let Output { status, stdout, .. } = child.wait_with_output().unwrap();
        assert_eq!(status.code(), Some(130));
        let report: Value = serde_json::from_slice(&stdout).unwrap();
        assert_eq!(report["cases"].as_array().unwrap().len(), 2, "{report:#}");
        assert!(report["not_run"].as_u64().unwrap() > 20 && report["still_serves"].is_null(), "{report:#}");
        assert_eq!(report["grade"], "A", "{report:#}");
    }
}
