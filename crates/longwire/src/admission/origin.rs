//! Which origins may connect, RFC 6455 §4.2.2 and §10.2.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use http::HeaderMap;
use http::header::ORIGIN;
use longwire_proto::handshake::HostPort;

/// The origin of a page: a scheme, a host and a port (RFC 6454), such as `https://example.com`. In the settings of a
/// server, `https://*.example.com` stands for all hosts below `example.com`, at any depth, but not for `example.com`.
///
/// ```
/// use longwire::Origin;
///
/// let origin: Origin = "https://Example.com:443".parse()?;
/// assert_eq!(origin.to_string(), "https://example.com");
/// assert!("https://*.example.com".parse::<Origin>().is_ok());
/// assert!("https://*".parse::<Origin>().is_err());
/// # Ok::<(), longwire::InvalidOrigin>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    /// Without the default port of the scheme. A leading `*.` stands for one or more labels.
    authority: String,
}

/// The error for text that is not a valid origin.
///
/// ```
/// use longwire::{InvalidOrigin, Origin};
///
/// let parsed: Result<Origin, InvalidOrigin> = "example.com".parse();
/// assert!(parsed.is_err()); // the scheme is missing: https://example.com
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOrigin(String);

/// Stands for any labels before a host.
const WILDCARD: &str = "*.";

impl Origin {
    /// Parses an origin that a browser sent. Wildcards are invalid in it.
    fn exact(text: &str) -> Option<Origin> {
        let lower_case = text.to_ascii_lowercase();
        let (scheme, authority) = lower_case.split_once("://")?;
        if scheme.is_empty() || authority.contains('*') {
            return None;
        }
        let HostPort { host, port } = HostPort::parse(authority)?;
        let default_port = match scheme {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        };
        let authority = match port {
            Some(port) if Some(port) != default_port => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        Some(Origin { scheme: scheme.to_owned(), authority })
    }

    /// Whether this origin equals `page`, which has no wildcard, or covers it with a wildcard. A server that answers
    /// plain requests of scripts checks their `Origin` with it, by the rule that it has for WebSockets.
    ///
    /// ```
    /// use longwire::Origin;
    ///
    /// let allowed: Origin = "https://*.example.com".parse()?;
    /// assert!(allowed.covers(&"https://chat.example.com".parse()?));
    /// assert!(!allowed.covers(&"https://example.com".parse()?));
    /// # Ok::<(), longwire::InvalidOrigin>(())
    /// ```
    #[must_use]
    pub fn covers(&self, page: &Origin) -> bool {
        let labels = match self.authority.strip_prefix(WILDCARD) {
            None => return self == page,
            Some(parent) => page.authority.strip_suffix(parent).and_then(|rest| rest.strip_suffix('.')),
        };
        self.scheme == page.scheme
            && labels.is_some_and(|labels| labels.split('.').all(|label| !label.is_empty()))
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Origin, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.to_owned());
        let trimmed = text.trim_end_matches('/');
        let (before, parent) = match trimmed.split_once("://*.") {
            Some((scheme, parent)) => (WILDCARD, format!("{scheme}://{parent}")),
            None => ("", trimmed.to_owned()),
        };
        let exact = Origin::exact(&parent).ok_or_else(invalid)?;
        // An IP address has no hosts below it.
        let is_address = HostPort::parse(&exact.authority).is_none_or(|HostPort { host, .. }| {
            let last = host.rsplit('.').next().unwrap_or_default();
            host.starts_with('[') || last.bytes().all(|byte| byte.is_ascii_digit())
        });
        if !before.is_empty() && is_address {
            return Err(invalid());
        }
        Ok(Origin { authority: format!("{before}{}", exact.authority), ..exact })
    }
}

impl TryFrom<&str> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: &str) -> Result<Origin, InvalidOrigin> {
        text.parse()
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Origin, InvalidOrigin> {
        text.parse()
    }
}

impl From<Infallible> for InvalidOrigin {
    fn from(never: Infallible) -> InvalidOrigin {
        match never {}
    }
}

