//! The memory of sessions that are opened and never poll.
//!
//! There is one test, because it measures the whole process.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::alloc::System;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use cap::Cap;
use longwire::Server;
use longwire_socketio::SocketIo;
use longwire_socketio::engine::{Engine, EngineConfig};

#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

const SESSIONS: usize = 10_000;

/// Bytes of a session, beside the head of its request, which the application may want to see.
const BOUND: usize = 1_800;

/// What a session may keep of its request's head, for each byte of it.
const OF_HEAD: usize = 2;

#[test]
fn ten_thousand_sessions_that_never_poll_take_little_memory_until_they_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap().workers(1);
    let address = server.local_addr();
    let mut config = EngineConfig::default();
    config.max_sessions_per_ip = 2 * SESSIONS;
    config.max_sessions = 2 * SESSIONS;
    let engine = Engine::new(SocketIo::new(), config);
    let server = server.http(engine.service()).route(engine.path(), engine.handler());
    let stopping = engine.clone();
    std::thread::spawn(move || runtime.block_on(server.run()));

    for headers in ["", &format!("cookie: {}\r\n", "x".repeat(1_000))] {
        let head =
            format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: example.com\r\n{headers}\r\n");
        // What is allocated once.
        open(address, &head, 100);
        let (before, there) = (ALLOCATED.allocated(), engine.sessions());
        open(address, &head, SESSIONS / 2);
        assert_eq!(engine.sessions() - there, SESSIONS / 2);
        let cost = (ALLOCATED.allocated() - before) / (SESSIONS / 2);
        println!("{cost} bytes for each session whose head has {} bytes", head.len());
        assert!(cost <= BOUND + OF_HEAD * head.len(), "{cost} bytes for each session");
    }
    let before = ALLOCATED.allocated();
    stopping.shut_down();
    // The client may fetch the end, for a time.
    assert!(ALLOCATED.allocated() < before + SESSIONS * 100, "ending needs no memory to speak of");
}

/// Opens sessions, all on one connection.
fn open(address: SocketAddr, head: &str, count: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    for _ in 0..count {
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = Vec::new();
        while !response.ends_with(b"}") {
            let mut piece = [0; 4_096];
            let len = stream.read(&mut piece).unwrap();
            assert!(len > 0, "the server has hung up");
            response.extend_from_slice(piece.get(..len).expect("in bounds"));
        }
        assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&response));
    }
}
