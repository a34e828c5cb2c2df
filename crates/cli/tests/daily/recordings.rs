//! Recording, showing and replaying.

use std::io::Write;
use std::path::{Path, PathBuf};

use longwire::Message;
use tempfile::TempDir;

use crate::program::{Running, echo, longwire, run, serve_with};

/// A recording of `hello` and a binary message, and their echoes.
fn recorded() -> (TempDir, PathBuf) {
    let (_server, url) = echo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let input = b"{\"data\":\"hello\"}\n{\"opcode\":\"binary\",\"data\":\"AP8=\"}\n";
    let secret = "Authorization: Bearer swordfish";
    let args = ["connect", &url, "--json", "--record", text(&path), "-H", secret, "--count", "2"];
    let output = run(&args, input);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn shown(path: &Path, flags: &[&str]) -> String {
    let output = run(&[&["show", text(path)], flags].concat(), b"");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_was_recorded_is_shown_without_secrets() {
    let (_folder, path) = recorded();
    let shown = shown(&path, &["--headers"]);
    for expected in [
        "/echo · 101 · ",
        "4 messages, 14 bytes",
        " > hello",
        " < hello",
        " > <2 bytes: 00 ff>",
        "> authorization: (redacted)",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!std::fs::read_to_string(&path).unwrap().contains("swordfish"));
}

#[test]
fn a_replay_against_the_same_server_has_no_differences() {
    let (_folder, path) = recorded();
    let (_server, url) = echo();
    for pace in ["clock", "answers", "max"] {
        let output = run(&["replay", text(&path), &url, "--pace", pace, "--wait", "60"], b"");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "2 as recorded · 0 missing · 0 new\n");
    }
}

#[test]
fn a_replay_shows_what_differs() {
    let (_folder, path) = recorded();
    let address = serve_with(async |mut socket| {
        while let Some(message) = socket.recv().await? {
            let answer = match message {
                Message::Text(text) => Message::from(text.to_uppercase()),
                binary => binary,
            };
            socket.send(answer).await?;
        }
        Ok(())
    });
    let url = format!("ws://{address}");
    let output = run(&["replay", text(&path), &url, "--wait", "60"], b"");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let expected = "     1 - hello\n     1 + HELLO\n1 as recorded · 1 missing · 1 new\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let output = run(&["replay", text(&path), &url, "--wait", "60", "--ignore", "(?i)hello"], b"");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_replay_ends_if_answers_stay_away() {
    let (_folder, path) = recorded();
    let address = serve_with(async |mut socket| {
        while socket.recv().await?.is_some() {}
        Ok(())
    });
    let output = run(&["replay", text(&path), &format!("ws://{address}"), "--wait", "0.3"], b"");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("0 as recorded · 2 missing · 0 new\n"));
}

/// Regression: a text with parentheses left nothing out, and nothing said why.
#[test]
fn what_is_left_out_can_be_named_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let message = r#"{"type":"receive","time":1,"opcode":1,"data":"price (41)"}"#;
    let har = format!(r#"{{"log":{{"entries":[{{"_webSocketMessages":[{message}]}}]}}}}"#);
    std::fs::write(&path, har).unwrap();
    let address = serve_with(async |mut socket| {
        socket.send("pric").await?;
        while socket.recv().await?.is_some() {}
        Ok(())
    });
    let url = address.to_string();
    let replay = |flags: &[&str]| {
        let output = run(&[&["replay", text(&path), &url, "--wait", "60"], flags].concat(), b"");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = replay(&["--ignore", "e (41)"]);
    assert_eq!(code, Some(1));
    let hint =
        "longwire: --ignore e (41) matched nothing; a message has it as it is, so --fixed would find it\n";
    assert!(said.ends_with(hint), "{said}");
    let (code, said) = replay(&["--ignore", "{41"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("--ignore is not a regular expression (--fixed takes it as it is):\n"), "{said}");
    assert_eq!(replay(&["--ignore", "e (41)", "-F"]).0, Some(0));
}

/// Regression: the answers were as recorded, although half of the messages had not been sent.
#[test]
fn a_replay_that_the_server_ends_before_everything_is_sent_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let message =
        |kind: &str, time: u32| format!(r#"{{"type":"{kind}","time":{time},"opcode":1,"data":"x"}}"#);
    // The last message would be sent after a day.
    let messages = [message("send", 1), message("receive", 1), message("send", 86_400)].join(",");
    let har = format!(r#"{{"log":{{"entries":[{{"_webSocketMessages":[{messages}]}}]}}}}"#);
    std::fs::write(&path, har).unwrap();
    let address = serve_with(async |mut socket| {
        if let Some(message) = socket.recv().await? {
            socket.send(message).await?;
        }
        socket.close(longwire::CloseCode::NORMAL, "").await.map(drop)
    });
    let output = run(&["replay", text(&path), &format!("ws://{address}")], b"");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("1 as recorded · 0 missing"));
}

/// A server that sends "price", and closes with this code and reason.
fn closing(code: u16, reason: &'static str) -> String {
    let address = serve_with(move |mut socket| async move {
        socket.send("{\"DE\":41,\"text\":\"(a)\"}").await?;
        socket.close(code, reason).await.map(drop)
    });
    address.to_string()
}

/// Regression: a recording did not tell how its connection had ended.
#[test]
fn a_recording_tells_how_its_connection_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let (_server, echo) = echo();
    let cut = serve_with(async |socket| {
        drop(socket);
        Ok(())
    });
    for (url, flags, end) in [
        (closing(4000, "bye"), &["--at-end", "stay"][..], "* closed by the server: 4000: bye\n"),
        (echo.clone(), &["--json"], "* closed by the client: 4321: see you\n"),
        (echo, &["-x", "hi"], "* closed by the client: 1000 (normal closure)\n"),
        (cut.to_string(), &["--at-end", "stay"], "* closed by the server"),
    ] {
        let input = b"{\"opcode\":\"close\",\"code\":4321,\"reason\":\"see you\"}\n";
        let input = if flags == ["--json"] { &input[..] } else { b"" };
        run(&[&["connect", &url, "--record", text(&path), "--overwrite"], flags].concat(), input);
        let shown = shown(&path, &[]);
        assert!(shown.contains(end), "{end}: {shown}");
    }
}

#[test]
fn a_replay_compares_how_the_server_closes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    run(&["connect", &closing(4000, "bye"), "--record", text(&path), "--at-end", "stay"], b"");
    let replayed = |url: &str, wait: &str| {
        let output = run(&["replay", text(&path), url, "--wait", wait], b"");
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let same = (Some(0), "1 as recorded · 0 missing · 0 new\n".to_owned());
    assert_eq!(replayed(&closing(4000, "bye"), "60"), same);
    let other = "   end - closed by the server: 4000: bye\n   end + closed by the server: 4001: bye\n";
    let (code, shown) = replayed(&closing(4001, "bye"), "60");
    assert!(code == Some(1) && shown.starts_with(other), "{shown}");
    let open = serve_with(async |mut socket| {
        socket.send("{\"DE\":41,\"text\":\"(a)\"}").await?;
        socket.recv().await.map(drop)
    });
    let (code, shown) = replayed(&open.to_string(), "3");
    assert!(code == Some(1) && shown.starts_with("   end - closed by the server: 4000: bye\n1 "), "{shown}");
}

/// Regression: JSON was shown with spaces that the message does not have, so a copy did not match it.
#[test]
fn what_is_copied_from_the_screen_matches_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    run(&["connect", &closing(1000, ""), "--record", text(&path), "--at-end", "stay"], b"");
    let all = shown(&path, &[]);
    let copied = all.lines().nth(1).unwrap().split_once("< ").unwrap().1;
    assert_eq!(copied, "{\"DE\":41,\"text\":\"(a)\"}");
    let pattern = copied.replace(['{', '}', '(', ')'], ".");
    assert_eq!(shown(&path, &["--grep", &pattern]), all);
}

