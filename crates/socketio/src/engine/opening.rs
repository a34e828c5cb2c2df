//! The request that opened a session.

use std::borrow::Cow;
use std::net::SocketAddr;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::transport_kind::TransportKind;

/// The request that opened a session.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Path and query.
    pub uri: Uri,
    /// The headers, except for those that only concern the WebSocket: `Connection`, `Upgrade` and `Sec-WebSocket-…`.
    pub headers: HeaderMap,
    /// The address of the client, as in [`longwire::Upgrade::peer_addr`].
    pub peer_addr: Option<SocketAddr>,
    /// The transport of the session at the beginning.
    pub transport: TransportKind,
}

impl Opening {
    /// A copy of a request's head, which shares nothing with the buffer that the head was read into. A session may last for long,
    /// and would keep all of the buffer.
    pub(crate) fn copied(
        uri: &Uri,
        headers: &HeaderMap,
        peer_addr: Option<SocketAddr>,
        transport: TransportKind,
    ) -> Opening {
        let uri = uri.to_string().parse().unwrap_or_else(|_| uri.clone());
        let count = headers.keys().filter(|name| is_kept(name)).count();
        let mut copied = HeaderMap::with_capacity(count);
        copied.extend(headers.iter().filter(|(name, _)| is_kept(name)).map(copied_field));
        Opening { uri, headers: copied, peer_addr, transport }
    }

    /// The first value of a parameter of the query, percent-decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let query = self.uri.query()?.as_bytes();
        form_urlencoded::parse(query).find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// Whether the application may ask for the field after the handshake.
fn is_kept(name: &HeaderName) -> bool {
    *name != CONNECTION && *name != UPGRADE && !name.as_str().starts_with("sec-websocket-")
}

fn copied_field((name, value): (&HeaderName, &HeaderValue)) -> (HeaderName, HeaderValue) {
    let copied_name = HeaderName::from_bytes(name.as_str().as_bytes()).unwrap_or_else(|_| name.clone());
    let mut copied_value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    copied_value.set_sensitive(value.is_sensitive());
    (copied_name, copied_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_all_fields_but_those_of_the_handshake_and_their_order() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", HeaderValue::from_static("a=1"));
        headers.append("x-own", HeaderValue::from_static("one"));
        headers.append("x-own", HeaderValue::from_bytes(b"\xff").expect("opaque bytes are a value"));
        let uri = Uri::from_static("/socket.io/?EIO=4&transport=polling&name=%C3%A9");
        let kept = headers.clone();
        for name in ["connection", "upgrade", "sec-websocket-key", "sec-websocket-version"] {
            headers.append(name, HeaderValue::from_static("x"));
        }
        let copy = Opening::copied(&uri, &headers, None, TransportKind::WebSocket);
        assert_eq!((&copy.headers, &copy.uri), (&kept, &uri));
        assert_eq!(copy.query("name").as_deref(), Some("é"));
    }
}
