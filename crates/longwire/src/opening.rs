//! What the opening handshake settled.

use std::net::SocketAddr;

use http::{Extensions, HeaderMap, Uri};

/// What the opening handshake settled.
#[derive(Debug, Default)]
pub(crate) struct Negotiated {
    pub(crate) uri: Uri,
    pub(crate) subprotocol: Option<String>,
    /// The extensions that were agreed on, as the response names them.
    pub(crate) agreed: String,
    pub(crate) peer_addr: Option<SocketAddr>,
    /// The headers of the response that a client got; a server has its own in the request hook. Boxed, because a server's
    /// connections have room for them.
    pub(crate) response_headers: Option<Box<HeaderMap>>,
    /// What the application attached when it accepted the connection.
    pub(crate) attached: Extensions,
}

/// The extensions that a response names.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn extensions_header(headers: &HeaderMap) -> String {
    let lines =
        headers.get_all(http::header::SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|line| line.to_str().ok());
    lines.collect::<Vec<_>>().join(", ")
}
