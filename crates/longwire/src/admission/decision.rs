//! The application's decision about a request for a WebSocket.

use std::any::Any;
use std::borrow::Cow;
use std::net::SocketAddr;

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Uri};
use longwire_proto::handshake::Offer;

use crate::error::{InvalidSetting, header};

/// A request for a WebSocket, checked against RFC 6455 and the allowed origins.
///
/// ```
/// use longwire::{Accept, Refusal, Upgrade};
///
/// /// Accepts clients with a session cookie.
/// fn decide(request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
///     let cookies = request.header("cookie").unwrap_or_default();
///     let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="));
///     let session = session.ok_or_else(|| Refusal::unauthorized("log in first"))?;
///     Ok(Accept::with(session.to_owned()))
/// }
/// ```
#[derive(Debug)]
pub struct Upgrade<'a> {
    pub(super) request: &'a Request<()>,
    pub(super) offer: &'a Offer,
    pub(super) peer_addr: Option<SocketAddr>,
    /// The decoded parameters of the route's path.
    pub(super) parameters: &'a [(&'a str, Cow<'a, str>)],
}

/// The terms on which a request is accepted. `S` is the state of the connection: the `State` of a
/// [`Handler`](crate::Handler), or [`Attached`] values for [`Server::on_upgrade`](crate::Server::on_upgrade).
///
/// ```
/// use longwire::Accept;
///
/// let accept: Accept<String> = Accept::with("Ann".to_owned()).subprotocol("chat.v2");
/// ```
#[derive(Debug, Default)]
pub struct Accept<S = ()> {
    pub(super) subprotocol: Option<String>,
    pub(super) headers: HeaderMap,
    /// The longest message that is received, in bytes; `None`: as long as the server's limits allow.
    pub(super) max_message: Option<usize>,
    /// A header that cannot be sent.
    pub(super) invalid: Option<InvalidSetting>,
    pub(super) state: S,
}

/// The values of [`Accept::attach`], for [`WebSocket::attached`](crate::WebSocket::attached).
///
/// A named function used as a hook names this type; a closure need not:
///
/// ```no_run
/// use longwire::{Accept, Attached, Refusal, Server, Upgrade};
///
/// async fn admit(request: &Upgrade<'_>) -> Result<Accept<Attached>, Refusal> {
///     let name = request.query("name").ok_or_else(|| Refusal::bad_request("say who you are: ?name="))?;
///     Ok(Accept::new().attach(name.into_owned()))
/// }
///
/// # async fn serve() -> longwire::Result<()> {
/// let server = Server::bind("127.0.0.1:8080").await?.on_upgrade(admit);
/// # Ok(())
/// # }
/// ```
///
/// A [`Handler`](crate::Handler) keeps a `State` instead, so attaching a value there does not compile:
///
/// ```compile_fail,E0308
/// # use longwire::{Accept, Refusal};
/// fn on_upgrade() -> Result<Accept<()>, Refusal> {
///     Ok(Accept::new().attach("a name"))
/// }
/// ```
#[derive(Debug, Default)]
pub struct Attached(pub(super) Extensions);

impl Upgrade<'_> {
    /// The path, such as `/chat`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// The first value of a query parameter (`?name=value`), decoded like a form: `+` is a space, `%41` is an `A`,
    /// and invalid UTF-8 is replaced.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let query = self.request.uri().query()?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key) == name).then(|| decoded(value))
        })
    }

    /// The value of a parameter of the route's path. For the route `/chat/{room}` and the path `/chat/tea`, `room` is
    /// `"tea"`. It is decoded: `%2F` is a `/`, and invalid UTF-8 is replaced. `None`: the path given to
    /// [`Server::route`](crate::Server::route) has no such parameter.
    ///
    /// ```
    /// use longwire::{Accept, Refusal, Upgrade};
    ///
    /// /// Called by `on_upgrade`.
    /// fn decide(request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
    ///     let room = request.param("room").ok_or_else(|| Refusal::not_found("name a room: /chat/{room}"))?;
    ///     Ok(Accept::with(room.to_owned()))
    /// }
    /// ```
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(parameter, _)| *parameter == name)?;
        Some(value)
    }

    /// The same request with the parameters of the route's path.
    pub(crate) fn with_parameters<'b>(&'b self, parameters: &'b [(&'b str, Cow<'b, str>)]) -> Upgrade<'b> {
        let Upgrade { request, offer, peer_addr, parameters: _ } = *self;
        Upgrade { request, offer, peer_addr, parameters }
    }

    /// Path and query.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.request.uri()
    }

    /// All headers of the request.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// A header of the request, if it exists and is text.
    #[must_use]
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// The subprotocols that the client offers, in its order of preference.
    #[must_use]
    pub fn subprotocols(&self) -> &[String] {
        self.offer.subprotocols()
    }

    /// The address of the client. Behind a proxy, it is the proxy's, unless the server
    /// [trusts](crate::Server::trusted_proxies) the proxy to name the client; the port is 0 if the proxy does not name
    /// it. `None`: the client has connected through a Unix socket.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer_addr
    }
}

