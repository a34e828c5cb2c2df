//! Where to connect: the URL rules of RFC 6455 §3 and of the WHATWG WebSockets Standard.

use std::fmt;

use http::{HeaderValue, Uri};
use url::{Host, Url};

use crate::error::UrlError;

/// A URL of a WebSocket.
#[derive(Debug, Clone)]
pub(super) struct Address {
    url: Url,
    host: Host<String>,
    port: u16,
    secure: bool,
    host_header: HeaderValue,
    target: Uri,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Address, UrlError> {
        let invalid = |reason: String| UrlError::Invalid { url: text.to_owned(), reason };
        let mut url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
        // WHATWG WebSockets, "new WebSocket": http and https stand for ws and wss.
        let (scheme, secure, default_port) = match url.scheme() {
            "ws" | "http" => ("ws", false, 80),
            "wss" | "https" => ("wss", true, 443),
            _ => return Err(UrlError::Scheme(text.to_owned())),
        };
        if url.fragment().is_some() {
            return Err(UrlError::Fragment(text.to_owned()));
        }
        if url.set_scheme(scheme).is_err() {
            return Err(UrlError::Scheme(text.to_owned()));
        }
        let host = url.host().ok_or_else(|| UrlError::NoHost(text.to_owned()))?.to_owned();
        // RFC 6455 §4.1: the port stands in `Host` unless it is the default one, which `Url` leaves out as well.
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let host_header = HeaderValue::from_str(&authority).map_err(|error| invalid(error.to_string()))?;
        let path_and_query = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let target =
            path_and_query.parse().map_err(|error: http::uri::InvalidUri| invalid(error.to_string()))?;
        let port = url.port().unwrap_or(default_port);
        Ok(Address { url, host, port, secure, host_header, target })
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

    /// What to look up and connect to.
    pub(super) fn socket_address(&self) -> (String, u16) {
        let host = match &self.host {
            Host::Domain(domain) => domain.clone(),
            Host::Ipv4(address) => address.to_string(),
            // Without the brackets that it has in a URL.
            Host::Ipv6(address) => address.to_string(),
        };
        (host, self.port)
    }

    /// Host and port, for a person.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The name that the server's certificate has to carry.
    #[cfg(feature = "tls")]
    pub(super) fn tls_name(&self) -> std::io::Result<rustls::pki_types::ServerName<'static>> {
        let name = match &self.host {
            Host::Domain(domain) => rustls::pki_types::ServerName::try_from(domain.clone())
                .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?,
            Host::Ipv4(address) => std::net::IpAddr::from(*address).into(),
            Host::Ipv6(address) => std::net::IpAddr::from(*address).into(),
        };
        Ok(name)
    }
}

/// The URL without a password, should there be one.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.host)?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (String, String, String, (String, u16), bool) {
        let address = Address::parse(url).unwrap();
        let host_header = address.host_header().to_str().unwrap().to_owned();
        let target = address.target().to_string();
        (address.to_string(), host_header, target, address.socket_address(), address.is_secure())
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
        assert_eq!(Address::parse("ws://[::1]").unwrap().authority(), "[::1]:80");
    }

    #[test]
    fn what_is_no_url_of_a_websocket_is_said() {
        let error = |url: &str| Address::parse(url).unwrap_err();
        assert!(matches!(error("ftp://a.example"), UrlError::Scheme(_)));
        assert!(matches!(error("a.example:80"), UrlError::Scheme(_)));
        assert!(matches!(error("ws://a.example/#top"), UrlError::Fragment(_)));
        assert!(matches!(error("ws://a.example/#"), UrlError::Fragment(_)));
        assert!(matches!(error("ws://"), UrlError::Invalid { .. }));
        assert!(matches!(error("a.example"), UrlError::Invalid { .. }));
        assert!(matches!(error("ws://a.example:99999"), UrlError::Invalid { .. }));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_are_checked_against_the_name_or_address() {
        let name = |url: &str| Address::parse(url).unwrap().tls_name().unwrap().to_str().into_owned();
        assert_eq!(name("wss://a.example"), "a.example");
        assert_eq!(name("wss://[::1]:1"), "::1");
        assert_eq!(name("wss://127.0.0.1"), "127.0.0.1");
    }
}
