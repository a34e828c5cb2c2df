//! `longwire connect --reconnect` with a server that is stopped and restarted.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A program that is killed at the end of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill().and_then(|()| self.0.wait().map(drop));
    }
}

fn start(args: &[&str]) -> Running {
    let mut program = Command::new(env!("CARGO_BIN_EXE_longwire"));
    program.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(program.spawn().unwrap())
}

/// A listening server, and its address.
fn serve(address: &str) -> (Running, String) {
    let mut server = start(&["serve", "--engine", "readiness", "--workers", "1", "--listen", address]);
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some((_, address)) = line.split_once("http://") {
            break address.trim_end_matches('/').to_owned();
        }
    };
    (server, address)
}

struct Client<O, E> {
    program: Running,
    stdin: ChildStdin,
    messages: Lines<O>,
    told: Lines<E>,
}

fn connect(address: &str) -> Client<impl BufRead, impl BufRead> {
    let url = format!("ws://{address}/echo");
    let mut program = start(&["connect", &url, "--reconnect", "--at-end", "close", "--no-proxy"]);
    let stdin = program.0.stdin.take().unwrap();
    let messages = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let told = BufReader::new(program.0.stderr.take().unwrap()).lines();
    Client { program, stdin, messages, told }
}

impl<O: BufRead, E: BufRead> Client<O, E> {
    fn expect_told(&mut self, expected: &str) {
        let line = self.told.next().unwrap().unwrap();
        assert!(line.starts_with(expected), "{line:?} does not begin with {expected:?}");
    }

    fn expect_echo(&mut self, line: &str) {
        assert_eq!(self.messages.next().unwrap().unwrap(), line);
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }
}

#[test]
fn the_client_comes_back_with_the_server_and_says_what_happens() {
    let (server, address) = serve("127.0.0.1:0");
    let mut client = connect(&address);
    client.expect_told("connecting, try 1");
    client.expect_told("connected");
    client.say("hello");
    client.expect_echo("hello");

    drop(server);
    client.expect_told("connection lost: 1006 (no closing handshake); next try in 0.");
    client.say("are you back?");
    client.expect_told("connecting, try 2");
    client.expect_told(&format!("cannot connect to {address}: "));

    let (_server, _) = serve(&address);
    client.expect_echo("are you back?");
    let told = loop {
        let line = client.told.next().unwrap().unwrap();
        if !line.starts_with("connecting, try ") && !line.starts_with("cannot connect to ") {
            break line;
        }
    };
    assert_eq!(told, "connected");

    drop(client.stdin);
    assert_eq!(client.program.0.wait().unwrap().code(), Some(0));
    assert!(client.told.next().is_none());
}

#[test]
fn a_client_that_gives_up_says_why() {
    let mut client = start(&["connect", "ws://127.0.0.1:1/", "--reconnect", "--tries", "2", "--no-proxy"]);
    // The end of the input must not end the program.
    drop(client.0.stdin.take());
    assert_eq!(client.0.wait().unwrap().code(), Some(3));
    let mut told = String::new();
    client.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert_eq!((lines[0], lines[2]), ("connecting, try 1", "connecting, try 2"));
    assert!(lines[1].contains("; next try in 0."), "{told}");
    assert!(lines[3].starts_with("longwire: gave up: cannot connect to 127.0.0.1:1: "), "{told}");
}
