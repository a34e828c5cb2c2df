//! Signals that ask the program to end.

use std::io::Read as _;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use longwire_wire::RawFrame;

use crate::forms::opening;
use crate::program::{Running, run, serve, serve_with};

#[test]
fn each_signal_closes_with_1001() {
    for signal in ["INT", "TERM", "HUP"] {
        let (told, tells) = channel::<u16>();
        let address = serve_with(move |mut socket| {
            let told = told.clone();
            async move {
                assert!(socket.recv().await?.is_none());
                told.send(socket.closed().code.into()).unwrap();
                Ok(())
            }
        });
        for (how, open) in [("--verbose", "* open"), ("--reconnect", "connected")] {
            let mut client = Running::start(&["connect", &address.to_string(), how]);
            let _open = client.stdin();
            let mut shown = client.stderr();
            assert!(shown.any(|line| line.unwrap().contains(open)));
            client.signal(signal);
            assert_eq!(tells.recv().unwrap(), 1001, "{signal} {how}");
            assert_eq!(client.end().0, Some(0), "{signal} {how}");
        }
    }
}

#[test]
fn a_client_that_is_not_connected_ends_as_interrupted() {
    let mut client = Running::start_without_input(&["connect", "ws://127.0.0.1:1", "--reconnect"]);
    let mut told = client.stderr();
    assert_eq!(told.next().unwrap().unwrap(), "connecting, try 1");
    client.signal("TERM");
    assert_eq!(client.end().0, Some(130));
}

/// Regression: it ended the server, and every client with 1006.
#[test]
fn a_hang_up_does_not_end_a_server_without_a_certificate() {
    let (mut server, _) = serve(&["--listen", "127.0.0.1:0"]);
    let mut told = server.stderr();
    server.signal("HUP");
    let line = told.next().unwrap().unwrap();
    assert!(line.contains("there is no certificate to reload"), "{line}");
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}

/// Regression: a second signal ended the program before it had written how the connection ended.
#[test]
fn a_second_signal_loses_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let (closing, closes) = channel();
    let (_keep, kept) = channel::<()>();
    let url = opening(move |stream| {
        let close = RawFrame::read_from(stream).unwrap();
        closing.send(close.close_code()).unwrap();
        // It does not answer.
        let _test_ended = kept.recv();
    });
    let mut client = Running::start(&["connect", &url, "--json", "-v", "--record", path.to_str().unwrap()]);
    let _open = client.stdin();
    let mut shown = client.stderr();
    assert!(shown.any(|line| line.unwrap().contains("* open")));
    client.signal("INT");
    assert_eq!(closes.recv().unwrap(), Some(1001));
    client.signal("INT");
    let (code, printed, _) = client.end();
    assert_eq!(code, Some(130));
    assert!(printed.contains("\"sent\"") && printed.contains("\"code\":1001"), "{printed}");
    let output = run(&["show", path.to_str().unwrap()], b"");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("* closed by the client, not answered: 1001"), "{shown}");
}

/// Regression: the second signal waited for a print that waited for the reader of the pipe.
#[test]
fn a_second_signal_ends_a_client_whose_output_nobody_reads() {
    let (closing, closes) = channel::<u16>();
    let address = serve_with(move |mut socket| {
        let closing = closing.clone();
        async move {
            // Longer than any pipe.
            socket.send("x".repeat(4 << 20)).await?;
            assert!(socket.recv().await?.is_none());
            closing.send(socket.closed().code.into()).unwrap();
            Ok(())
        }
    });
    let mut client = Running::start(&["connect", &address.to_string(), "--json"]);
    let _open = client.stdin();
    let mut output = client.0.stdout.take().unwrap();
    // From now on the client is printing, and waits for somebody who reads.
    output.read_exact(&mut [0]).unwrap();
    client.signal("INT");
    assert_eq!(closes.recv().unwrap(), 1001);
    client.signal("INT");
    let (ending, ends) = channel();
    thread::spawn(move || ending.send(client.end().0).unwrap());
    assert_eq!(ends.recv_timeout(Duration::from_secs(60)), Ok(Some(130)));
}

/// What an interrupted replay prints and says, in the pace of the answers. The server answers with `answers` to the first
/// message; the signal comes after the next one. Of `recorded`, each begins with its direction.
fn interrupted_replay(recorded: &[&str], answers: &'static [&'static str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let message = |recorded: &&str| {
        let (mark, data) = recorded.split_at(1);
        let kind = if mark == ">" { "send" } else { "receive" };
        format!(r#"{{"type":"{kind}","time":1,"opcode":1,"data":"{data}"}}"#)
    };
    let messages: Vec<String> = recorded.iter().map(message).collect();
    let har = format!(r#"{{"log":{{"entries":[{{"_webSocketMessages":[{}]}}]}}}}"#, messages.join(","));
    std::fs::write(&path, har).unwrap();
    let (told, tells) = channel();
    let address = serve_with(move |mut socket| {
        let told = told.clone();
        async move {
            socket.recv().await?;
            for answer in answers {
                socket.send(*answer).await?;
            }
            // It follows the answers.
            socket.recv().await?;
            told.send(()).unwrap();
            socket.recv().await.map(drop)
        }
    });
    let args = ["replay", path.to_str().unwrap(), &address.to_string(), "--pace", "answers", "--wait", "60"];
    let replay = Running::start_without_input(&args);
    tells.recv().unwrap();
    replay.signal("INT");
    let (code, printed, said) = replay.end();
    assert_eq!(code, Some(130), "{said}");
    (printed, said)
}

/// Regression: an interrupted replay did not say what it had found.
#[test]
fn an_interrupted_replay_shows_what_it_has_compared() {
    let (printed, said) = interrupted_replay(&[">x", "<x", ">y", "<y"], &["another"]);
    assert_eq!(printed, "     1 - x\n     1 + another\n0 as recorded · 1 missing · 1 new\n");
    assert!(said.ends_with("longwire: interrupted after 1 of 2 recorded answers\n"), "{said}");
}

/// Regression: after a message that was missing, one that arrived was shown as new.
#[test]
fn an_interrupted_replay_shows_only_differences() {
    let recorded = [">x", "<a", "<b", ">y", "<c", "<d", "<e"];
    let (printed, said) = interrupted_replay(&recorded, &["b", "c"]);
    assert_eq!(printed, "     1 - a\n2 as recorded · 1 missing · 0 new\n");
    assert!(said.ends_with("longwire: interrupted after 2 of 5 recorded answers\n"), "{said}");
}
