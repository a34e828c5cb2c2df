//! Exit codes, and what is said.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use longwire::{Message, Server, WebSocket};

use crate::program::{load, longwire, serve, text};

#[test]
fn a_condition_that_is_true_fails_the_run() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    let output =
        load(&[&url, "--rate", "10", "--for", "1s", "--fail-if", "rate < 1000000", "--fail-if", "lost > 0"]);
    // Exit code 3 comes first, if the machine was too slow to judge: a slow generator lowers the rate.
    let said = text(&output.stderr);
    match output.status.code() {
        Some(1) => assert!(said.contains("failed: rate < 1000000: it is 10"), "{said}"),
        code => {
            assert_eq!(code, Some(3), "{said}");
            assert!(said.contains("no verdict: rate < 1000000: it is 10, which the generator may"), "{said}");
        }
    }
    assert!(!said.contains("lost > 0"), "{said}");
}

#[test]
fn an_endpoint_that_cannot_be_reached_fails_and_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    drop(listener);
    let output = load(&[&url, "--for", "1s"]);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("error       10 × connect: connection refused"), "{printed}");
}

#[test]
fn what_the_server_does_wrong_fails_the_run_however_late_the_generator_was() {
    let (arrived, _untold) = mpsc::channel();
    let url = format!("ws://{}/", echo(arrived, |_| "another".into()));
    // No program sends so many a second, so the generator is the bottleneck.
    let late = [&*url, "--rate", "2M", "--for", "100ms", "--timeout", "2s"];
    let output = load(&late);
    let printed = text(&output.stdout);
    assert!(printed.contains("The generator was the bottleneck, but it cannot have caused"), "{printed}");
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let fail_if = |conditions: &[&str]| {
        let conditions: Vec<&str> =
            conditions.iter().flat_map(|condition| ["--fail-if", condition]).collect();
        load(&[&late[..], &conditions].concat())
    };
    let output = fail_if(&["rate < 10M"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no verdict: rate < 10M: it is "), "{}", text(&output.stderr));
    let output = fail_if(&["rate < 10M", "unexpected > 0"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
fn what_holds_although_the_generator_was_late_passes() {
    let (arrived, _untold) = mpsc::channel();
    let url = format!("ws://{}/", echo(arrived, |message| message));
    // No program sends so many a second, so the generator is the bottleneck.
    let late = [&*url, "--rate", "2M", "--for", "50ms", "--timeout", "60s"];
    let output = load(&late);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("no verdict on the server: the generator was the bottleneck"), "{said}");
    let output = load(&[&late[..], &["--fail-if", "lost > 0", "--fail-if", "p99 > 1m"]].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("passed although the generator was the bottleneck"), "{said}");
}

#[test]
fn an_endpoint_that_is_no_echo_gets_a_hint() {
    let (arrived, _untold) = mpsc::channel();
    let url = format!("ws://{}/", echo(arrived, |_| "another".into()));
    let args = [&*url, "--rate", "50", "--for", "200ms", "--timeout", "1s"];
    let said = text(&load(&args).stderr);
    assert!(said.contains("the endpoint is not an echo; with --check any"), "{said}");
    let said = text(&load(&[&args[..], &["--check", "any"]].concat()).stderr);
    assert!(!said.contains("--check any"), "{said}");
}

#[test]
fn a_limit_on_the_latency_is_not_kept_where_no_answer_came() {
    let (arrived, _untold) = mpsc::channel();
    let url = format!("ws://{}/", echo(arrived, |_| "another".into()));
    let output =
        load(&[&url, "--rate", "50", "--for", "200ms", "--timeout", "1s", "--fail-if", "p99 > 50ms"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("failed: p99 > 50ms: nothing was measured of it"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_ends_with_2_behind_the_others_and_the_verdict() {
    let (arrived, _untold) = mpsc::channel();
    let url = format!("ws://{}/", echo(arrived, |_| "another".into()));
    let dir = tempfile::tempdir().unwrap();
    let [html, hgrm] = ["a.html", "a.hgrm"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let shape = [&*url, "--rate", "50", "--for", "200ms", "--timeout", "1s", "--fail-if", "unexpected > 0"];
    let reports = ["--json", "/dev/full", "--html", &html, "--hgrm", &hgrm];
    let output = load(&[&shape[..], &reports].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("failed: unexpected > 0: it is "), "{said}");
    assert!(said.contains("cannot write /dev/full: "), "{said}");
    assert!(std::fs::read_to_string(&html).unwrap().ends_with("</html>\n"));
    // No answer was as expected, and the times of handshakes are not those of answers.
    let percentiles = std::fs::read_to_string(&hgrm).unwrap();
    assert!(percentiles.contains(&format!("Total count    = {:12}]", 0)), "{percentiles}");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut printing = longwire(&[&["load"], &shape[..]].concat());
    let output = printing.stdin(Stdio::null()).stdout(full).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("failed: unexpected > 0: it is "), "{said}");
}

#[test]
fn a_storm_gets_as_many_descriptors_as_it_has_handshakes_at_a_time() {
    // The system accepts connections for the listener, which answers none of them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let script = r#"ulimit -S -n 100 && exec "$0" load "$@""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_longwire"), &url, "--workload", "storm", "--depth", "1"]);
    shell.args(["--together", "400", "--for", "100ms", "--timeout", "500ms"]);
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let printed = text(&output.stdout);
    assert!(printed.contains(": timed out"), "{printed} {}", text(&output.stderr));
    assert!(!printed.contains("open files"), "{printed}");
}

#[test]
fn what_can_hurt_needs_to_be_asked_for() {
    for args in [
        &["ws://127.0.0.1:9/", "--connections", "1001"][..],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--rate", "1001"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--depth", "1", "--together", "1001"],
        &["ws://127.0.0.1:9/", "--connections", "20", "--reopen=10ms"],
    ] {
        let output = load(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("--many"), "{}", text(&output.stderr));
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for args in [
        &["ws://127.0.0.1:9/", "--workload", "idle", "--rate", "5"][..],
        &["ws://127.0.0.1:9/", "--workload", "idle", "--stage", "1s:5"],
        &["ws://127.0.0.1:9/", "--workload", "idle", "--binary"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--check", "any"],
        &["ws://127.0.0.1:9/", "--workload", "idle", "--size", "64"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--size", "125"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "-c", "500"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--together", "5"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--ramp-up", "1s"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--depth", "2"],
        &["ws://127.0.0.1:9/", "--workload", "fan-out", "--depth", "1", "--think", "1s"],
        &["ws://127.0.0.1:9/", "--workload", "fan-out", "--connections", "3", "--channels", "4"],
        &["ws://127.0.0.1:9/", "--depth", "1", "--spin"],
        &["ws://127.0.0.1:9/", "--rate", "0"],
        &["ws://127.0.0.1:9/", "--stage", "5s:0", "--stage", "0s:100"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--rate", "0"],
        &["ws://127.0.0.1:9/", "--fail-if", "fan_out.p99 > 1s"],
        &["ws://127.0.0.1:9/", "--fail-if", "tls.p99 > 1s"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--fail-if", "lost > 0"],
        &["ws://127.0.0.1:9/", "--workload", "idle", "--fail-if", "rate < 5"],
        &["ws://127.0.0.1:9/", "--json", "/nowhere/a.json"],
        &["ws://127.0.0.1:9/", "--html", "/nowhere/a.html"],
        &["ws://127.0.0.1:9/", "--hgrm", "/"],
        &["ws://127.0.0.1:9/", "--channel", "a", "--workload", "echo"],
        &["ws://127.0.0.1:9/", "--channel", "a", "--check", "any"],
        &["ws://127.0.0.1:9/", "--channels", "2"],
        &["ws://127.0.0.1:9/", "--insecure"],
        &["ws://127.0.0.1:9/", "--messages", "/nowhere"],
        &["ws://127.0.0.1:9/", "--compare", "/nowhere"],
        &["ws://127.0.0.1:9/", "--workload", "storm", "--reopen"],
        &["ftp://127.0.0.1:9/"],
        &["ws://me:secret@127.0.0.1:9/"],
    ] {
        let output = load(&[args, &["--timeout", "1s"]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("secret"));
    }
}

#[test]
fn an_interruption_prints_what_was_measured() {
    let (arrived, arrivals) = mpsc::channel();
    let address = echo(arrived, |message| message);
    let mut program = longwire(&["load", &format!("ws://{address}/"), "--rate", "100", "--for", "10m"]);
    let running = program.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    // It measures now.
    arrivals.iter().take(50).for_each(drop);
    let pid = running.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    let output = running.wait_with_output().unwrap();
    let printed = text(&output.stdout);
    assert!(printed.starts_with("stopped early: "), "{printed} {}", text(&output.stderr));
    assert!(printed.contains("round trip  p50 "), "{printed}");
}

/// A server in this process, which tells of every message, and answers it.
fn echo(arrived: mpsc::Sender<()>, answer: fn(Message) -> Message) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let address = server.local_addr();
    let handler = move |mut socket: WebSocket| {
        let arrived = arrived.clone();
        async move {
            while let Some(message) = socket.recv().await? {
                // The test may have seen enough.
                let _unread = arrived.send(());
                socket.send(answer(message)).await?;
            }
            Ok(())
        }
    };
    std::thread::spawn(move || runtime.block_on(server.serve(handler)));
    address
}
