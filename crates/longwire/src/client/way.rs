//! The way to a server: resolve → connect → (proxy) → (secure), or a Unix socket or connector → (secure).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;

use longwire_proto::Limits;
use tokio::net::TcpStream;

use super::address::Address;
use super::connect::connect;
use super::connector::Connector;
use super::destination::Destination;
use super::proxy::{ProxyChoice, ProxyServer, tunnel};
use super::resolve::{Found, Resolver};
#[cfg(feature = "tls")]
use super::secure;
use super::timeouts::{Timeouts, within};
#[cfg(not(feature = "tls"))]
use crate::error::UrlError;
use crate::error::{Error, Result};
#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::transport::Transport;

/// How a client gets to a server.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    pub(super) route: Route,
    pub(super) resolver: Resolver,
    pub(super) proxy: ProxyChoice,
    pub(super) timeouts: Timeouts,
    #[cfg(feature = "tls")]
    pub(super) tls: ClientTls,
}

/// What the connection to a server is made by.
#[derive(Debug, Clone, Default)]
pub(super) enum Route {
    /// TCP, over a proxy perhaps.
    #[default]
    Network,
    #[cfg(unix)]
    UnixSocket(Box<Path>),
    Connector(Connector),
}

/// A transport on which the server can be spoken to.
pub(super) struct Reached {
    pub(super) transport: Transport,
    /// The address of the server, if there is nobody between.
    pub(super) peer_addr: Option<SocketAddr>,
}

impl Reached {
    /// Over something that does not tell the address of the server.
    pub(super) fn beyond(transport: Transport) -> Reached {
        Reached { transport, peer_addr: None }
    }
}

impl Way {
    /// Goes the whole way to the server of `address`.
    pub(super) async fn reach(&self, address: &Address, limits: &Limits) -> Result<Reached> {
        let Reached { transport, peer_addr } = match &self.route {
            Route::Network => self.over_network(address, limits).await?,
            #[cfg(unix)]
            Route::UnixSocket(path) => {
                let doing = format!("connect to {}", path.display());
                Reached::beyond(self.made(&doing, connect_unix(path)).await?)
            }
            Route::Connector(connector) => {
                let to = address.destination();
                let doing = format!("connect to {to}");
                Reached::beyond(self.made(&doing, connector.connect(to)).await?)
            }
        };
        Ok(Reached { transport: self.secure(transport, address).await?, peer_addr })
    }

    /// A transport that `connecting` makes in the time for that.
    async fn made(
        &self,
        doing: &str,
        connecting: impl Future<Output = io::Result<Transport>>,
    ) -> Result<Transport> {
        let connecting = async { connecting.await.map_err(|error| Error::io(doing, error)) };
        within(self.timeouts.connect, || doing.to_owned(), connecting).await
    }

    async fn over_network(&self, address: &Address, limits: &Limits) -> Result<Reached> {
        let to = address.destination();
        if let Some(proxy) = self.proxy.server_for(address)? {
            return Ok(Reached::beyond(self.tunnel(&proxy, to, limits).await?));
        }
        let stream = self.connect(to, "").await?;
        let peer_addr = stream.peer_addr().ok();
        Ok(Reached { transport: Transport::Tcp(stream), peer_addr })
    }

    /// A TCP connection to `to`, with a word for errors of what that is.
    async fn connect(&self, to: &Destination, what: &str) -> Result<TcpStream> {
        let found = self.resolve(to, what).await?;
        let doing = format!("connect to {what}{to}");
        let stream = connect(to, found, self.timeouts.connect, &doing).await?;
        tracing::debug!(%to, address = stream.peer_addr().ok().map(tracing::field::display), "connected");
        Ok(stream)
    }

    async fn resolve(&self, to: &Destination, what: &str) -> Result<Found> {
        let doing = || format!("look up {what}{}", to.host());
        let lookup = async { self.resolver.resolve(to).await.map_err(|error| Error::io(doing(), error)) };
        within(self.timeouts.lookup, doing, lookup).await
    }

    /// A connection to `to` over `proxy`.
    async fn tunnel(&self, proxy: &ProxyServer, to: &Destination, limits: &Limits) -> Result<Transport> {
        let resolved = if proxy.wants_addresses() {
            self.resolve(to, "").await?.addresses.first().copied()
        } else {
            None
        };
        let transport = Transport::Tcp(self.connect(proxy.destination(), "the proxy ").await?);
        let doing = || format!("have the proxy {proxy} connect to {to}");
        let tunnel = tunnel(
            transport,
            proxy,
            to,
            resolved,
            limits,
            #[cfg(feature = "tls")]
            &self.tls,
        );
        let transport = within(self.timeouts.proxy, doing, tunnel).await?;
        tracing::debug!(%proxy, %to, "connected over a proxy");
        Ok(transport)
    }

    #[cfg(feature = "tls")]
    async fn secure(&self, transport: Transport, address: &Address) -> Result<Transport> {
        if !address.is_secure() {
            return Ok(transport);
        }
        let to = address.destination();
        within(self.timeouts.tls, || secure::doing(to), secure::secure(transport, to, &self.tls)).await
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "with TLS it waits")]
    async fn secure(&self, transport: Transport, address: &Address) -> Result<Transport> {
        if address.is_secure() { Err(UrlError::NoTls(address.to_string()).into()) } else { Ok(transport) }
    }
}

#[cfg(unix)]
async fn connect_unix(path: &Path) -> io::Result<Transport> {
    Ok(Transport::Other(Box::new(tokio::net::UnixStream::connect(path).await?)))
}
