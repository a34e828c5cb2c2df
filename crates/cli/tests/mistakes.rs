//! The program's messages when it cannot do what the user asked for.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

fn longwire(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_longwire")).args(args).stdin(Stdio::null()).output().unwrap()
}

/// The exit code and the one line on standard error.
fn complaint(args: &[&str]) -> (Option<i32>, String) {
    let output = longwire(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.code(), text.trim_end().to_owned())
}

#[test]
fn an_occupied_port_is_told_with_what_to_do() {
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = occupied.local_addr().unwrap().to_string();
    let expected = format!(
        "longwire: cannot listen on {address}: it is already in use; choose another port with --listen"
    );
    assert_eq!(complaint(&["serve", "--listen", &address]), (Some(1), expected));
}

#[test]
fn a_key_that_cannot_be_read_is_told_by_its_name() {
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let (code, line) = complaint(&["serve", "--tls-cert", certificate, "--tls-key", "/nonexistent/key.pem"]);
    assert_eq!(code, Some(1));
    assert!(line.starts_with("longwire: cannot read /nonexistent/key.pem: "), "{line}");

    let (code, line) = complaint(&["serve", "--tls-cert", certificate, "--tls-key", certificate]);
    assert_eq!(code, Some(1));
    assert!(line.contains("Cargo.toml: it contains no certificate (BEGIN CERTIFICATE)"), "{line}");
}

#[test]
fn an_origin_without_a_scheme_is_told_before_anything_is_served() {
    let output = longwire(&["serve", "--listen", "127.0.0.1:0", "--origin", "example.com"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty(), "it announced itself");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("such as https://example.com"), "{text}");
}

#[test]
fn flags_that_make_no_sense_exit_with_2_and_say_which() {
    for (args, word) in [
        (&["serve", "--listen", "nowhere"][..], "--listen"),
        (&["serve", "--listen", "localhost:http"], "--listen"),
        (&["serve", "--low-water", "500000", "--high-water", "1000"], "--low-water 500000"),
        (&["serve", "--max-headers", "0"], "--max-headers"),
        (&["serve", "--max-connections", "0"], "--max-connections"),
        (&["serve", "--keepalive", "1e10"], "--keepalive"),
        (&["serve", "--workers", "2000"], "--workers"),
        (&["serve", "--tls-cert", "cert.pem"], "--tls-key"),
        (&["serve", "--frobnicate"], "--frobnicate"),
        (&["serve", "--origin", "https://*"], "as in https://*.example.com"),
        (&["serve", "--behind-tls-proxy", "--tls-cert", "a.pem", "--tls-key", "a.key"], "--behind-tls-proxy"),
        (&["connect"], "URL"),
        (&["connect", "ws://127.0.0.1/", "--count", "0"], "--count"),
        (&["connect", "ws://127.0.0.1/", "--header", "no colon"], "a colon"),
        (&["connect", "ws://127.0.0.1/", "--header", "Upgrade: h2c"], "upgrade"),
        (&["connect", "ws://127.0.0.1/", "--subprotocol", "a b"], "a b"),
        (&["connect", "ftp://example.com"], "ftp://example.com"),
        (&["connect", "ws://127.0.0.1/", "--header", "Sec-WebSocket-Foo: 1"], "sec-websocket-foo"),
        (&["connect", "ws://127.0.0.1/", "--chunk", "10"], "--binary"),
        (&["connect", "ws://127.0.0.1/", "--binary", "--chunk", "0"], "--chunk"),
        (&["connect", "ws://127.0.0.1/", "--binary", "--chunk", "10", "--raw"], "--raw"),
        (&["connect", "ws://127.0.0.1/", "--connect-timeout", "0"], "--connect-timeout"),
        (&["connect", "ws://127.0.0.1/", "--reconnect", "--tries", "0"], "--tries"),
        (&["connect", "ws://127.0.0.1/", "--proxy", "ftp://p.example"], "ftp://p.example"),
        (&["connect", "ws://127.0.0.1/", "--cert", "me.pem"], "--key"),
    ] {
        let output = longwire(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(word), "{args:?}: {text}");
    }
}

#[test]
fn help_teaches_by_example() {
    for (args, word) in [
        (&["--help"][..], "connect"),
        (&["serve", "--help"], "longwire serve --listen :443"),
        (&["connect", "--help"], "echo hello | longwire connect"),
        (&["config", "--help"], "longwire config example > longwire.toml"),
        (&["config", "check", "--help"], "file, line, column and key"),
        (&["token", "--help"], "longwire token --user 42 --channels"),
    ] {
        let output = longwire(args);
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains(word), "{args:?}");
    }
}

#[test]
fn a_number_that_is_no_port_is_told() {
    for url in ["99999/echo", "99999", ":99999/echo"] {
        let output = longwire(&["connect", url]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{url}: {said}");
        assert!(said.contains("99999 is not a port"), "{said}");
    }
}

#[test]
fn a_pattern_that_is_no_regular_expression_is_told_with_what_to_do() {
    for command in [&["show", "nowhere.har"][..], &["proxy", "8080/echo"]] {
        let output = longwire(&[command, &["--grep", "{\"a\": [1,2]}"]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--fixed takes it as it is"), "{said}");
    }
}

#[test]
fn quiet_load_says_nothing_of_the_scheme() {
    let said = |flags: &[&str]| {
        let output = longwire(&[&["load", "127.0.0.1:1", "--for", "0.1"], flags].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&[]).contains("connecting to ws://127.0.0.1:1;"));
    assert!(!said(&["--quiet"]).contains("connecting to ws://127.0.0.1:1;"));
}
