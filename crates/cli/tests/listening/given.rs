//! Sockets that the program is started with, as systemd does it.

use std::net::TcpListener;
use std::process::Command;

use crate::program::{Program, ask, run, serves};

/// Opens sockets at these places, and becomes the program with them, under these names.
const STARTER: &str = "
import os, socket, sys
names, places, command = sys.argv[1], sys.argv[2].split(','), sys.argv[3:]
given = []
for place in places:
    if place.startswith('unix:'):
        given.append(socket.socket(socket.AF_UNIX)); given[-1].bind(place[5:])
    else:
        given.append(socket.socket(socket.AF_INET)); given[-1].bind(('127.0.0.1', int(place)))
    given[-1].listen()
high = [os.dup2(one.fileno(), 100 + number) for number, one in enumerate(given)]
for number, one in enumerate(high):
    os.dup2(one, 3 + number)
variables = dict(os.environ, LISTEN_FDS=str(len(given)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=names)
os.execve(command[0], command, variables)
";

fn given(names: &str, places: &str, args: &[&str]) -> Program {
    let mut command = Command::new("python3");
    command.args(["-c", STARTER, names, places, env!("CARGO_BIN_EXE_longwire"), "serve", "--workers", "2"]);
    Program::spawn(command.args(args).env_remove("LONGWIRE_LOG"))
}

#[test]
fn the_sockets_that_the_program_is_started_with_are_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let unix = format!("unix:{}", path.display());
    let mut program = given("web:web", &format!("0,{unix}"), &[]);
    assert!(program.places.len() == 2 && program.places[1] == unix, "{:?}", program.places);
    for _ in 0..8 {
        assert!(program.places.iter().all(|place| serves(place)));
    }
    assert!(program.stop());
    assert!(path.exists(), "it belongs to the program that has opened it");
}

#[test]
fn sockets_are_chosen_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("longwire.toml");
    let text = "listen = ['systemd', '127.0.0.1:0']\n[api]\nlisten = ['systemd:api']\nkeys = ['an-api-key-of-the-tests']\n";
    std::fs::write(&file, text).unwrap();
    let mut program = given("api:web", "0,0", &["--config", file.to_str().unwrap()]);
    let api = program.line("api");
    let api = api.split_once("http://").unwrap().1.split('/').next().unwrap().to_owned();
    let info = "POST /api/info HTTP/1.1\r\nHost: a\r\nX-API-Key: an-api-key-of-the-tests\r\nContent-Length: 2\r\n\
                Connection: close\r\n\r\n{}";
    assert_eq!(program.places.len(), 2, "{:?}", program.places);
    assert!(ask(&api, info).starts_with("HTTP/1.1 200 "));
    for place in &program.places {
        assert!(serves(place));
        assert!(ask(place, info).starts_with("HTTP/1.1 404 "), "clients do not reach the API");
    }
}

#[test]
fn without_such_a_socket_the_program_says_so() {
    for place in ["systemd", "systemd:web"] {
        let refused = run(&["--listen", place]);
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && why.contains("was not started with a socket"), "{why}");
    }
}

/// With the tool of systemd, if it is installed. It starts the program when the first client connects.
#[test]
fn systemd_socket_activate_starts_it() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut activate = Command::new("systemd-socket-activate");
    activate.args(["-l", &format!("127.0.0.1:{port}"), env!("CARGO_BIN_EXE_longwire"), "serve"]);
    let activated = activate.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn();
    let Ok(mut activated) = activated else {
        println!("skipped: systemd-socket-activate is not installed");
        return;
    };
    let place = format!("127.0.0.1:{port}");
    while std::net::TcpStream::connect(&place).is_err() {
        assert!(activated.try_wait().unwrap().is_none(), "it has ended");
        std::thread::yield_now();
    }
    let serves = serves(&place);
    activated.kill().unwrap();
    activated.wait().unwrap();
    assert!(serves);
}
