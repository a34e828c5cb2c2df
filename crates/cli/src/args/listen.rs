//! Where `longwire serve` listens.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::net::lookup_host;

/// An address as given on the command line: `host:port`, `:port` for every address of the machine, or a port for
/// 127.0.0.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListenAddr {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Every,
    Name(String),
}

impl ListenAddr {
    /// The addresses, the preferred one first. IPv4 is preferred because most clients use it for a local name.
    pub(crate) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let at = |ip| SocketAddr::new(ip, self.port);
        match &self.host {
            Host::Address(ip) => Ok(vec![at(*ip)]),
            // The IPv6 socket also accepts IPv4 connections. The IPv4 address is the fallback for systems without IPv6.
            Host::Every => Ok(vec![at(Ipv6Addr::UNSPECIFIED.into()), at(Ipv4Addr::UNSPECIFIED.into())]),
            // RFC 6761 §6.3.
            Host::Name(name) if name.ends_with(".localhost") => Ok(vec![at(Ipv4Addr::LOCALHOST.into())]),
            Host::Name(name) => {
                let mut found: Vec<SocketAddr> = lookup_host((name.as_str(), self.port)).await?.collect();
                found.sort_by_key(SocketAddr::is_ipv6);
                Ok(found)
            }
        }
    }
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<ListenAddr, String> {
        if let Ok(port) = text.parse() {
            return Ok(ListenAddr { host: Host::Address(Ipv4Addr::LOCALHOST.into()), port });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(ListenAddr { host: Host::Address(address.ip()), port: address.port() });
        }
        let (host, port) = text.rsplit_once(':').ok_or(
            "give host and port, such as localhost:8080; :8080 for every address of this machine; or a port alone",
        )?;
        let port =
            port.parse().map_err(|_| format!("{port:?} is not a port, which is a number from 0 to 65535"))?;
        let host = match host {
            "" => Host::Every,
            address if address.contains([':', '[', ']']) => {
                return Err("write an IPv6 address in brackets, such as [::1]:8080".into());
            }
            name => Host::Name(name.to_owned()),
        };
        Ok(ListenAddr { host, port })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Every => write!(f, ":{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(text: &str) -> Vec<String> {
        let found = text.parse::<ListenAddr>().unwrap().resolve().await.unwrap();
        found.iter().map(SocketAddr::to_string).collect()
    }

    #[tokio::test]
    async fn addresses_names_and_ports_are_what_they_mean() {
        assert_eq!(resolved("127.0.0.2:80").await, ["127.0.0.2:80"]);
        assert_eq!(resolved("[::1]:80").await, ["[::1]:80"]);
        assert_eq!(resolved("8080").await, ["127.0.0.1:8080"]);
        assert_eq!(resolved(":8080").await, ["[::]:8080", "0.0.0.0:8080"]);
        assert_eq!(resolved("localhost:8080").await[0], "127.0.0.1:8080");
        assert_eq!(resolved("app.localhost:8080").await, ["127.0.0.1:8080"]);
    }

    #[test]
    fn what_is_no_address_is_said() {
        for (text, word) in [
            ("nowhere", "localhost:8080"),
            ("localhost:http", "\"http\" is not a port"),
            ("127.0.0.1:70000", "\"70000\" is not a port"),
            ("::1:8080", "brackets"),
            ("", "localhost:8080"),
        ] {
            let error = text.parse::<ListenAddr>().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
