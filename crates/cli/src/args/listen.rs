//! Where `longwire serve` listens.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use tokio::net::lookup_host;

/// A place to listen, as given on the command line or in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListenAddr {
    Port(PortAddr),
    /// `unix:/path`: a Unix socket.
    Unix(PathBuf),
    /// `systemd`: the sockets that the program was started with; `systemd:name`, those of this name.
    Given(Option<String>),
}

/// `host:port`, `:port` for every address of the machine, or a port for 127.0.0.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortAddr {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Every,
    Name(String),
}

/// The addresses of a [`PortAddr`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// All of them.
    All(Vec<SocketAddr>),
    /// The first one that the system has.
    First(Vec<SocketAddr>),
}

/// Where to listen by default.
pub(crate) const DEFAULT_LISTEN: PortAddr =
    PortAddr { host: Host::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)), port: 8080 };

impl PortAddr {
    /// The addresses, the preferred one first. IPv4 is preferred because most clients use it for a local name.
    pub(crate) async fn resolve(&self) -> io::Result<Addresses> {
        let at = |ip| SocketAddr::new(ip, self.port);
        Ok(match &self.host {
            Host::Address(ip) => Addresses::All(vec![at(*ip)]),
            // The IPv6 socket also accepts IPv4 connections. The IPv4 address is the fallback for systems without IPv6.
            Host::Every => {
                Addresses::First(vec![at(Ipv6Addr::UNSPECIFIED.into()), at(Ipv4Addr::UNSPECIFIED.into())])
            }
            // RFC 6761 §6.3.
            Host::Name(name) if name.ends_with(".localhost") => {
                Addresses::All(vec![at(Ipv4Addr::LOCALHOST.into())])
            }
            Host::Name(name) => {
                let mut found: Vec<SocketAddr> = lookup_host((name.as_str(), self.port)).await?.collect();
                found.sort_by_key(SocketAddr::is_ipv6);
                found.dedup();
                Addresses::All(found)
            }
        })
    }
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<ListenAddr, String> {
        let of_unix = text.strip_prefix("unix:").map(|path| ListenAddr::Unix(path.into()));
        let of_systemd = match text.strip_prefix("systemd") {
            Some("") => Some(ListenAddr::Given(None)),
            Some(name) => name.strip_prefix(':').map(|name| ListenAddr::Given(Some(name.to_owned()))),
            None => None,
        };
        match of_unix.or(of_systemd) {
            Some(_) if !cfg!(unix) => Err("this system has no Unix sockets and no systemd".into()),
            Some(ListenAddr::Unix(path)) if path.as_os_str().is_empty() => {
                Err("write the path of the socket, such as unix:/run/longwire/socket".into())
            }
            Some(place) => Ok(place),
            None => text.parse().map(ListenAddr::Port),
        }
    }
}

impl FromStr for PortAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<PortAddr, String> {
        if let Ok(port) = text.parse() {
            return Ok(PortAddr { host: Host::Address(Ipv4Addr::LOCALHOST.into()), port });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(PortAddr { host: Host::Address(address.ip()), port: address.port() });
        }
        let (host, port) = text.rsplit_once(':').ok_or(
            "give host and port, such as localhost:8080; :8080 for every address of this machine; a port alone; \
             unix:/path; or systemd",
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
        Ok(PortAddr { host, port })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddr::Port(address) => address.fmt(f),
            ListenAddr::Unix(path) => write!(f, "unix:{}", path.display()),
            ListenAddr::Given(None) => f.write_str("systemd"),
            ListenAddr::Given(Some(name)) => write!(f, "systemd:{name}"),
        }
    }
}

impl fmt::Display for PortAddr {
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
        let (Addresses::All(found) | Addresses::First(found)) =
            text.parse::<PortAddr>().unwrap().resolve().await.unwrap();
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
        assert_eq!(DEFAULT_LISTEN.to_string(), "127.0.0.1:8080");
    }

    #[cfg(unix)]
    #[test]
    fn unix_sockets_and_those_of_systemd_are_written_as_they_are_shown() {
        for text in ["unix:/run/a b.sock", "systemd", "systemd:web"] {
            let parsed = text.parse::<ListenAddr>().unwrap();
            assert!(!matches!(parsed, ListenAddr::Port(_)), "{text}");
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_said() {
        for (text, word) in [
            ("nowhere", "localhost:8080"),
            ("localhost:http", "\"http\" is not a port"),
            ("127.0.0.1:70000", "\"70000\" is not a port"),
            ("::1:8080", "brackets"),
            ("", "localhost:8080"),
            #[cfg(unix)]
            ("unix:", "unix:/run/longwire/socket"),
        ] {
            let error = text.parse::<ListenAddr>().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
