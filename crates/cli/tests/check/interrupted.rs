//! What is shown while a run goes on, and when it is interrupted. Signals are those of Unix.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::serving::{Serving, relay};

/// Forwards the first connections to the port, and holds the one after them. Says when that has come.
fn hold_after(count: usize, port: u16) -> (u16, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let (held, holds) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().by_ref().take(count) {
            let client = stream.unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            relay(client, server);
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

/// Regression: a run that was interrupted before a client had come printed nothing, which is not a JSON document.
#[test]
fn a_run_to_which_no_client_has_come_yet_is_a_report_too() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
    command.args(["check", "--listen", "0", "--json"]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    assert_eq!(status.code(), Some(130));
    let report: Value = serde_json::from_slice(&stdout).unwrap();
    assert_eq!(report["cases"].as_array().unwrap().len(), 0, "{report:#}");
    assert!(report["not_run"].as_u64().unwrap() > 500 && report["still_serves"].is_null(), "{report:#}");
}
