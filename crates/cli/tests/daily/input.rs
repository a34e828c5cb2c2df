//! Sending standard input, and what its end does.

use std::sync::mpsc::{Receiver, channel};

use crate::program::{Running, echo, run, serve_with};

/// Pseudorandom bytes of every value, including all kinds of line endings.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let mut bytes: Vec<u8> = (0..100_000).map(|_| next()).collect();
    for (at, end) in [(1000, "\r\n"), (2000, "\r\r\n"), (3000, "\n\n")] {
        bytes[at..at + end.len()].copy_from_slice(end.as_bytes());
    }
    bytes
}

/// Regression: 100,000 bytes came back changed, because a CR before an LF was left out.
#[test]
fn what_is_binary_comes_back_as_it_was() {
    let (_server, url) = echo();
    let noise = noise();
    for how in [&["--binary"][..], &["--binary", "--raw"], &["--binary", "--chunk", "999"]] {
        let output = run(&[&["connect", &url], how].concat(), &noise);
        assert!(output.status.success(), "{how:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == noise, "{how:?}: {} bytes", output.stdout.len());
    }
}

#[test]
fn the_whole_input_is_one_text_if_that_is_asked_for() {
    let address = serve_with(async |mut socket| {
        let message = socket.recv().await?.unwrap();
        socket.send(format!("{message:?}")).await
    });
    let url = address.to_string();
    for (how, expected) in [(&["--raw"][..], "\"one\\r\\ntwo\\n\""), (&[], "\"one\"")] {
        let output = run(&[&["connect", &url], how].concat(), b"one\r\ntwo\n");
        assert!(String::from_utf8_lossy(&output.stdout).contains(expected), "{output:?}");
    }
}

/// A server that sends "welcome" when `say` receives a value, then closes with 1000, and reports the code that it was
/// closed with.
fn welcoming() -> (String, tokio::sync::mpsc::UnboundedSender<()>, Receiver<u16>) {
    let (say, said) = tokio::sync::mpsc::unbounded_channel();
    let said = std::sync::Arc::new(tokio::sync::Mutex::new(said));
    let (ended, ends) = channel();
    let address = serve_with(move |mut socket| {
        let (said, ended) = (said.clone(), ended.clone());
        async move {
            let mut said = said.lock().await;
            tokio::select! {
                _ = said.recv() => {
                    socket.send("welcome").await?;
                    socket.close(1000, "").await?;
                }
                received = socket.recv() => assert_eq!(received?, None),
            }
            ended.send(socket.closed().code.into()).unwrap();
            Ok(())
        }
    });
    (address.to_string(), say, ends)
}

/// Regression: it ended with 1006, without connecting.
#[test]
fn with_reconnect_the_end_of_the_input_closes_nothing() {
    for more in [&["--reconnect"][..], &["--at-end", "stay"]] {
        let (url, say, ends) = welcoming();
        let client = Running::start_without_input(&[&["connect", &url], more].concat());
        say.send(()).unwrap();
        let (code, stdout, stderr) = client.end();
        assert_eq!((code, stdout.as_str()), (Some(0), "welcome\n"), "{more:?}: {stderr}");
        assert_eq!(ends.recv().unwrap(), 1000);
    }
}

#[test]
fn the_end_of_the_input_closes_with_1000_once_connected() {
    for more in [&[][..], &["--reconnect", "--at-end", "close"]] {
        let (url, _say, ends) = welcoming();
        let client = Running::start_without_input(&[&["connect", &url], more].concat());
        let (code, _, stderr) = client.end();
        assert_eq!(code, Some(0), "{more:?}: {stderr}");
        assert_eq!(ends.recv().unwrap(), 1000);
    }
}
