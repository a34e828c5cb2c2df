//! The proxy that `longwire connect` and `longwire check` take from their flags and their environment.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

/// The request that a proxy receives, and the program's message after the proxy refuses it. In arguments and variables,
/// `{}` stands for the proxy's address.
fn refused(command: &str, args: &[&str], variables: &[(&str, &str)]) -> (String, String) {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap().to_string();
    let with_address = |text: &str| text.replace("{}", &address);
    let program = Command::new(env!("CARGO_BIN_EXE_longwire"))
        .arg(command)
        .args(args.iter().map(|arg| with_address(arg)))
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, with_address(value))))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut connection, _) = proxy.accept().unwrap();
    let request = BufReader::new(&connection).lines().next().unwrap().unwrap();
    connection.write_all(b"HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\nwho").unwrap();
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    (request, String::from_utf8(output.stderr).unwrap().replace(&address, "{}"))
}

#[test]
fn flags_and_environment_name_a_proxy() {
    for (args, variables) in [
        (&["ws://a.example/", "--proxy", "http://{}"][..], &[][..]),
        (&["ws://a.example/", "--proxy", "{}"], &[("http_proxy", "http://127.0.0.1:1")]),
        (&["ws://a.example/"], &[("http_proxy", "http://{}")]),
        (&["ws://a.example/"], &[("HTTP_PROXY", "http://{}"), ("NO_PROXY", "b.example")]),
        (&["ws://a.example/"], &[("ALL_PROXY", "http://me:secret@{}")]),
    ] {
        for (command, before) in [("connect", ""), ("check", "nothing ran: no connection can be opened: ")] {
            let (request, complaint) = refused(command, args, variables);
            assert_eq!(request, "CONNECT a.example:80 HTTP/1.1");
            assert_eq!(
                complaint,
                format!(
                    "longwire: {before}the proxy {{}} refused to connect to a.example:80 with 407 Proxy \
                     Authentication Required: who\n"
                )
            );
        }
    }
}

#[test]
fn no_proxy_goes_past_it() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", server.local_addr().unwrap());
    let nowhere = ("http_proxy", "http://127.0.0.1:1");
    for (args, variables) in
        [(&["--no-proxy"][..], &[nowhere][..]), (&[], &[nowhere, ("no_proxy", "127.0.0.0/8")])]
    {
        let mut program = Command::new(env!("CARGO_BIN_EXE_longwire"))
            .args(["connect", &url])
            .args(args)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (connection, _) = server.accept().unwrap();
        let request = BufReader::new(&connection).lines().next().unwrap().unwrap();
        assert_eq!(request, "GET / HTTP/1.1");
        drop(connection);
        assert!(!program.wait().unwrap().success());
    }
}
