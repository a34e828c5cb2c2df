//! Whose pages may connect, RFC 6455 §4.2.2 and §10.2.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Where a page comes from: a scheme, a host and a port (RFC 6454), such as `https://example.com`.
///
/// ```
/// use longwire::Origin;
///
/// let origin: Origin = "https://Example.com:443".parse()?;
/// assert_eq!(origin.to_string(), "https://example.com");
/// # Ok::<(), longwire::InvalidOrigin>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    /// Without the default port of the scheme.
    authority: String,
}

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOrigin(String);

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Origin, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.to_owned());
        let lower_case = text.trim_end_matches('/').to_ascii_lowercase();
        let (scheme, authority) = lower_case.split_once("://").ok_or_else(invalid)?;
        let host: http::uri::Authority = authority.parse().map_err(|_| invalid())?;
        if scheme.is_empty() || host.as_str().contains('@') {
            return Err(invalid());
        }
        let default_port = match scheme {
            "http" | "ws" => ":80",
            "https" | "wss" => ":443",
            _ => "",
        };
        let authority = authority.strip_suffix(default_port).unwrap_or(authority);
        Ok(Origin { scheme: scheme.to_owned(), authority: authority.to_owned() })
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

/// As browsers write it: small letters, no default port, no slash at the end.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an origin: it has a scheme and a host, such as https://example.com", self.0)
    }
}

impl std::error::Error for InvalidOrigin {}

/// Whose pages may connect. Requests without `Origin` do not come from a browser and are not judged by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origins {
    /// The server's own, and these.
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

impl Origins {
    /// Whether a request with these headers may open a WebSocket; else the reason why not.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let Origins::Own { and: allowed } = self else { return Ok(()) };
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return Ok(()),
            (Some(origin), None) => origin.to_str().ok().and_then(|origin| origin.parse().ok()),
            (Some(_), Some(_)) => return Err("there is more than one Origin"),
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        match origin {
            Some(origin) if is_own(&origin, host) || allowed.contains(&origin) => Ok(()),
            // `null` among them, which stands for pages that have no origin (RFC 6454 §7.3).
            _ => Err("pages of this origin may not connect here"),
        }
    }
}

/// Whether `origin` is that of the server, which the request knows as `host`. The scheme is not compared: behind a
/// proxy that ends TLS, the server does not know its own.
fn is_own(origin: &Origin, host: Option<&str>) -> bool {
    host.and_then(|host| format!("{}://{host}", origin.scheme).parse::<Origin>().ok()).as_ref()
        == Some(origin)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(origins: &Origins, host: &str, origin: &[&str]) -> Result<(), &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        for origin in origin {
            headers.append(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        origins.check(&headers)
    }

    #[test]
    fn by_default_a_page_connects_to_its_own_server_only() {
        let own = Origins::default();
        assert!(check(&own, "example.com", &["https://example.com"]).is_ok());
        assert!(check(&own, "Example.com:443", &["https://example.com"]).is_ok());
        assert!(check(&own, "localhost:8080", &["http://localhost:8080"]).is_ok());
        assert!(check(&own, "[::1]:8080", &["http://[::1]:8080"]).is_ok());
        for foreign in [
            "https://evil.example",
            "https://example.com.evil.example",
            "https://evil-example.com",
            "https://example.com:8443",
            "http://localhost",
            "null",
            "",
            "example.com",
        ] {
            assert!(check(&own, "example.com", &[foreign]).is_err(), "{foreign}");
        }
    }

    #[test]
    fn who_sends_no_origin_is_no_browser() {
        assert!(check(&Origins::default(), "example.com", &[]).is_ok());
    }

    #[test]
    fn two_origins_are_refused_even_if_one_would_do() {
        let origins = ["https://example.com", "https://example.com"];
        assert_eq!(check(&Origins::default(), "example.com", &origins), Err("there is more than one Origin"));
    }

    #[test]
    fn further_origins_can_be_allowed() {
        let some = Origins::Own {
            and: ["https://App.example/", "http://localhost:3000"]
                .map(|origin| origin.parse().unwrap())
                .into(),
        };
        assert!(check(&some, "api.example", &["https://app.example"]).is_ok());
        assert!(check(&some, "api.example", &["https://api.example"]).is_ok());
        assert!(check(&some, "api.example", &["http://localhost:3000"]).is_ok());
        assert!(check(&some, "api.example", &["http://app.example"]).is_err());
        assert!(check(&some, "api.example", &["http://localhost"]).is_err());
        assert!(check(&Origins::Any, "api.example", &["null"]).is_ok());
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for origin in
            ["https://example.com", "http://localhost:3000", "https://[::1]:8443", "HTTPS://Example.com/"]
        {
            assert!(origin.parse::<Origin>().is_ok(), "{origin}");
        }
        for other in
            ["example.com", "https://", "https://a b", "https://a/path", "://a", "https://me@a", "null", ""]
        {
            assert!(other.parse::<Origin>().is_err(), "{other}");
        }
        assert_eq!(
            Origin::try_from("example.com").unwrap_err().to_string(),
            r#""example.com" is not an origin: it has a scheme and a host, such as https://example.com"#
        );
    }
}
