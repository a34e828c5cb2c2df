//! Where a server listens: several addresses, Unix sockets, and sockets that it was given.

use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use longwire::{Limits, Server};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::support::{CLOSE, Frame, Raw, TEXT, for_each_front, named, run, upgrade_request};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A path for a socket, and the socket's file, until it is dropped.
struct SocketFile(PathBuf);

impl SocketFile {
    fn new(name: &str) -> SocketFile {
        let path = std::env::temp_dir().join(format!("longwire-{name}-{}", std::process::id()));
        let _none = std::fs::remove_file(&path);
        SocketFile(path)
    }

    fn listen(&self) -> UnixListener {
        UnixListener::bind(&self.0).unwrap()
    }

    async fn connect(&self) -> Raw<UnixStream> {
        Raw::new(UnixStream::connect(&self.0).await.unwrap())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// Checks that the server calls a client by this name: in a page, and then in a WebSocket on the same connection.
async fn expect_named<T: AsyncRead + AsyncWrite + Unpin>(mut raw: Raw<T>, name: &str) {
    raw.send(GET).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    raw.expect(name).await;
    expect_greeting(raw, name).await;
}

/// Checks that the server calls a client by this name.
async fn expect_greeting<T: AsyncRead + AsyncWrite + Unpin>(mut raw: Raw<T>, name: &str) -> Raw<T> {
    raw.send(upgrade_request("")).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(raw.frame().await, Frame::new(TEXT, name));
    raw
}

async fn connect(address: SocketAddr) -> (Raw<TcpStream>, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = stream.local_addr().unwrap().to_string();
    (Raw::new(stream), name)
}

#[test]
fn a_server_knows_where_it_listens() {
    run(async {
        let file = SocketFile::new("addresses");
        let given = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let given_address = given.local_addr().unwrap();
        let server = Server::on(file.listen());
        assert_eq!(server.local_addrs().count(), 0);
        let server = server.also_bind("127.0.0.1:0").await.unwrap().also_on(given);
        let addresses: Vec<_> = server.local_addrs().collect();
        assert_eq!((addresses.len(), addresses[0], addresses[1]), (2, server.local_addr(), given_address));
        let error = server.also_bind(given_address).await.unwrap_err().to_string();
        assert!(error.contains(&format!("listen on {given_address}")), "{error}");
    });
}

#[test]
fn every_listener_serves_pages_and_websockets() {
    for_each_front(async |front| {
        let file = SocketFile::new("every");
        let unix = file.listen();
        let given = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let given_address = given.local_addr().unwrap();
        let mut serving = front.start_greeting(|server| server.also_on(unix).also_on(given)).await;
        // Several of each, so that every loop gets some.
        for _ in 0..8 {
            for address in [serving.addr, given_address] {
                let (raw, name) = connect(address).await;
                expect_greeting(raw, &name).await;
                let (raw, name) = connect(address).await;
                expect_named(raw, &name).await;
            }
            expect_greeting(file.connect().await, "unix").await;
            expect_named(file.connect().await, "unix").await;
        }

        let mut open = expect_greeting(file.connect().await, "unix").await;
        serving.stop();
        assert_eq!(open.frame().await.first, CLOSE, "a shutdown closes connections of a Unix socket");
        drop(open);
        serving.returned().await;
        assert!(UnixStream::connect(&file.0).await.is_err(), "nobody listens any more");
        assert!(TcpStream::connect(given_address).await.is_err(), "nobody listens any more");
    });
}

#[test]
fn clients_of_a_unix_socket_are_limited_in_total_only() {
    for_each_front(async |front| {
        let file = SocketFile::new("limits");
        let unix = file.listen();
        let set_up = |server: Server| server.also_on(unix).max_connections_per_ip(1).max_connections(3);
        let serving = front.start_greeting(set_up).await;
        let _first = expect_greeting(file.connect().await, "unix").await;
        let _second = expect_greeting(file.connect().await, "unix").await;
        let (raw, name) = connect(serving.addr).await;
        let _third = expect_greeting(raw, &name).await;
        let mut fourth = file.connect().await;
        assert!(fourth.head().await.starts_with("HTTP/1.1 503 "));
    });
}

/// An IPv6 socket for all addresses shows clients of IPv4 by mapped addresses.
#[test]
fn a_client_of_ipv4_has_an_address_of_ipv4() {
    for_each_front(async |front| {
        let Ok(both) = std::net::TcpListener::bind("[::]:0") else { return };
        let port = both.local_addr().unwrap().port();
        let _serving = front.start_greeting(|server| server.also_on(both)).await;
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            let name = named(stream.local_addr().ok());
            expect_named(Raw::new(stream), &name).await;
        }
    });
}

#[test]
fn limits_hold_on_every_listener() {
    for_each_front(async |front| {
        let file = SocketFile::new("late");
        let unix = file.listen();
        let soon = std::time::Duration::from_millis(50);
        let limits = Limits::default().handshake_time(soon);
        let _serving = front.start_greeting(|server| server.also_on(unix).limits(limits)).await;
        let mut silent = file.connect().await;
        silent.send("GET").await;
        silent.expect_end().await;
    });
}

/// The first listener of a server used to have the backlog of tokio, and the others ours.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thousand_clients_may_wait_to_be_accepted() {
    let listener = longwire::Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..1_000 {
        // Beyond the backlog, the system does not answer a client.
        waiting.push(TcpStream::connect(address).await.unwrap());
    }
}
