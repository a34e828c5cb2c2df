//! SOCKS proxies (RFC 1928, with user name and password by RFC 1929).

use std::net::SocketAddr;

use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{IntoTargetAddr, TargetAddr};

use super::server::ProxyServer;
use crate::client::destination::Destination;
use crate::error::{Error, ProxyError, Result};
use crate::transport::Transport;

/// Asks the proxy at the other end of `transport` to connect to `to`: to the address `resolved`, or by name if the
/// proxy looks names up.
pub(super) async fn tunnel(
    transport: &mut Transport,
    proxy: &ProxyServer,
    to: &Destination,
    resolved: Option<SocketAddr>,
) -> Result<()> {
    let address = resolved.or_else(|| to.ip().map(|ip| SocketAddr::new(ip, to.port())));
    let failed = |error| socks_error(error, proxy, to);
    let target = match address {
        Some(address) => TargetAddr::Ip(address),
        // This rejects names that are too long.
        None => (to.host(), to.port()).into_target_addr().map_err(failed)?,
    };
    let connected = match &proxy.credentials {
        None => Socks5Stream::connect_with_socket(transport, target).await,
        Some(credentials) => {
            let (user, password) = (&credentials.user, &credentials.password);
            Socks5Stream::connect_with_password_and_socket(transport, target, user, password).await
        }
    };
    connected.map(|_| ()).map_err(failed)
}

fn socks_error(error: tokio_socks::Error, proxy: &ProxyServer, to: &Destination) -> Error {
    use tokio_socks::Error::{
        AuthorizationRequired, InvalidAuthValues, Io, NoAcceptableAuthMethods, PasswordAuthFailure,
    };
    let (name, reply, reason) = (proxy.to_string(), reply(&error), error.to_string().to_ascii_lowercase());
    match error {
        Io(error) => Error::io(format!("speak SOCKS with the proxy {proxy}"), error),
        // RFC 1928 §3 and RFC 1929 §2.
        AuthorizationRequired | NoAcceptableAuthMethods | PasswordAuthFailure(_) => {
            ProxyError::Login { proxy: name, reason }.into()
        }
        InvalidAuthValues(reason) => ProxyError::Address { proxy: name, reason: reason.to_owned() }.into(),
        _ => ProxyError::Socks { proxy: name, to: to.to_string(), reply, reason }.into(),
    }
}

/// The reply code that an error stands for (RFC 1928 §6).
fn reply(error: &tokio_socks::Error) -> Option<u8> {
    use tokio_socks::Error::{
        AddressTypeNotSupported, CommandNotSupported, ConnectionNotAllowedByRuleset, ConnectionRefused,
        GeneralSocksServerFailure, HostUnreachable, NetworkUnreachable, TtlExpired,
    };
    match error {
        GeneralSocksServerFailure => Some(1),
        ConnectionNotAllowedByRuleset => Some(2),
        NetworkUnreachable => Some(3),
        HostUnreachable => Some(4),
        ConnectionRefused => Some(5),
        TtlExpired => Some(6),
        CommandNotSupported => Some(7),
        AddressTypeNotSupported => Some(8),
        _ => None,
    }
}