#[test]
fn a_recording_without_messages_says_why_it_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("firefox.har");
    let entry = r#"{"request":{"url":"wss://a.example/feed"},"response":{"status":101}}"#;
    std::fs::write(&path, format!(r#"{{"log":{{"entries":[{entry}]}}}}"#)).unwrap();
    assert!(
        shown(&path, &[]).contains("(the file has no messages of this connection; Firefox exports none)")
    );
    let output = run(&["replay", text(&path), "ws://127.0.0.1:1"], b"");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("Firefox exports none"));
}

#[test]
fn an_existing_recording_is_replaced_only_if_asked_for() {
    let (_server, url) = echo();
    let (_folder, path) = recorded();
    let before = std::fs::read(&path).unwrap();
    let args = ["connect", &url, "--count", "1", "--record", text(&path)];
    let output = run(&args, b"again\n");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("exists already; --overwrite replaces it"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(run(&[&args[..], &["--overwrite"]].concat(), b"again\n").status.success());
    assert!(shown(&path, &[]).contains("> again"));
}

#[cfg(unix)]
#[test]
fn a_write_that_fails_leaves_what_was_recorded_before() {
    let (_server, url) = echo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    // The system takes 8 KiB of a file and then refuses, as if the disk were full.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
    let (program, long) = (env!("CARGO_BIN_EXE_longwire"), "y".repeat(20_000));
    let output = std::process::Command::new("sh")
        .args(["-c", script, program, "connect", &url, "--record", text(&path), "--count", "2"])
        .args(["-x", "before", "-x", &long])
        .env("NO_PROXY", "*")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("the rest is not recorded"), "{output:?}");
    assert!(shown(&path, &[]).contains("> before"));
}

#[test]
fn nothing_is_lost_when_a_recording_program_is_killed() {
    let (_server, url) = echo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("killed.har");
    let mut client = Running::start(&["connect", &url, "--record", text(&path)]);
    let (mut says, mut hears) = (client.stdin(), client.stdout());
    writeln!(says, "one").unwrap();
    assert_eq!(hears.next().unwrap().unwrap(), "one");
    client.signal("KILL");
    client.0.wait().unwrap();
    assert!(shown(&path, &[]).contains("2 messages, 6 bytes"));
}

#[test]
fn what_is_no_recording_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    std::fs::write(&path, "hello").unwrap();
    let (_folder, recording) = recorded();
    for (args, code, said) in [
        (&["show", text(&path)][..], 1, "a.har: this is not a HAR file: expected value at line 1"),
        (&["show", "/nonexistent.har"], 1, "cannot read /nonexistent.har"),
        (
            &["replay", text(&recording), "1", "--pace", "max", "--speed", "2"],
            2,
            "--speed has an effect with --pace clock only",
        ),
        (&["show", text(&recording), "--entry", "2"], 2, "--entry 2: there is only 1 connection in"),
        (&["replay", text(&recording), "ws://127.0.0.1:1"], 3, "cannot connect to 127.0.0.1:1"),
    ] {
        let output = run(args, b"");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(said), "{args:?}: {text}");
    }
}

/// A reader that has seen enough closes the pipe.
#[test]
fn a_closed_pipe_is_no_failure() {
    let (_folder, recording) = recorded();
    for args in [&["show", text(&recording)][..], &["completions", "bash"], &["config", "example"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut program = longwire(args);
        let output = program.stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{args:?}");
    }
}
