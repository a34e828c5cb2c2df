//! Reaches a server: resolve → connect → (proxy) → (secure), or a Unix socket or connector → (secure).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;

use longwire_proto::Limits;
use tokio::net::TcpStream;
#[cfg(feature = "socks")]
use tokio::time::timeout;

use super::address::Address;
use super::connect::connect;
use super::connector::Connector;
use super::destination::Destination;
use super::proxy::{ProxyChoice, ProxyServer, tunnel};
use super::resolve::{Found, Resolver};
#[cfg(feature = "tls")]
use super::secure::{self, Whom, secure};
use super::step::{ConnectStep, Steps};
use super::timeouts::{Timeouts, within};
#[cfg(not(feature = "tls"))]
use crate::error::UrlError;
use crate::error::{Error, InvalidSetting, Result, without_effect};
#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::transport::Transport;

/// How a client reaches a server.
#[derive(Debug, Clone, Default)]
pub(super) struct Dialer {
    pub(super) route: Route,
    pub(super) resolver: Resolver,
    pub(super) proxy: ProxyChoice,
    pub(super) timeouts: Timeouts,
    pub(super) steps: Steps,
    #[cfg(feature = "tls")]
    pub(super) tls: ClientTls,
}

/// How the connection to the server is made.
#[derive(Debug, Clone, Default)]
pub(super) enum Route {
    /// TCP, possibly through a proxy.
    #[default]
    Network,
    #[cfg(unix)]
    UnixSocket(Box<Path>),
    Connector(Connector),
}

/// A transport to the server.
pub(super) struct Reached {
    pub(super) transport: Transport,
    /// The server's address, if the connection is direct.
    pub(super) peer_addr: Option<SocketAddr>,
}

impl Reached {
    /// A transport that does not reveal the server's address.
    pub(super) fn beyond(transport: Transport) -> Reached {
        Reached { transport, peer_addr: None }
    }
}

impl Dialer {
    /// Rejects settings that would have no effect.
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        let by = match &self.route {
            Route::Network => return Ok(()),
            #[cfg(unix)]
            Route::UnixSocket(_) => "Client::unix_socket",
            Route::Connector(_) => "Client::connector",
        };
        self.check_network(by)
    }

    /// Rejects settings that would have no effect on a connected transport.
    pub(super) fn check_unused(&self) -> Result<(), InvalidSetting> {
        const BY: &str = "Client::connect_over";
        let since = "the transport is connected already";
        match &self.route {
            Route::Network => {}
            #[cfg(unix)]
            Route::UnixSocket(_) => return Err(without_effect("Client::unix_socket", BY, since)),
            Route::Connector(_) => return Err(without_effect("Client::connector", BY, since)),
        }
        #[cfg(feature = "tls")]
        if !self.tls.is_default() {
            return Err(without_effect("Client::tls", BY, "the transport is not encrypted there"));
        }
        self.check_network(BY)
    }

    /// Rejects settings that only apply to connections over the network.
    fn check_network(&self, by: &str) -> Result<(), InvalidSetting> {
        if matches!(self.proxy, ProxyChoice::Given(_)) {
            return Err(without_effect("Client::proxy", by, "no proxy is used there"));
        }
        if !self.resolver.is_the_system() {
            return Err(without_effect("Client::resolver", by, "no name is looked up there"));
        }
        Ok(())
    }

    /// Connects to the server of `address`.
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

    /// Awaits the transport from `connecting` within the time for it.
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

    /// Opens a TCP connection to `to`. `what` describes the destination in errors.
    async fn connect(&self, to: &Destination, what: &str) -> Result<TcpStream> {
        let found = self.resolve(to, what).await?;
        let doing = format!("connect to {what}{to}");
        let stream = connect(to, found, self.timeouts.connect, &doing).await?;
        let address = stream.peer_addr().ok();
        tracing::debug!(%to, address = address.map(tracing::field::display), "connected");
        if let Some(address) = address {
            self.steps.report(&ConnectStep::Connected { to, address });
        }
        Ok(stream)
    }

    async fn resolve(&self, to: &Destination, what: &str) -> Result<Found> {
        let doing = || format!("look up {what}{}", to.host());
        let lookup = async { self.resolver.resolve(to).await.map_err(|error| Error::io(doing(), error)) };
        within(self.timeouts.lookup, doing, lookup).await
    }

    /// Connects to `to` through `proxy`.
    async fn tunnel(&self, proxy: &ProxyServer, to: &Destination, limits: &Limits) -> Result<Transport> {
        #[cfg(feature = "socks")]
        if proxy.wants_addresses() {
            return self.tunnel_by_address(proxy, to, limits).await;
        }
        self.tunnel_to(proxy, to, None, limits).await
    }

    /// The same through a proxy that takes an address instead of a name.
    #[cfg(feature = "socks")]
    async fn tunnel_by_address(
        &self,
        proxy: &ProxyServer,
        to: &Destination,
        limits: &Limits,
    ) -> Result<Transport> {
        let Found { mut addresses, later } = self.resolve(to, "").await?;
        let first = addresses.first().copied();
        let refused = match self.tunnel_to(proxy, to, first, limits).await {
            Err(Error::Proxy(error)) if error.is_socks_reply() => error,
            outcome => return outcome,
        };
        // Only the proxy knows which family it can reach, regardless of this machine.
        if let Some(later) = later
            && let Ok(Ok(found)) = timeout(self.timeouts.lookup, later).await
        {
            addresses.extend(found);
        }
        let is_other = |address: &SocketAddr| first.is_some_and(|first| first.is_ipv4() != address.is_ipv4());
        match addresses.into_iter().find(is_other) {
            Some(other) => self.tunnel_to(proxy, to, Some(other), limits).await,
            None => Err(Error::Proxy(refused)),
        }
    }

    /// The same with the address `resolved`, if the proxy takes one.
    async fn tunnel_to(
        &self,
        proxy: &ProxyServer,
        to: &Destination,
        resolved: Option<SocketAddr>,
        limits: &Limits,
    ) -> Result<Transport> {
        let transport = Transport::Tcp(self.connect(proxy.destination(), "the proxy ").await?);
        let transport = tunnel(
            transport,
            proxy,
            to,
            resolved,
            limits,
            self.timeouts.proxy,
            #[cfg(feature = "tls")]
            &self.tls,
        )
        .await?;
        tracing::debug!(%proxy, %to, "connected through a proxy");
        self.steps.report(&ConnectStep::Tunnelled { to });
        Ok(transport)
    }

    #[cfg(feature = "tls")]
    async fn secure(&self, transport: Transport, address: &Address) -> Result<Transport> {
        if !address.is_secure() {
            return Ok(transport);
        }
        let to = address.destination();
        let securing = secure(transport, to, &self.tls, Whom::Server);
        let secured = within(self.timeouts.tls, || secure::doing(to, Whom::Server), securing).await?;
        self.steps.report_secured(&secured);
        Ok(secured)
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
