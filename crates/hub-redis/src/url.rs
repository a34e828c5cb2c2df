//! The addresses of servers, as URLs.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// The port of a server without one in its URL.
const DEFAULT_PORT: u16 = 6379;

/// The address of a server: `redis://user:password@host:port/database`, or `rediss://` for TLS.
///
/// Everything but the host may be left out. Characters that a URL reserves are percent-encoded in the user and the
/// password. [`Display`](fmt::Display) and [`Debug`](fmt::Debug) never show the password.
///
/// ```
/// use longwire_hub_redis::RedisUrl;
///
/// let url: RedisUrl = "redis://:secret@cache.example/2".parse()?;
/// assert_eq!(url.to_string(), "redis://cache.example:6379/2");
/// assert!("http://cache.example".parse::<RedisUrl>().is_err());
/// # Ok::<(), longwire_hub_redis::InvalidRedisUrl>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedisUrl {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) database: u32,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// Text that is not the URL of a Redis server. It does not repeat the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRedisUrl {
    /// It is not a URL with a host.
    Syntax,
    /// Its scheme is neither `redis` nor `rediss`.
    Scheme,
    /// Its path is not the number of a database.
    Database,
    /// It has a query or a fragment.
    Extra,
}

impl fmt::Display for InvalidRedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidRedisUrl::Syntax => {
                "not a URL of the form `redis://host:port`; reserved characters of a password are percent-encoded"
            }
            InvalidRedisUrl::Scheme => "the URL's scheme is neither `redis` nor `rediss`",
            InvalidRedisUrl::Database => "the URL's path is not the number of a database",
            InvalidRedisUrl::Extra => "the URL has a query or a fragment, which have no meaning here",
        })
    }
}

impl std::error::Error for InvalidRedisUrl {}

impl RedisUrl {
    /// `host:port`, with an IPv6 address in brackets.
    pub(crate) fn authority(&self) -> String {
        let RedisUrl { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Another server that is reached in the same way.
    pub(crate) fn with_address(&self, host: &str, port: u16) -> RedisUrl {
        RedisUrl { host: host.to_owned(), port, ..self.clone() }
    }
}

impl FromStr for RedisUrl {
    type Err = InvalidRedisUrl;

    fn from_str(text: &str) -> Result<RedisUrl, InvalidRedisUrl> {
        let url = Url::parse(text).map_err(|_| InvalidRedisUrl::Syntax)?;
        let tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(InvalidRedisUrl::Scheme),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidRedisUrl::Extra);
        }
        let host = match url.host().ok_or(InvalidRedisUrl::Syntax)? {
            Host::Domain(name) => decoded(name)?,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            number => number.parse().map_err(|_| InvalidRedisUrl::Database)?,
        };
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decoded).transpose()?;
        let password = url.password().map(decoded).transpose()?;
        Ok(RedisUrl { host, port: url.port().unwrap_or(DEFAULT_PORT), tls, database, user, password })
    }
}

fn decoded(text: &str) -> Result<String, InvalidRedisUrl> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| InvalidRedisUrl::Syntax)?;
    Ok(text.into_owned())
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}", self.authority())?;
        if self.database == 0 { Ok(()) } else { write!(f, "/{}", self.database) }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_with_all_its_parts() {
        let url: RedisUrl = "rediss://hub:p%40ss%2F@[::1]:7000/3".parse().unwrap();
        assert_eq!(url.authority(), "[::1]:7000");
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("hub"), Some("p@ss/")));
        assert_eq!((url.tls, url.database), (true, 3));
    }

    #[test]
    fn a_password_is_never_shown() {
        let url: RedisUrl = "redis://hub:secret@cache.example".parse().unwrap();
        assert_eq!(format!("{url} {url:?}").matches("secret").count(), 0);
        let invalid = "redis://hub:secret@cache.example:port".parse::<RedisUrl>().unwrap_err();
        assert!(!format!("{invalid} {invalid:?}").contains("secret"));
    }

    #[test]
    fn other_urls_are_refused_by_their_fault() {
        for (url, fault) in [
            ("cache.example", InvalidRedisUrl::Syntax),
            ("redis:///1", InvalidRedisUrl::Syntax),
            ("http://cache.example", InvalidRedisUrl::Scheme),
            ("redis://cache.example/first", InvalidRedisUrl::Database),
            ("redis://cache.example?db=1", InvalidRedisUrl::Extra),
        ] {
            assert_eq!(url.parse::<RedisUrl>(), Err(fault), "{url}");
        }
    }
}
