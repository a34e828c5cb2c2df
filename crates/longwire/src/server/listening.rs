//! Where a server listens.

use std::fmt;
use std::net::SocketAddr;

use tokio::net::ToSocketAddrs;

use super::Server;
use crate::admission::listener::Listener;
use crate::error::Result;

impl Server {
    /// Binds to an address, such as `"127.0.0.1:8080"` or `("0.0.0.0", 8080)`. Port 0 means any free port.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing stays bound.
    ///
    /// # Errors
    ///
    /// The address is invalid or already in use.
    pub async fn bind(address: impl ToSocketAddrs + fmt::Debug) -> Result<Server> {
        Ok(Server::on(Listener::bind(address).await?))
    }

    /// A server on a socket that listens already: a [`std::net::TcpListener`], or a
    /// [`UnixListener`](std::os::unix::net::UnixListener), such as one of another program that has started this one.
    ///
    /// A client that connects through a Unix socket has no IP address: its
    /// [`peer_addr`](crate::Upgrade::peer_addr) is `None`, and
    /// [`max_connections_per_ip`](Server::max_connections_per_ip) does not limit it.
    ///
    /// ```no_run
    /// # #[cfg(unix)]
    /// # async fn echo() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::os::unix::net::UnixListener;
    ///
    /// use longwire::{Server, WebSocket};
    ///
    /// Server::on(UnixListener::bind("/run/echo/socket")?)
    ///     .serve(async |mut socket: WebSocket| {
    ///         while let Some(message) = socket.recv().await? {
    ///             socket.send(message).await?;
    ///         }
    ///         Ok(())
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on(listener: impl Into<Listener>) -> Server {
        Server::new(listener.into())
    }
}

impl<M> Server<M> {
    /// Listens on another address as well. All settings apply to all addresses.
    ///
    /// ```no_run
    /// # use longwire::Server;
    /// # async fn listen() -> longwire::Result<()> {
    /// let server = Server::bind("127.0.0.1:8080").await?.also_bind("[::1]:8080").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing stays bound, and the server is dropped.
    ///
    /// # Errors
    ///
    /// The address is invalid or already in use.
    pub async fn also_bind(self, address: impl ToSocketAddrs + fmt::Debug) -> Result<Server<M>> {
        Ok(self.also_on(Listener::bind(address).await?))
    }

    /// Listens on another socket as well, as [`on`](Server::on) does.
    pub fn also_on(mut self, listener: impl Into<Listener>) -> Server<M> {
        self.common.listeners.push(listener.into());
        self
    }

    /// The address that the server listens on; the first one of several.
    ///
    /// # Panics
    ///
    /// If the server listens only on Unix sockets, which have no address. [`local_addrs`](Server::local_addrs) is then
    /// empty.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the caller knows that it has given no address")]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addrs().next().expect("a server that listens only on Unix sockets has no address")
    }

    /// The addresses that the server listens on, in the order in which they were given. Unix sockets have none.
    pub fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.common.listeners.iter().filter_map(Listener::local_addr)
    }
}
