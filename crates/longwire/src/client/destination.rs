//! The host and port to connect to.

use std::fmt;
use std::net::IpAddr;

/// Host and port: a [resolver](crate::Client::resolver) looks them up, and a [connector](crate::Client::connector)
/// connects to them.
///
/// ```
/// use longwire::{Client, Destination};
/// use tokio::net::TcpStream;
///
/// // Whatever the URL names is reached at this address.
/// let client = Client::new().connector(async |to: Destination| {
///     println!("{} at port {}", to.host(), to.port());
///     TcpStream::connect(("192.0.2.1", to.port())).await
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    host: Box<str>,
    ip: Option<IpAddr>,
    port: u16,
}

impl Destination {
    /// `host` may be an IPv6 address in brackets, as in a URL.
    pub(super) fn new(host: &str, port: u16) -> Destination {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Destination { host: bare.into(), ip: bare.parse().ok(), port }
    }

    /// The name or the address; an IPv6 address has no brackets. Names are in lower case, and international names in
    /// their ASCII form.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address, if the host is an address and not a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is a name below `localhost`. Such names always mean the loopback address (RFC 6761 §6.3). The
    /// system resolves `localhost` itself.
    pub(super) fn is_below_localhost(&self) -> bool {
        self.host.strip_suffix('.').unwrap_or(&self.host).ends_with(".localhost")
    }

    /// The name that the server's certificate must match.
    #[cfg(feature = "tls")]
    pub(super) fn tls_name(&self) -> std::io::Result<rustls::pki_types::ServerName<'static>> {
        match self.ip {
            Some(ip) => Ok(ip.into()),
            None => rustls::pki_types::ServerName::try_from(self.host.to_string())
                .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error)),
        }
    }
}

/// Host and port, separated by a colon, as in `[::1]:80`.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
