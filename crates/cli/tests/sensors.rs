//! `longwire demo sensors`: a fleet that outlives its server, and one that a server refuses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStderr, Command, Stdio};

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
    program.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(program.spawn().unwrap())
}

/// A listening server, and its address.
fn serve(address: &str, more: &[&str]) -> (Running, String) {
    let args = ["serve", "--engine", "readiness", "--workers", "1", "--listen", address];
    let mut server = start(&[&args[..], more].concat());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some((_, address)) = line.split_once("http://") {
            break address.trim_end_matches('/').to_owned();
        }
    };
    (server, address)
}

/// A fleet, and what it says.
fn fleet(address: &str) -> (Running, Lines<BufReader<ChildStderr>>) {
    let mut fleet = start(&["demo", "sensors", "--url", address, "--devices", "3", "--no-proxy"]);
    let lines = BufReader::new(fleet.0.stderr.take().unwrap()).lines();
    (fleet, lines)
}

/// Waits for a line that begins like this.
fn expect(lines: &mut Lines<BufReader<ChildStderr>>, begin: &str) {
    let mut said = Vec::new();
    while let Some(line) = lines.next().transpose().unwrap() {
        said.push(line);
        if said.last().unwrap().starts_with(begin) {
            return;
        }
    }
    assert_eq!(said, [begin], "the program has ended");
}

#[test]
fn a_fleet_comes_back_when_its_server_does() {
    let (server, address) = serve("127.0.0.1:0", &[]);
    let (_fleet, mut lines) = fleet(&address);
    expect(&mut lines, "3 of 3 devices online");
    drop(server);
    expect(&mut lines, "0 of 3 devices online; ");
    let (_server, _) = serve(&address, &[]);
    expect(&mut lines, "3 of 3 devices online");
}

#[test]
fn a_server_without_the_channels_of_the_demo_is_told_at_once() {
    let mut config = tempfile::NamedTempFile::new().unwrap();
    config.write_all(b"[namespaces.chat]\nsubscribe = ['anonymous']\n").unwrap();
    let (_server, address) = serve("127.0.0.1:0", &["--config", config.path().to_str().unwrap()]);
    let (mut fleet, mut lines) = fleet(&address);
    expect(&mut lines, "longwire: the server refuses the devices: unknown channel (error 102).");
    assert_eq!(fleet.0.wait().unwrap().code(), Some(1));
}
