//! The address of a WebSocket server: the URL rules of RFC 6455 §3 and of the WHATWG WebSockets Standard.

use std::fmt;

use http::{HeaderValue, Uri};

use super::credentials::{Credentials, redacted};
use super::destination::Destination;
use super::url::{ParseError, Scheme, Url};
use crate::error::UrlError;

/// A WebSocket URL.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// Without user name and password.
    url: Url,
    destination: Destination,
    secure: bool,
    credentials: Option<Credentials>,
    host_header: HeaderValue,
    target: Uri,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Address, UrlError> {
        let url = Url::parse(text).map_err(|error| unusable(text, error))?;
        if url.fragment().is_some() {
            return Err(UrlError::Fragment(redacted(text).into_owned()));
        }
        Address::from_url(url, text)
    }

    /// The address that a redirect from this one leads to (RFC 9110 §10.2.2): a relative, WebSocket or HTTP URL. User
    /// name and password are kept if the origin is the same; those in `location` are ignored, because the server must
    /// not choose them.
    pub(super) fn redirected(&self, location: &str) -> Result<Address, UrlError> {
        let mut url = self.url.join(location).map_err(|error| unusable(location, error))?;
        url.remove_fragment();
        let mut address = Address::from_url(url, location)?;
        address.credentials = self.credentials.clone().filter(|_| self.has_origin_of(&address));
        Ok(address)
    }

    /// Whether both have the same origin (RFC 6454 §4).
    pub(super) fn has_origin_of(&self, other: &Address) -> bool {
        self.secure == other.secure && self.destination == other.destination
    }

    /// `text` is the original URL, for errors.
    fn from_url(mut url: Url, text: &str) -> Result<Address, UrlError> {
        let shown = || redacted(text).into_owned();
        let invalid = |reason: String| UrlError::Invalid { url: shown(), reason };
        // WHATWG WebSockets, "new WebSocket": http and https mean ws and wss.
        let secure = match url.scheme {
            Scheme::Ws | Scheme::Http => false,
            Scheme::Wss | Scheme::Https => true,
            Scheme::Socks5 | Scheme::Socks5h => return Err(UrlError::Scheme(shown())),
        };
        url.scheme = if secure { Scheme::Wss } else { Scheme::Ws };
        let credentials = Credentials::take(&mut url).map_err(|reason| invalid(reason.to_owned()))?;
        // RFC 6455 §4.1: `Host` contains the port unless it is the default. `Url` omits the default port, too.
        let host_header =
            HeaderValue::from_str(&url.authority()).map_err(|error| invalid(error.to_string()))?;
        // RFC 6455 §3: an empty query is omitted.
        let path_and_query = match url.query() {
            Some(query) if !query.is_empty() => format!("{}?{query}", url.path()),
            _ => url.path().to_owned(),
        };
        let target =
            path_and_query.parse().map_err(|error: http::uri::InvalidUri| invalid(error.to_string()))?;
        let destination = Destination::new(url.host(), url.port());
        Ok(Address { url, destination, secure, credentials, host_header, target })
    }

    /// The value of the header `Host`.
    pub(super) fn host_header(&self) -> HeaderValue {
        self.host_header.clone()
    }

    /// Path and query.
    pub(super) fn target(&self) -> &Uri {
        &self.target
    }

    /// The whole URL, for the user.
    pub(super) fn uri(&self) -> Uri {
        self.to_string().parse().unwrap_or_else(|_| self.target.clone())
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host and port to look up and connect to.
    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// User name and password.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }
}

fn unusable(text: &str, error: ParseError) -> UrlError {
    let url = redacted(text).into_owned();
    match error {
        ParseError::Scheme => UrlError::Scheme(url),
        ParseError::EmptyHost => UrlError::NoHost(url),
        error => UrlError::Invalid { url, reason: error.to_string() },
    }
}

