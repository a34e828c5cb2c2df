//! How a request opens a WebSocket: the only part that depends on the version of HTTP.

use http::{Method, Request};
use std::borrow::Cow;

/// How a request opens a WebSocket. Subprotocols, extensions, the origin and everything after the handshake are the same
/// in both cases.
///
/// `K` is the type of the key: a server holds the [`AcceptKey`](super::AcceptKey) of its response, a client the
/// [`ClientKey`](super::ClientKey) that it sends.
///
/// ```
/// use http::Request;
/// use longwire_proto::handshake::{Bootstrap, ConnectProtocol, Offer};
///
/// let request = Request::connect("https://example.com/chat")
///     .extension(ConnectProtocol::WEBSOCKET)
///     .header("sec-websocket-version", "13")
///     .body(())?;
/// assert_eq!(Offer::read(&request)?.bootstrap(), &Bootstrap::ExtendedConnect);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bootstrap<K> {
    /// A GET over HTTP/1.1 with `Upgrade: websocket` and a key. The server proves that it read the key, and responds
    /// with 101 (RFC 6455 §4).
    Upgrade(K),
    /// CONNECT with the pseudo-header `:protocol`, over one stream of HTTP/2 (RFC 8441 §5) or HTTP/3 (RFC 9220). There
    /// is no key, and the server responds with 200.
    ExtendedConnect,
}

/// The pseudo-header `:protocol` of an extended CONNECT (RFC 8441 §4). It is not a header, and therefore travels in the
/// [extensions](http::Request::extensions) of the request.
///
/// ```
/// use http::Request;
/// use longwire_proto::handshake::{ConnectProtocol, is_upgrade};
///
/// let request = Request::connect("https://example.com/chat").extension(ConnectProtocol::WEBSOCKET).body(())?;
/// assert!(is_upgrade(&request));
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectProtocol(Cow<'static, str>);

impl ConnectProtocol {
    /// `websocket` (RFC 8441 §5).
    pub const WEBSOCKET: ConnectProtocol = ConnectProtocol(Cow::Borrowed("websocket"));

    /// The value of `:protocol`, as it was received.
    pub fn new(protocol: impl Into<Cow<'static, str>>) -> Self {
        Self(protocol.into())
    }

    /// The name of the protocol.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Protocol names are case-insensitive (RFC 9110 §7.8).
    fn is_websocket(&self) -> bool {
        self.0.eq_ignore_ascii_case("websocket")
    }
}

/// Whether a request is an extended CONNECT, and for which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectRequest {
    /// Not an extended CONNECT: a CONNECT to a host and port, or another method.
    No,
    WebSocket,
    /// An extended CONNECT for another protocol.
    Other,
    /// The form of an extended CONNECT, but the HTTP server did not pass on its `:protocol`.
    Unnamed,
}

impl ConnectRequest {
    /// An extended CONNECT has a scheme and a path besides the authority (RFC 8441 §4); any other CONNECT has neither.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        if request.method() != Method::CONNECT {
            return Self::No;
        }
        match request.extensions().get::<ConnectProtocol>() {
            Some(protocol) if protocol.is_websocket() => Self::WebSocket,
            Some(_) => Self::Other,
            None if request.uri().path_and_query().is_some() => Self::Unnamed,
            None => Self::No,
        }
    }
}
