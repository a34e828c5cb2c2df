//! From a connection to a proxy to one to the server behind it.

use std::net::SocketAddr;

use longwire_proto::Limits;

use super::server::{Kind, ProxyServer};
use super::{http, socks};
use crate::client::destination::Destination;
#[cfg(feature = "tls")]
use crate::client::secure::secure;
use crate::error::Result;
#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::transport::Transport;

/// Has `proxy`, at the other end of `transport`, connect to `to`, whose address is `resolved` if the proxy wants that.
pub(in crate::client) async fn tunnel(
    mut transport: Transport,
    proxy: &ProxyServer,
    to: &Destination,
    resolved: Option<SocketAddr>,
    limits: &Limits,
    #[cfg(feature = "tls")] tls: &ClientTls,
) -> Result<Transport> {
    #[cfg(feature = "tls")]
    if proxy.kind == Kind::Https {
        transport = secure(transport, &proxy.destination, tls).await?;
    }
    match proxy.kind {
        Kind::Socks(_) => socks::tunnel(&mut transport, proxy, to, resolved).await?,
        _ => http::tunnel(&mut transport, proxy, to, limits).await?,
    }
    Ok(transport)
}
