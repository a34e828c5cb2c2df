//! How a connection ended, as the exit code says it.

use std::io::Write as _;

use longwire::{CloseCode, Message};

use crate::program::{Running, echo, run, serve_with};

/// The exit code, and what was said on standard error.
fn outcome(args: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let output = run(&[&["connect"], args].concat(), input);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_expected_message_ends_with_0() {
    let (_server, url) = echo();
    let args = [
        "connect",
        &url,
        "-x",
        "first",
        "-x",
        "{\"ok\":true}",
        "--expect",
        "\"ok\": *true",
        "--timeout",
        "60",
    ];
    let output = run(&args, b"");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "first\n{\"ok\":true}\n");
}

#[test]
fn without_the_expected_message_the_code_is_8() {
    let (_server, url) = echo();
    let said = "longwire: no message matched nothing\n";
    for end in [&["--wait", "0.2"][..], &["--count", "1"], &["--timeout", "1"], &["--at-end", "close"]] {
        let args = [&["ws://", "-x", "hello", "--expect", "nothing"][..], end].concat();
        let url = format!("ws://{url}");
        let args: Vec<&str> = args.iter().map(|arg| if *arg == "ws://" { &url } else { *arg }).collect();
        assert_eq!(outcome(&args, b""), (Some(8), said.into()), "{end:?}");
    }
}

#[test]
fn a_connection_that_does_not_end_in_time_ends_with_7() {
    let (_server, url) = echo();
    let (code, said) = outcome(&[&url, "--at-end", "stay", "--timeout", "0.5"], b"hello\n");
    assert_eq!(code, Some(7));
    assert!(said.ends_with("longwire: the connection has not ended within 0.5 s\n"), "{said}");
}

#[test]
fn what_failed_is_told_by_the_code() {
    let (_server, url) = echo();
    let (host, _) = url.split_once('/').unwrap();
    let secure = format!("wss://{host}/echo");
    let nowhere = format!("ws://{host}/nowhere");
    let closing = serve_with(async |mut socket| {
        socket.close(CloseCode::from(4000), "enough").await?;
        Ok(())
    });
    let closing = format!("ws://{closing}");
    for (args, expected) in [
        (&["ws://127.0.0.1:1"][..], 3),
        (&["ws://nowhere.invalid"], 3),
        (&[&secure], 4),
        (&[&nowhere], 5),
        (&[&closing], 1),
    ] {
        let (code, said) = outcome(args, b"");
        assert_eq!(code, Some(expected), "{args:?}: {said}");
    }
}

#[test]
fn messages_wait_for_the_end_of_the_input_and_beyond() {
    // Its answer comes only after the input has ended.
    let address = serve_with(async |mut socket| {
        while let Some(message) = socket.recv().await? {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            socket.send(Message::from(format!("late {message}"))).await?;
        }
        Ok(())
    });
    let output = run(&["connect", &format!("ws://{address}"), "--wait", "30", "--count", "1"], b"answer\n");
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"late answer\n"[..]));
}

#[test]
fn a_program_runs_for_each_message() {
    let (_server, url) = echo();
    let output = run(&["connect", &url, "--count", "2", "--exec", "tr", "a-z", "A-Z"], b"one\ntwo $HOME\n");
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"ONETWO $HOME"[..]));
    let output = run(&["connect", &url, "--count", "1", "--exec", "printf", "%s|", "{}"], b"a b;c\n");
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"a b;c|"[..]));
    let (code, said) = outcome(&[&url, "--count", "1", "--exec", "false"], b"x\n");
    assert_eq!(code, Some(1));
    assert!(said.contains("longwire: false failed: exit status: 1"), "{said}");
}

/// Regression: fewer messages than --count asked for ended with 0, without a word.
#[test]
fn fewer_messages_than_asked_for_end_with_8() {
    let server = serve_with(async |mut socket| {
        socket.send("a").await?;
        socket.close(CloseCode::NORMAL, "that is all").await?;
        Ok(())
    });
    let url = format!("ws://{server}");
    let (code, said) = outcome(&[&url, "--count", "3", "--timeout", "60"], b"");
    assert_eq!(code, Some(8), "{said}");
    assert!(said.starts_with("closed by peer: 1000") && said.contains(": that is all\n"), "{said}");
    assert!(said.ends_with("longwire: 1 of 3 messages arrived\n"), "{said}");
    let (code, said) = outcome(&[&url, "--count", "1"], b"");
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

/// Regression: a normal end hid that most of the input was not sent, and why.
#[test]
fn what_the_end_left_unsent_is_counted() {
    let server = serve_with(async |mut socket| {
        socket.recv().await?;
        socket.close(CloseCode::NORMAL, "done").await?;
        Ok(())
    });
    // The server does not read on before it closes: all of this does not fit into the buffers between the two.
    let lines = format!("{}\n", "x".repeat(1 << 16)).repeat(1000);
    let mut client = Running::start(&["connect", &format!("ws://{server}")]);
    let mut stdin = client.stdin();
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let (code, stdout, said) = client.end();
    // The program may have ended before it has read everything.
    let _broken = writing.join().unwrap();
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{said}");
    let (end, unsent) = said.trim_end().rsplit_once("; ").unwrap();
    assert!(end.starts_with("closed by peer: 1000") && end.ends_with(": done"), "{said}");
    let count = unsent.strip_suffix(" lines were not sent").unwrap().trim_start_matches("at least ");
    assert!(count.parse().is_ok_and(|count| (1..1000).contains(&count)), "{said}");
}

/// Regression: connections that the server soon closed used up --tries, which spoke of failed attempts only.
#[test]
fn a_connection_that_soon_ends_is_said_to_use_up_a_try() {
    let server = serve_with(async |mut socket| {
        socket.close(CloseCode::from(1012), "restarting").await?;
        Ok(())
    });
    let (code, said) = outcome(&[&format!("ws://{server}"), "--reconnect", "--tries", "2"], b"");
    assert_eq!(code, Some(1), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("longwire: gave up: ") && last.contains("restarting"), "{said}");
    assert!(last.ends_with("(--tries also counts connections that held for less than 10 s)"), "{said}");
}

/// Regression: nothing said that a pattern could be taken as it is.
#[test]
fn a_pattern_that_is_meant_as_it_is_is_named() {
    let (_server, url) = echo();
    let url = format!("ws://{url}");
    let expect = |pattern: &str, flags: &[&str]| {
        outcome(
            &[&[&url, "-x", "price(DE) {\"a\":1}", "--wait", "0.2", "--expect", pattern], flags].concat(),
            b"",
        )
    };
    let (code, said) = expect("{\"a\":1}", &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--expect is not a regular expression (--fixed takes it as it is):\n"), "{said}");
    let (code, said) = expect("price(DE)", &[]);
    let hint =
        "longwire: no message matched price(DE); a message has it as it is, so --fixed would find it\n";
    assert_eq!((code, said.as_str()), (Some(8), hint));
    assert_eq!(expect("price(DE)", &["-F"]).0, Some(0));
    assert_eq!(expect("{\"a\":1}", &["--fixed"]).0, Some(0));
    assert_eq!(expect("price.FR", &[]).1, "longwire: no message matched price.FR\n");
}
