//! The endpoint, and the valid request to it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use longwire_wire::Head;

/// The endpoint under test: where it is, and what each request to it has.
///
/// ```
/// use longwire_check::Target;
///
/// let target = Target::new("ws://127.0.0.1:9000/echo").unwrap().header("Authorization", "Bearer 1234");
/// assert_eq!((target.host(), target.port(), target.is_secure()), ("127.0.0.1", 9000, false));
/// assert!(Target::new("https://example.com/").is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Target {
    url: String,
    is_secure: bool,
    host: String,
    port: u16,
    path: String,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
}

/// Why a URL is not one of an endpoint.
///
/// ```
/// let error = longwire_check::Target::new("ftp://a.example/").unwrap_err();
/// assert_eq!(error.to_string(), "ftp://a.example/ is not a WebSocket URL, such as ws://127.0.0.1:8080/echo");
/// ```
#[derive(Debug)]
pub struct UrlError(String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0.escape_debug();
        write!(f, "{url} is not a WebSocket URL, such as ws://127.0.0.1:8080/echo")
    }
}

impl std::error::Error for UrlError {}

impl Target {
    /// The endpoint at this URL, `ws://` or `wss://`. A user and password in it become Basic authorization.
    ///
    /// # Errors
    ///
    /// The text is not such a URL.
    pub fn new(url: &str) -> Result<Target, UrlError> {
        let error = || UrlError(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| error())?;
        let is_secure = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(error()),
        };
        let user =
            uri.authority().and_then(|authority| authority.as_str().rsplit_once('@')).map(|(user, _)| user);
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(error)?;
        let target = Target {
            url: user.map_or_else(|| url.to_owned(), |user| url.replacen(&format!("{user}@"), "", 1)),
            is_secure,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
        };
        Ok(match user {
            Some(user) => target.header("Authorization", format!("Basic {}", STANDARD.encode(user))),
            None => target,
        })
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Target {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Offers this subprotocol in every request.
    #[must_use]
    pub fn subprotocol(mut self, name: impl Into<String>) -> Target {
        self.subprotocols.push(name.into());
        self
    }

    /// The same endpoint at another path.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<String>) -> Target {
        self.path = path.into();
        let scheme = if self.is_secure { "wss" } else { "ws" };
        self.url = format!("{scheme}://{}{}", self.authority(), self.path);
        self
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The name or address of the host, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, the port only if it is not the default of the scheme.
    pub(crate) fn authority(&self) -> String {
        let default = if self.is_secure { 443 } else { 80 };
        if self.port == default { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The headers of every request, with values that may be secret.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub(crate) fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// A valid request.
    pub(crate) fn request(&self) -> Head {
        let mut head = Head::upgrade(&self.path, &self.authority());
        if !self.subprotocols.is_empty() {
            head = head.with("Sec-WebSocket-Protocol", self.subprotocols.join(", "));
        }
        self.headers.iter().fold(head, |head, (name, value)| head.with(name, value))
    }
}
