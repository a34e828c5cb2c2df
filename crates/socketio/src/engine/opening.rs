//! The request that opened a session.

use std::borrow::Cow;
use std::net::SocketAddr;

use http::{HeaderMap, Uri};

use super::transport_kind::TransportKind;

/// The request that opened a session.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Path and query.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The address of the client, as in [`longwire::Upgrade::peer_addr`].
    pub peer_addr: Option<SocketAddr>,
    /// The transport of the session at the beginning.
    pub transport: TransportKind,
}

impl Opening {
    /// The first value of a parameter of the query, percent-decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let query = self.uri.query()?.as_bytes();
        form_urlencoded::parse(query).find_map(|(key, value)| (key == name).then_some(value))
    }
}
