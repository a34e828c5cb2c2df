//! A server scripted byte by byte.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::raw::Raw;
use super::serving::agreement;

/// An address where nobody listens. It stays bound until the process ends, so that no other test listens there.
pub(crate) fn deserted() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}

/// A raw server.
pub(crate) struct Peer {
    listener: TcpListener,
}

impl Peer {
    pub(crate) async fn listen() -> Peer {
        Peer { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.addr())
    }

    /// Accepts a connection, without the opening handshake.
    pub(crate) async fn accept(&self) -> Raw<TcpStream> {
        Raw::new(self.listener.accept().await.unwrap().0)
    }

    /// Accepts a connection and completes its opening handshake.
    pub(crate) async fn open(&self) -> Raw<TcpStream> {
        self.open_with("").await
    }

    /// Accepts a connection and completes its opening handshake, with `more` header lines.
    pub(crate) async fn open_with(&self, more: &str) -> Raw<TcpStream> {
        let mut raw = self.accept().await;
        let answer = agreement(&raw.head().await, more);
        raw.send(answer).await;
        raw
    }
}
