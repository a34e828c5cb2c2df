//! Name lookup.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use futures_util::future::{Either, select};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::destination::Destination;

/// How long to wait for IPv6 addresses once the others are known ("Resolution Delay", RFC 8305 §8).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// A running lookup. It may return no addresses.
pub(super) type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks up the addresses of a name.
#[derive(Clone, Default)]
pub(super) enum Resolver {
    #[default]
    System,
    Custom(Arc<dyn Fn(Destination) -> Lookup + Send + Sync>),
}

/// The known addresses of a name.
pub(super) struct Found {
    /// At least one address, in the order in which to try them.
    pub(super) addresses: Vec<SocketAddr>,
    /// The lookup of the other family, if it is still running.
    pub(super) later: Option<Lookup>,
}

impl Resolver {
    pub(super) fn is_the_system(&self) -> bool {
        matches!(self, Resolver::System)
    }

    pub(super) fn custom<F, Fut>(lookup: F) -> Resolver
    where
        F: Fn(Destination) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Resolver::Custom(Arc::new(move |destination| Box::pin(lookup(destination))))
    }

    /// Waits until at least one address of `destination` is known.
    pub(super) async fn resolve(&self, destination: &Destination) -> io::Result<Found> {
        if let Some(ip) = destination.ip() {
            return Ok(Found { addresses: vec![SocketAddr::new(ip, destination.port())], later: None });
        }
        match self {
            // RFC 6761 §6.3: no name server is asked. IPv6 comes first, as in the system's results; if the server
            // listens only on IPv4, the next attempt finds it.
            Resolver::System if destination.is_below_localhost() => {
                let loopback = [IpAddr::from(Ipv6Addr::LOCALHOST), IpAddr::from(Ipv4Addr::LOCALHOST)];
                let addresses = loopback.map(|ip| SocketAddr::new(ip, destination.port()));
                Ok(Found { addresses: addresses.into(), later: None })
            }
            Resolver::System => {
                // Both lookups run concurrently: polling the first also polls the second.
                let ask = |family| Box::pin(ask_system(destination.clone(), family));
                first_answer(ask(AddrFamily::Inet6), ask(AddrFamily::Inet)).await
            }
            Resolver::Custom(lookup) => Found::all(lookup(destination.clone()).await?),
        }
    }
}

impl Found {
    /// All addresses, in order of preference.
    fn all(addresses: Vec<SocketAddr>) -> io::Result<Found> {
        match addresses.first() {
            Some(first) => {
                let v6_first = first.is_ipv6();
                Ok(Found { addresses: in_turns(addresses, v6_first), later: None })
            }
            None => Err(io::Error::new(io::ErrorKind::NotFound, "it has no address")),
        }
    }

    /// The addresses of both families, of which one may have none. If both lookups failed, the error is that of IPv4,
    /// unless the other one says that the name does not exist.
    fn in_either(v6: io::Result<Vec<SocketAddr>>, v4: io::Result<Vec<SocketAddr>>) -> io::Result<Found> {
        match (v6, v4) {
            (Ok(v6), Ok(v4)) => Found::all([v6, v4].concat()),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Found::all(found),
            (Err(v6), Err(v4)) if v6.kind() == io::ErrorKind::NotFound => {
                Err(if v4.kind() == io::ErrorKind::NotFound { v4 } else { v6 })
            }
            (_, Err(error)) | (Err(error), _) => Err(error),
        }
    }
}

/// Waits until there are addresses to try: IPv6 addresses at once, IPv4 addresses when there are no IPv6 addresses or
/// none arrive in time (RFC 8305 §3).
async fn first_answer(v6: Lookup, v4: Lookup) -> io::Result<Found> {
    match select(v6, v4).await {
        Either::Left((Ok(addresses), v4)) if !addresses.is_empty() => {
            Ok(Found { addresses, later: Some(v4) })
        }
        Either::Left((v6, v4)) => Found::in_either(v6, v4.await),
        Either::Right((Ok(addresses), mut v6)) if !addresses.is_empty() => {
            match timeout(RESOLUTION_DELAY, &mut v6).await {
                Ok(answer) => Found::all([answer.unwrap_or_default(), addresses].concat()),
                Err(_late) => Ok(Found { addresses, later: Some(v6) }),
            }
        }
        Either::Right((v4, v6)) => Found::in_either(v6.await, v4),
    }
}

/// Asks the system for the addresses of one family, in order of preference (RFC 6724).
async fn ask_system(destination: Destination, family: AddrFamily) -> io::Result<Vec<SocketAddr>> {
    let hints = AddrInfoHints {
        address: family.into(),
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    // The call waits for the network and cannot be cancelled. tokio's blocking threads also keep a paused clock from
    // advancing.
    let ask = move || {
        let found = match getaddrinfo(Some(destination.host()), None, Some(hints)) {
            Ok(found) => found,
            Err(error) => return known(error),
        };
        let mut addresses = Vec::new();
        for found in found {
            let mut address = found?.sockaddr;
            address.set_port(destination.port());
            addresses.push(address);
        }
        Ok(addresses)
    };
    spawn_blocking(ask).await?
}

/// Recognizes errors that are results: the name does not exist, or has no address of this family.
fn known(error: LookupError) -> io::Result<Vec<SocketAddr>> {
    match error.kind() {
        LookupErrorKind::NoData => Ok(Vec::new()),
        LookupErrorKind::NoName => Err(io::Error::new(io::ErrorKind::NotFound, io::Error::from(error))),
        _ => Err(error.into()),
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resolver::System => "System",
            Resolver::Custom(_) => "Custom",
        })
    }
}

/// Alternates the families, each in its original order (RFC 8305 §4).
pub(super) fn in_turns(addresses: Vec<SocketAddr>, v6_first: bool) -> Vec<SocketAddr> {
    let count = addresses.len();
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == v6_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(count);
    while ordered.len() < count {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
}

#[cfg(test)]
mod tests;