/// Formatted as browsers write it: lower case, no default port, no trailing slash.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidOrigin(text) = self;
        write!(f, "{text:?} is not an origin: it has a scheme and a host, such as https://example.com")?;
        if text.contains('*') {
            f.write_str("; `*.` may stand before the host, as in https://*.example.com, and nowhere else")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidOrigin {}

/// Which pages with the host of the request are the server's own. A different scheme is a different origin (RFC 6454
/// §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnPages {
    /// Pages of `http://`: clients speak plain TCP.
    Plain,
    /// Pages of `https://`: clients speak TLS, to the server or to a proxy in front of it.
    Secure,
}

impl OwnPages {
    fn scheme(self) -> &'static str {
        match self {
            OwnPages::Plain => "http",
            OwnPages::Secure => "https",
        }
    }

    /// The server's own origin, if the client reached it as `host`.
    fn origin(self, host: Option<&str>) -> Option<Origin> {
        Origin::exact(&format!("{}://{}", self.scheme(), host?))
    }
}

/// Which origins may connect. Requests without an `Origin` header do not come from a browser and are not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origins {
    /// The server's own origin and these.
    Own {
        and: Vec<Origin>,
    },
    Any,
}

impl Default for Origins {
    fn default() -> Origins {
        Origins::Own { and: Vec::new() }
    }
}

/// Why a page may not connect.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    Repeated,
    /// The page has an opaque origin, such as `null`, which cannot be compared (RFC 6454 §7.3).
    Opaque,
    /// The page has another origin.
    Other(Origin),
    /// The page has the server's host and `https://`, but clients reach the server over plain text.
    SecurePage,
    /// The page has the server's host and `http://`, but clients reach the server over TLS.
    PlainPage(Origin),
}

impl Foreign {
    /// The reason in the response to the client.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Foreign::Repeated => "there is more than one Origin",
            _ => "pages of this origin may not connect here",
        }
    }

    /// The setting that would let the page connect, for the operator.
    pub(crate) fn allowed_by(&self) -> Option<String> {
        match self {
            Foreign::Repeated => None,
            Foreign::Opaque => Some("Server::any_origin or Endpoint::any_origin, if pages of any origin may connect".into()),
            Foreign::SecurePage => Some(
                "--behind-tls-proxy (Server::behind_tls_proxy, Endpoint::behind_tls_proxy), if TLS ends before this server"
                    .into(),
            ),
            Foreign::PlainPage(page) => Some(format!(
                "--origin {page} (Server::origins, Endpoint::origins); but anyone on the network path can modify \
                 a page served over http, so prefer https"
            )),
            Foreign::Other(page) => Some(format!(
                "--origin {page} (Server::origins, Endpoint::origins); or, if it is a page of this server, a proxy that \
                 passes Host on (nginx: proxy_set_header Host $http_host)"
            )),
        }
    }
}

impl Origins {
    /// Checks whether a request with these headers, for `host`, may open a WebSocket.
    pub(crate) fn check(
        &self,
        own: OwnPages,
        headers: &HeaderMap,
        host: Option<&str>,
    ) -> Result<(), Foreign> {
        let Origins::Own { and: allowed } = self else { return Ok(()) };
        let mut origins = headers.get_all(ORIGIN).iter();
        let page = match (origins.next(), origins.next()) {
            (None, _) => return Ok(()),
            (Some(origin), None) => origin.to_str().ok().and_then(Origin::exact).ok_or(Foreign::Opaque)?,
            (Some(_), Some(_)) => return Err(Foreign::Repeated),
        };
        if own.origin(host).as_ref() == Some(&page) || allowed.iter().any(|origin| origin.covers(&page)) {
            return Ok(());
        }
        let is_of = |own: OwnPages| own.origin(host).as_ref() == Some(&page);
        Err(match own {
            OwnPages::Plain if is_of(OwnPages::Secure) => Foreign::SecurePage,
            OwnPages::Secure if is_of(OwnPages::Plain) => Foreign::PlainPage(page),
            _ => Foreign::Other(page),
        })
    }
}

#[cfg(test)]
mod tests;
