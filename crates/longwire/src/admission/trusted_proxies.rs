//! The proxies that a server trusts to name its clients.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

use super::forwarded::ForwardedHeader;
use crate::error::{InvalidSetting, Result};

/// The reverse proxies in front of a server that it trusts to name the address of a client, for
/// [`Server::trusted_proxies`](crate::Server::trusted_proxies).
///
/// ```
/// use longwire::TrustedProxies;
///
/// # fn main() -> longwire::Result<()> {
/// let proxies = TrustedProxies::new(["127.0.0.1", "10.0.0.0/8", "unix"])?;
/// # Ok(())
/// # }
/// ```
///
/// By default, the server reads `X-Forwarded-For`. The client is the last address in it that is not a trusted proxy:
/// each proxy appends the address that its connection came from, and a client can put anything before that.
#[derive(Debug, Clone)]
#[must_use = "a server trusts proxies when `Server::trusted_proxies` is called"]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// Whether the programs that connect to the server's Unix sockets are trusted.
    unix: bool,
    header: ForwardedHeader,
    speak_first: bool,
}

impl TrustedProxies {
    /// Trusts these addresses: `10.1.2.3`, a network such as `10.0.0.0/8`, or `unix` for every program that connects
    /// to a Unix socket of the server. None of them may be an address that clients have when they connect to the server
    /// themselves, since such a client could claim any address.
    ///
    /// # Errors
    ///
    /// One of them is not an address, a network or `unix` ([`Error::Setting`](crate::Error::Setting)).
    pub fn new<S: AsRef<str>>(addresses: impl IntoIterator<Item = S>) -> Result<TrustedProxies> {
        let (header, speak_first) = (ForwardedHeader::XForwardedFor, false);
        let mut proxies = TrustedProxies { networks: Vec::new(), unix: false, header, speak_first };
        for address in addresses {
            let address = address.as_ref();
            if address == "unix" {
                proxies.unix = true;
            } else {
                proxies.networks.push(network(address).ok_or_else(|| invalid(address))?);
            }
        }
        Ok(proxies)
    }

    /// Reads the header `Forwarded` (RFC 7239) instead of `X-Forwarded-For`. The server reads only one of them: a proxy
    /// that sets one usually passes on what a client has put into the other.
    pub fn forwarded(mut self) -> TrustedProxies {
        self.header = ForwardedHeader::Forwarded;
        self
    }

    /// Expects the PROXY protocol, version 1 or 2, from the trusted addresses: each of their connections begins with a
    /// header that names the client, before TLS. A connection that begins with anything else is closed. So is one whose
    /// header has more than 4 KiB, or is not complete within
    /// [`Limits::handshake_time`](crate::Limits::handshake_time).
    ///
    /// If the address in it is a trusted proxy as well, the header of each request is read, too. A connection that the
    /// proxy opened for itself, to see whether the server is alive (`LOCAL` or `UNKNOWN`), has the proxy's address.
    pub fn proxy_protocol(mut self) -> TrustedProxies {
        self.speak_first = true;
        self
    }

    /// Whether this is the address of a trusted proxy. `None`: the connection came through a Unix socket.
    pub(crate) fn trust(&self, peer: Option<SocketAddr>) -> bool {
        match peer {
            Some(peer) => self.trust_ip(peer.ip()),
            None => self.unix,
        }
    }

    /// Whether a connection from this address begins with a PROXY header.
    pub(crate) fn speak_first(&self, peer: Option<SocketAddr>) -> bool {
        self.speak_first && self.trust(peer)
    }

    /// The address that trusted proxies have put into the headers of a request: the last one that is not their own, or
    /// the first one if all are. `None`: the last proxy has not named its client.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Option<SocketAddr> {
        let mut client = None;
        for address in self.header.newest_first(headers) {
            let Some(address) = address else { break };
            client = Some(address);
            if !self.trust_ip(address.ip()) {
                break;
            }
        }
        client
    }

    fn trust_ip(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical())));
    network.ok()
}

fn invalid(given: &str) -> InvalidSetting {
    let possible = "an address, a network such as 10.0.0.0/8, or `unix`".to_owned();
    InvalidSetting { setting: "TrustedProxies::new", given: format!("{given:?}"), possible }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(trusted: &[&str], forwarded: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static(forwarded));
        let proxies = TrustedProxies::new(trusted).unwrap();
        proxies.client(&headers).map(|client| client.ip().to_string())
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_proxys() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        for (forwarded, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("6.6.6.6, 192.0.2.1, 10.1.2.3, 2001:db8::1", Some("192.0.2.1")),
            ("6.6.6.6, ::ffff:10.9.9.9", Some("6.6.6.6")),
            ("10.0.0.7, 10.0.0.1", Some("10.0.0.7")),
            ("6.6.6.6, nonsense, 10.0.0.1", Some("10.0.0.1")),
            ("6.6.6.6, nonsense", None),
            ("", None),
        ] {
            assert_eq!(client(&trusted, forwarded).as_deref(), expected, "{forwarded}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_an_error_that_says_what_may_be_written() {
        for wrong in ["", "localhost", "10.0.0.0/33", "10.0.0.1:80", "Unix"] {
            let error = TrustedProxies::new([wrong]).unwrap_err().to_string();
            assert!(error.contains("10.0.0.0/8") && error.contains(&format!("{wrong:?}")), "{error}");
        }
    }

    #[test]
    fn a_unix_socket_is_trusted_only_if_it_is_named() {
        assert!(TrustedProxies::new(["unix"]).unwrap().trust(None));
        assert!(!TrustedProxies::new(["0.0.0.0/0", "::/0"]).unwrap().trust(None));
        let host = TrustedProxies::new(["10.0.0.1"]).unwrap();
        assert!(host.trust(Some(([10, 0, 0, 1], 9).into())));
        assert!(!host.trust(Some(([10, 0, 0, 2], 9).into())));
    }
}
