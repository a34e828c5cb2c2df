//! Addresses, names and Unix sockets.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::program::{Program, ask, listens, run, serves};

#[test]
fn a_server_listens_in_several_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let unix = format!("unix:{}", path.display());
    let mut program =
        Program::start(&["--listen", "127.0.0.1:0", "--listen", &unix, "--listen", "localhost:0"]);
    assert!(program.places.len() >= 3 && program.places[1] == unix, "{:?}", program.places);
    for place in &program.places {
        assert!(serves(place), "{place}");
    }
    let names: Vec<_> = program.places[2..].iter().map(|place| place.rsplit(':').next().unwrap()).collect();
    assert!(names.iter().all(|port| *port == names[0]), "all addresses of a name have one port: {names:?}");

    let echo = Command::new(env!("CARGO_BIN_EXE_longwire"))
        .args(["connect", "ws://localhost/channel/demo:tea?history=0", "--at-end", "close", "--unix-socket"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(echo.status.success(), "{}", String::from_utf8_lossy(&echo.stderr));
    assert!(program.stop());
    assert!(!path.exists(), "a server that ends removes its socket");
}

#[test]
fn addresses_of_the_file_are_those_of_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("longwire.toml");
    let (clients, api) = (folder.path().join("clients"), folder.path().join("api"));
    let (clients, api) = (format!("unix:{}", clients.display()), format!("unix:{}", api.display()));
    let text = format!(
        "listen = ['127.0.0.1:0', '{clients}']\n[api]\nkeys = ['an-api-key-of-the-tests']\nlisten = ['{api}', '127.0.0.1:0']\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut program = Program::start(&["--config", file.to_str().unwrap()]);
    assert!(program.places.iter().all(|place| serves(place)) && program.places[1] == clients);
    let shown = program.line("api");
    let address = shown.split_once("http://").unwrap().1.split('/').next().unwrap();
    let info = "POST /api/info HTTP/1.1\r\nHost: a\r\nX-API-Key: an-api-key-of-the-tests\r\nContent-Length: 2\r\n\
                Connection: close\r\n\r\n{}";
    for place in [&api, address] {
        assert!(ask(place, info).starts_with("HTTP/1.1 200 "), "{place}");
    }
    assert!(ask(&clients, info).starts_with("HTTP/1.1 404 "), "clients do not reach the API");
    assert!(program.stop());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the configuration is left");
}

#[test]
fn the_socket_of_a_dead_server_is_replaced_and_that_of_a_living_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let unix = format!("unix:{}", path.display());
    let mut dead = Program::start(&["--listen", &unix]);
    dead.child.kill().unwrap();
    dead.child.wait().unwrap();
    assert!(path.exists(), "it could not remove its socket");

    let living = Program::start(&["--listen", &unix]);
    assert!(serves(&unix));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let refused = run(&["--listen", &unix]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && why.contains("already in use") && why.contains(&unix), "{why}");
    assert!(serves(&unix), "the living server is not disturbed");
    drop(living);
}

#[test]
fn what_is_in_the_way_is_left_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(&path, "text").unwrap();
    let refused = run(&["--listen", &format!("unix:{}", path.display())]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && why.contains("not a socket"), "{why}");
    assert!(!listens(&path));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
}
