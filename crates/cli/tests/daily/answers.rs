//! What a script gets that asks by a pipe.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use crate::program::{echo, run, serve_with};

/// A server that works this long before it answers, and does not answer once the client has closed.
fn thoughtful(time: Duration) -> String {
    let address = serve_with(move |mut socket| async move {
        while let Some(message) = socket.recv().await? {
            tokio::select! {
                next = socket.recv() => assert_eq!(next?, None),
                () = tokio::time::sleep(time) => socket.send(message).await?,
            }
        }
        Ok(())
    });
    address.to_string()
}

/// Regression: the Close frame overtook the answer, and the program ended with 0 without printing it.
#[test]
fn a_question_from_a_pipe_gets_its_answer() {
    let url = thoughtful(Duration::from_millis(50));
    for how in [&[][..], &["--raw"], &["--at-end", "close"]] {
        let output = run(&[&["connect", &url], how].concat(), b"hello");
        assert_eq!(output.status.code(), Some(0), "{how:?}: {output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "hello", "{how:?}");
    }
    let output = run(&["connect", &url, "-x", "hello"], b"");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "hello\n");
}

#[test]
fn no_wait_closes_at_once() {
    // Shorter than the time that is waited otherwise, and longer than a busy machine takes to close.
    let url = thoughtful(Duration::from_millis(900));
    let output = run(&["connect", &url, "--wait", "0"], b"hello\n");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{output:?}");
}

/// An HTTP server that answers one request with 404 and this body.
fn refusing(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _some = stream.read(&mut request).unwrap();
        let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    });
    url
}

/// Regression: the page of a 404 was one line, with `\n` for its line breaks.
#[test]
fn the_page_of_a_refusal_can_be_read() {
    let url = refusing(
        "<html>\r\n<head><title>404\u{1b}[2J</title></head>\n\n\n  <body>Not here</body>\n</html>\n",
    );
    let output = run(&["connect", &format!("ws://{url}")], b"");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let expected = "longwire: the server refused the WebSocket with 404 Not Found:\n  \
                    <html>\n  \
                    <head><title>404\\u{1b}[2J</title></head>\n  \
                    \x20 <body>Not here</body>\n  \
                    </html>\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}

#[test]
fn a_short_reason_stays_on_the_line_of_the_refusal() {
    let url = refusing("no such feed\n");
    let output = run(&["connect", &format!("ws://{url}")], b"");
    let expected = "longwire: the server refused the WebSocket with 404 Not Found: no such feed\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}

#[test]
fn the_end_of_an_empty_input_closes_at_once() {
    let (_server, url) = echo();
    let output = run(&["connect", &url, "--timeout", "60"], b"");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
