//! What the opening handshake settled.

use std::net::SocketAddr;

use http::{Extensions, HeaderMap, Uri};

/// What the opening handshake settled.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    pub(crate) uri: Uri,
    pub(crate) subprotocol: Option<String>,
    pub(crate) peer_addr: Option<SocketAddr>,
    /// The headers of the response that a client got; a server has its own in the request hook.
    pub(crate) response_headers: HeaderMap,
    /// What the application attached when it accepted the connection.
    pub(crate) extensions: Extensions,
}