impl<S: Default> Accept<S> {
    /// Accepts, with a subprotocol chosen by the server's settings.
    #[must_use]
    pub fn new() -> Accept<S> {
        Accept::with(S::default())
    }
}

impl<S> Accept<S> {
    /// Accepts like [`new`](Accept::new), with the state of a [`Handler`](crate::Handler) for the connection.
    #[must_use]
    pub fn with(state: S) -> Accept<S> {
        Accept { subprotocol: None, headers: HeaderMap::new(), max_message: None, invalid: None, state }
    }

    /// The same terms with another state.
    pub(crate) fn map<T>(self, map: impl FnOnce(S) -> T) -> Accept<T> {
        let Accept { subprotocol, headers, max_message, invalid, state } = self;
        Accept { subprotocol, headers, max_message, invalid, state: map(state) }
    }

    /// Chooses a subprotocol, which must be one that the client offers.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: impl Into<String>) -> Accept<S> {
        self.subprotocol = Some(subprotocol.into());
        self
    }

    /// Lowers the limit on received messages for this connection, in bytes, whether they are received whole or in parts.
    /// The connection fails with 1009 as soon as a frame header shows that a message is longer. A limit above the
    /// server's ([`Limits::message`](crate::Limits::message)) changes nothing.
    ///
    /// ```
    /// use longwire::{Accept, Refusal, Upgrade};
    ///
    /// /// Called by `on_upgrade`: only uploads may be long.
    /// fn decide(request: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
    ///     let accept = Accept::new();
    ///     Ok(if request.path() == "/upload" { accept } else { accept.max_message(64 << 10) })
    /// }
    /// ```
    #[must_use]
    pub fn max_message(mut self, bytes: usize) -> Accept<S> {
        self.max_message = Some(bytes);
        self
    }

    /// Adds a header to the response. Name and value are text, or types of the `http` crate. If the header is invalid
    /// or belongs to the handshake (such as `Sec-WebSocket-Accept`), the response is a 500, and the log says why.
    ///
    /// ```
    /// use longwire::Accept;
    ///
    /// let accept: Accept = Accept::new().header("set-cookie", "seen=1");
    /// ```
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl TryInto<HeaderValue>) -> Accept<S> {
        match header("Accept::header", name.as_ref(), value) {
            Ok((name, _)) if is_of_handshake(&name) => {
                let possible = "any header that is not the handshake's own".into();
                self.invalid = Some(InvalidSetting {
                    setting: "Accept::header",
                    given: format!("\"{name}\""),
                    possible,
                });
            }
            Ok((name, value)) => drop(self.headers.append(name, value)),
            Err(invalid) => self.invalid = Some(invalid),
        }
        self
    }
}

impl Accept<Attached> {
    /// Attaches a value of any type, such as the user; the handler gets it from
    /// [`WebSocket::attached`](crate::WebSocket::attached).
    #[must_use]
    pub fn attach<T: Any + Clone + Send + Sync>(mut self, value: T) -> Accept<Attached> {
        self.state.0.insert(value);
        self
    }
}

/// Whether a header belongs to the response of an opening handshake (RFC 6455 §4.2.2), or frames the response.
fn is_of_handshake(name: &HeaderName) -> bool {
    name.as_str().starts_with("sec-websocket-")
        || [UPGRADE, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
}

/// A name or value of a query, decoded as `application/x-www-form-urlencoded`.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('+') {
        return percent_decoded(text);
    }
    Cow::Owned(percent_decoded(&text.replace('+', " ")).into_owned())
}

/// Percent-decodes a path segment (RFC 3986 §2.1). Invalid escapes are kept, and invalid UTF-8 is replaced.
pub(crate) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = behind.split_at_checked(2).and_then(|(digits, behind)| {
            let digits = std::str::from_utf8(digits).ok().filter(|_| byte == b'%')?;
            Some((u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?, behind))
        });
        let (byte, behind) = match escaped {
            Some(escaped) => escaped,
            None => (byte, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_like_forms_and_never_fail() {
        assert_eq!(decoded("plain"), "plain");
        assert_eq!(decoded("a+b%20c%2B"), "a b c+");
        assert_eq!(decoded("%"), "%");
        assert_eq!(decoded("%4"), "%4");
        assert_eq!(decoded("%zz%+1%-1"), "%zz% 1%-1");
        assert_eq!(decoded("%ff"), "\u{fffd}");
        assert_eq!(percent_decoded("a+b%2Fc"), "a+b/c");
    }
}
