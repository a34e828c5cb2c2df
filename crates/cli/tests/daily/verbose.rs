//! The output of `--verbose`.

use crate::certificates::Files;
use crate::program::{port, run, serve};

#[test]
fn the_way_to_the_server_and_both_sizes_of_a_message_are_shown() {
    let files = Files::new("verbose");
    files.renew();
    let (certificate, key) = (files.certificate(), files.key());
    let (_server, page) = serve(&["--listen", "127.0.0.1:0", "--tls-cert", &certificate, "--tls-key", &key]);
    let port = port(&page);
    let url = format!("wss://localhost:{port}/echo");
    let flags = ["--ca", &certificate, "-v", "-u", "me:secret", "-s", "echo.longwire", "--count", "1"];
    let output = run(&[&["connect", &url], &flags[..]].concat(), "a".repeat(100_000).as_bytes());
    let shown = String::from_utf8(output.stderr).unwrap();
    for expected in [
        &format!("* connected to localhost:{port} at 127.0.0.1:{port}"),
        "* TLS 1.3, TLS13_",
        "* certificate for localhost; subject CN=rcgen self signed cert; issued by CN=rcgen self signed cert; valid",
        "> GET /echo HTTP/1.1",
        &format!("> host: localhost:{port}"),
        "> authorization: (not shown)",
        "< HTTP/1.1 101 Switching Protocols",
        "* open; extensions: permessage-deflate",
        "; subprotocol: echo.longwire",
        "on the wire, compressed, 100,000 in the message",
        "> close 2 bytes: 1000 (normal closure)",
    ] {
        assert!(shown.contains(expected), "there is no {expected:?} in:\n{shown}");
    }
    assert!(!shown.contains("secret"), "{shown}");
    for line in shown.lines() {
        let (seconds, what) = line.trim_start().split_once(' ').unwrap();
        assert!(seconds.parse::<f64>().is_ok(), "{line}");
        assert!(["* ", "> ", "< "].iter().any(|mark| what.starts_with(mark)), "{line}");
    }
}

#[test]
fn a_refusal_is_shown_with_its_headers() {
    let (_server, page) = serve(&["--listen", "127.0.0.1:0"]);
    let output = run(&["connect", &format!("127.0.0.1:{}/nowhere", port(&page)), "-v"], b"");
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(
        shown.contains("< HTTP/1.1 404 Not Found") && shown.contains("< content-type: text/plain"),
        "{shown}"
    );
}

/// The program warns if it checks no certificate.
#[test]
fn a_certificate_that_nobody_vouches_for_is_taken_only_if_that_is_asked_for() {
    let files = Files::new("insecure");
    files.renew();
    let (certificate, key) = (files.certificate(), files.key());
    let (_server, page) = serve(&["--listen", "127.0.0.1:0", "--tls-cert", &certificate, "--tls-key", &key]);
    let url = format!("wss://localhost:{}/echo", port(&page));
    let refused = run(&["connect", &url, "--count", "1"], b"");
    assert_eq!(refused.status.code(), Some(4));
    let output = run(&["connect", &url, "--insecure", "--count", "1"], b"hello\n");
    assert_eq!(output.stdout, b"hello\n", "{output:?}");
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(shown.contains("--insecure: no certificate is checked"), "{shown}");
}