/// The URL without user name and password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.url.scheme.name(), self.url.authority(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (String, String, String, (String, u16), bool) {
        let address = Address::parse(url).unwrap();
        let host_header = address.host_header().to_str().unwrap().to_owned();
        let target = address.target().to_string();
        let to = (address.destination().host().to_owned(), address.destination().port());
        (address.to_string(), host_header, target, to, address.is_secure())
    }

    fn expect(url: &str, shown: &str, host: &str, target: &str, connect_to: (&str, u16), secure: bool) {
        let connect_to = (connect_to.0.to_owned(), connect_to.1);
        assert_eq!(parsed(url), (shown.into(), host.into(), target.into(), connect_to, secure), "{url}");
    }

    #[test]
    fn the_scheme_decides_about_port_and_tls() {
        expect("ws://a.example", "ws://a.example/", "a.example", "/", ("a.example", 80), false);
        expect("ws://a.example:80/x", "ws://a.example/x", "a.example", "/x", ("a.example", 80), false);
        expect(
            "ws://a.example:8080",
            "ws://a.example:8080/",
            "a.example:8080",
            "/",
            ("a.example", 8080),
            false,
        );
        expect(
            "wss://a.example/?q=1&r",
            "wss://a.example/?q=1&r",
            "a.example",
            "/?q=1&r",
            ("a.example", 443),
            true,
        );
        expect("ws://a.example/x?", "ws://a.example/x", "a.example", "/x", ("a.example", 80), false);
        expect("wss://a.example:80", "wss://a.example:80/", "a.example:80", "/", ("a.example", 80), true);
    }

    #[test]
    fn http_urls_stand_for_websocket_ones() {
        expect("http://a.example:80/", "ws://a.example/", "a.example", "/", ("a.example", 80), false);
        expect("HTTPS://A.example", "wss://a.example/", "a.example", "/", ("a.example", 443), true);
    }

    #[test]
    fn addresses_and_international_names_are_hosts() {
        expect("ws://[::1]:9000/", "ws://[::1]:9000/", "[::1]:9000", "/", ("::1", 9000), false);
        expect("ws://127.0.0.1", "ws://127.0.0.1/", "127.0.0.1", "/", ("127.0.0.1", 80), false);
        #[cfg(feature = "idn")]
        expect(
            "ws://bücher.example",
            "ws://xn--bcher-kva.example/",
            "xn--bcher-kva.example",
            "/",
            ("xn--bcher-kva.example", 80),
            false,
        );
    }

    #[test]
    fn paths_are_encoded_and_passwords_not_shown() {
        expect(
            "ws://a.example/a b?c d",
            "ws://a.example/a%20b?c%20d",
            "a.example",
            "/a%20b?c%20d",
            ("a.example", 80),
            false,
        );
        expect("ws://me:secret@a.example/", "ws://a.example/", "a.example", "/", ("a.example", 80), false);
        assert_eq!(Address::parse("ws://a.example:81/x?y").unwrap().uri(), "ws://a.example:81/x?y");
        assert_eq!(Address::parse("ws://[::1]").unwrap().destination().to_string(), "[::1]:80");
    }

    #[test]
    fn no_error_shows_a_password() {
        for url in ["ftp://me:secret@a.example", "ws://me:secret@a.example/#top", "ws://me:secret@a:99999"] {
            let error = Address::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn a_redirect_is_relative_or_of_http_and_keeps_credentials_within_the_origin() {
        let from = Address::parse("ws://me:secret@a.example/x/y?z").unwrap();
        for (location, shown, keeps) in [
            ("v", "ws://a.example/x/v", true),
            ("/v?w#top", "ws://a.example/v?w", true),
            ("http://a.example:80/", "ws://a.example/", true),
            ("http://you:other@a.example/", "ws://a.example/", true),
            ("//b.example/v", "ws://b.example/v", false),
            ("https://a.example/", "wss://a.example/", false),
            ("ws://a.example:81/", "ws://a.example:81/", false),
        ] {
            let to = from.redirected(location).unwrap();
            assert_eq!(to.to_string(), shown);
            assert_eq!(to.credentials(), from.credentials().filter(|_| keeps), "{location}");
        }
        assert!(matches!(from.redirected("mailto:x@y").unwrap_err(), UrlError::Scheme(_)));
        assert!(matches!(from.redirected("http://[").unwrap_err(), UrlError::Invalid { .. }));
    }

    #[test]
    fn what_is_no_url_of_a_websocket_is_said() {
        let error = |url: &str| Address::parse(url).unwrap_err();
        assert!(matches!(error("ftp://a.example"), UrlError::Scheme(_)));
        assert!(matches!(error("a.example:80"), UrlError::Scheme(_)));
        assert!(matches!(error("ws://a.example/#top"), UrlError::Fragment(_)));
        assert!(matches!(error("ws://a.example/#"), UrlError::Fragment(_)));
        assert!(matches!(error("ws://"), UrlError::NoHost(_)));
        assert!(matches!(error("a.example"), UrlError::Invalid { .. }));
        assert!(matches!(error("ws://a.example:99999"), UrlError::Invalid { .. }));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_are_checked_against_the_name_or_address() {
        let name =
            |url: &str| Address::parse(url).unwrap().destination().tls_name().unwrap().to_str().into_owned();
        assert_eq!(name("wss://a.example"), "a.example");
        assert_eq!(name("wss://[::1]:1"), "::1");
        assert_eq!(name("wss://127.0.0.1"), "127.0.0.1");
    }
}
