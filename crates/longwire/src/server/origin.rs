//! Whose pages may connect, RFC 6455 §4.2.2 and §10.2.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Whose pages may connect. Requests without `Origin` do not come from a browser and are not judged by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origins {
    /// The server's own, and these.
    Own {
        and: Vec<String>,
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
            (Some(origin), None) => origin.to_str().map_err(|_| "the Origin is not text")?,
            (Some(_), Some(_)) => return Err("there is more than one Origin"),
        };
        let origin = normalized(origin);
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        if is_own(&origin, host) || allowed.iter().any(|allowed| normalized(allowed) == origin) {
            Ok(())
        } else {
            Err("pages of this origin may not connect here")
        }
    }
}

/// Whether `origin` is that of the server, which the request knows as `host`. The scheme is not compared: behind a
/// proxy that ends TLS, the server does not know its own.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    let (Some((scheme, authority)), Some(host)) = (origin.split_once("://"), host) else { return false };
    normalized(&format!("{scheme}://{host}")).split_once("://") == Some((scheme, authority))
}

/// An origin as browsers write it: small letters, no default port, no slash at the end.
fn normalized(origin: &str) -> String {
    let mut origin = origin.trim_end_matches('/').to_ascii_lowercase();
    let default_port = match origin.split_once("://") {
        Some(("http" | "ws", _)) => ":80",
        Some(("https" | "wss", _)) => ":443",
        _ => return origin,
    };
    if let Some(without) = origin.strip_suffix(default_port) {
        origin.truncate(without.len());
    }
    origin
}

/// Whether a text can be an origin: a scheme and a host, and nothing behind.
pub(super) fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) =
        normalized(text).split_once("://").map(|(s, a)| (s.to_owned(), a.to_owned()))
    else {
        return false;
    };
    !scheme.is_empty()
        && authority.parse::<http::uri::Authority>().is_ok_and(|authority| !authority.as_str().contains('@'))
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
        let some = Origins::Own { and: vec!["https://App.example/".into(), "http://localhost:3000".into()] };
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
            assert!(is_origin(origin), "{origin}");
        }
        for other in
            ["example.com", "https://", "https://a b", "https://a/path", "://a", "https://me@a", "null", ""]
        {
            assert!(!is_origin(other), "{other}");
        }
    }
}
