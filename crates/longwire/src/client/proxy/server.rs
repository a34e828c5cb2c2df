//! Proxies and their addresses.

use std::fmt;

use super::exceptions::Exceptions;
use crate::client::credentials::{Credentials, redacted};
use crate::client::destination::Destination;
use crate::client::url::{ParseError, Scheme, Url};
use crate::error::{ProxyError, Result};

/// A proxy to connect through.
///
/// | address | kind | default port |
/// |---|---|---|
/// | `http://proxy.example:3128` | an HTTP proxy (CONNECT, RFC 9110 §9.3.6), for both `ws://` and `wss://` | 80 |
/// | `https://…` | an HTTP proxy over TLS; [`Client::tls`](crate::Client::tls) decides whether to trust it, as for servers | 443 |
/// | `socks5h://…` | a SOCKS 5 proxy (RFC 1928) that looks names up itself | 1080 |
/// | `socks5://…` | a SOCKS 5 proxy; the client looks names up, as with curl; if the proxy cannot connect to an address of one family, the client tries one of the other | 1080 |
///
/// SOCKS needs the feature `socks`. An address without a scheme is an HTTP proxy. `user:password@` before the host,
/// percent-encoded where necessary, is sent with the Basic scheme; to SOCKS proxies by RFC 1929.
///
/// ```
/// use longwire::{Client, Proxy};
///
/// # async fn tunnel() -> longwire::Result<()> {
/// let proxy = Proxy::new("http://user:password@proxy.example:3128")?.except("localhost, .internal, 10.0.0.0/8");
/// let socket = Client::new().proxy(proxy).connect("wss://example.com/socket").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Proxy {
    server: ProxyServer,
    exceptions: Exceptions,
}

/// The address of a proxy and its protocol.
#[derive(Debug, Clone)]
pub(in crate::client) struct ProxyServer {
    pub(super) kind: ProxyKind,
    pub(super) destination: Destination,
    pub(super) credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyKind {
    Http,
    #[cfg(feature = "tls")]
    Https,
    #[cfg(feature = "socks")]
    Socks(Names),
}

/// Where the names of servers are looked up.
#[cfg(feature = "socks")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Here,
    AtProxy,
}

impl Proxy {
    /// Creates a proxy for every connection.
    ///
    /// # Errors
    ///
    /// [`Error::Proxy`](crate::Error::Proxy) if the address is not that of a usable proxy.
    pub fn new(url: impl AsRef<str>) -> Result<Proxy> {
        let server = ProxyServer::parse(url.as_ref())?;
        Ok(Proxy { server, exceptions: Exceptions::default() })
    }

    /// Sets the hosts that are reached without the proxy: names (including their subdomains), addresses and networks
    /// such as `10.0.0.0/8`, separated by commas or spaces; `*` matches every host. These are the rules of curl's
    /// `NO_PROXY`.
    #[must_use]
    pub fn except(mut self, hosts: &str) -> Proxy {
        self.exceptions = Exceptions::parse(hosts);
        self
    }

    pub(super) fn server_for(&self, destination: &Destination) -> Option<&ProxyServer> {
        (!self.exceptions.cover(destination)).then_some(&self.server)
    }
}

impl ProxyServer {
    fn parse(text: &str) -> Result<ProxyServer, ProxyError> {
        let invalid =
            |reason: &str| ProxyError::Address { proxy: redacted(text).into(), reason: reason.into() };
        let parsed =
            if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
        let schemes = "it must begin with http://, https://, socks5:// or socks5h://";
        let mut url = parsed.map_err(|error| match error {
            ParseError::Scheme => invalid(schemes),
            error => invalid(&error.to_string()),
        })?;
        let kind = match url.scheme {
            Scheme::Http => ProxyKind::Http,
            #[cfg(feature = "tls")]
            Scheme::Https => ProxyKind::Https,
            #[cfg(feature = "socks")]
            Scheme::Socks5 => ProxyKind::Socks(Names::Here),
            #[cfg(feature = "socks")]
            Scheme::Socks5h => ProxyKind::Socks(Names::AtProxy),
            #[cfg(not(feature = "socks"))]
            Scheme::Socks5 | Scheme::Socks5h => return Err(invalid("this build lacks the feature `socks`")),
            _ => return Err(invalid(schemes)),
        };
        let credentials = match kind {
            #[cfg(feature = "socks")]
            ProxyKind::Socks(_) => Credentials::take_any(&mut url),
            _ => Credentials::take(&mut url),
        };
        let credentials = credentials.map_err(&invalid)?;
        let destination = Destination::new(url.host(), url.port());
        Ok(ProxyServer { kind, destination, credentials })
    }

    /// The host and port to look up and connect to.
    pub(in crate::client) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Whether the proxy takes a server's address instead of its name.
    #[cfg(feature = "socks")]
    pub(in crate::client) fn wants_addresses(&self) -> bool {
        self.kind == ProxyKind::Socks(Names::Here)
    }
}

/// Host and port.
impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.destination.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_says_what_it_is_and_where() {
        let parsed = |url: &str| {
            let server = ProxyServer::parse(url).unwrap();
            (server.kind, server.destination.to_string())
        };
        assert_eq!(parsed("http://p.example:3128"), (ProxyKind::Http, "p.example:3128".into()));
        assert_eq!(parsed("http://p.example:80/"), (ProxyKind::Http, "p.example:80".into()));
        assert_eq!(parsed("p.example:3128"), (ProxyKind::Http, "p.example:3128".into()));
        assert_eq!(parsed("127.0.0.1"), (ProxyKind::Http, "127.0.0.1:80".into()));
        #[cfg(feature = "socks")]
        assert_eq!(parsed("socks5h://[::1]"), (ProxyKind::Socks(Names::AtProxy), "[::1]:1080".into()));
        #[cfg(feature = "socks")]
        assert_eq!(parsed("socks5://127.0.0.1:9"), (ProxyKind::Socks(Names::Here), "127.0.0.1:9".into()));
        #[cfg(feature = "tls")]
        assert_eq!(parsed("https://p.example"), (ProxyKind::Https, "p.example:443".into()));
    }

    #[test]
    fn user_and_password_are_kept_and_never_shown() {
        let proxy = Proxy::new("http://me:s%40cret@p.example").unwrap();
        let credentials = proxy.server.credentials.as_ref().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("me", "s@cret"));
        assert!(!format!("{proxy:?} {}", proxy.server).contains("cret"));
        for url in ["ftp://me:secret@p.example", "me:secret@p.example:99999", "http://me:%FFsecret@p.example"]
        {
            let error = Proxy::new(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }

    #[cfg(feature = "socks")]
    #[test]
    fn a_user_with_a_colon_can_be_named_to_socks_only() {
        let proxy = Proxy::new("socks5://m%3Ae:secret@p.example").unwrap();
        assert_eq!(proxy.server.credentials.unwrap().user, "m:e");
        let error = Proxy::new("http://m%3Ae:secret@p.example").unwrap_err().to_string();
        assert!(error.contains("its user name contains a colon"), "{error}");
    }

    #[test]
    fn what_is_no_proxy_is_said() {
        for url in ["", "socks4://p.example", "http://", "socks5://", "ws://p.example"] {
            let error = Proxy::new(url).unwrap_err().to_string();
            assert!(error.contains("cannot be used as a proxy: "), "{error}");
        }
    }
}
