//! The heads of the opening handshake (RFC 6455 §4).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::show::Escaped;

/// How many fields are shown, however long they are.
const FIELDS: usize = 20;

/// The head of an HTTP/1.1 request or response, without any checks.
///
/// ```
/// use longwire_wire::Head;
///
/// let request = Head::upgrade("/chat", "example.com").with("Origin", "https://example.com");
/// let response = Head::switching_protocols(&request);
/// assert!(response.answers(&request));
///
/// // What a server must refuse:
/// let without_a_version = request.clone().without("Sec-WebSocket-Version");
/// let version_8 = request.clone().replacing("Sec-WebSocket-Version", "8");
/// let two_keys = request.with("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
/// # assert_eq!(without_a_version.field("Sec-WebSocket-Version"), None);
/// # assert_eq!(version_8.field("sec-websocket-version"), Some("8"));
/// # assert_eq!(two_keys.fields.len(), 7);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The request line or the status line, without its line end.
    pub start: String,
    /// The fields in order: names and values.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The key of the example in RFC 6455 §1.3, which [`Head::upgrade`] sends.
    pub const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    /// A head without fields.
    #[must_use]
    pub fn new(start: impl Into<String>) -> Head {
        Head { start: start.into(), fields: Vec::new() }
    }

    /// A valid WebSocket request (§4.1).
    #[must_use]
    pub fn upgrade(target: &str, host: &str) -> Head {
        Head::new(format!("GET {target} HTTP/1.1"))
            .with("Host", host)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade")
            .with("Sec-WebSocket-Version", "13")
            .with("Sec-WebSocket-Key", Head::RFC_KEY)
    }

    /// A valid response to a request (§4.2.2), provided that the request has a key.
    #[must_use]
    pub fn switching_protocols(request: &Head) -> Head {
        let head = Head::new("HTTP/1.1 101 Switching Protocols")
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade");
        match request.field("Sec-WebSocket-Key") {
            Some(key) => head.with("Sec-WebSocket-Accept", accept_key(key)),
            None => head,
        }
    }

    /// The same head with one more field, even if there is one of that name already.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Head {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// The same head without the fields of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Head {
        self.fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// The same head with another value for the fields of this name.
    #[must_use]
    pub fn replacing(mut self, name: &str, value: &str) -> Head {
        for (other, old) in &mut self.fields {
            if other.eq_ignore_ascii_case(name) {
                value.clone_into(old);
            }
        }
        self
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let named = self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The status of a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// Whether this is a 101 whose `Sec-WebSocket-Accept` matches the request (§4.1). Checks nothing else.
    #[must_use]
    pub fn answers(&self, request: &Head) -> bool {
        let expected = request.field("Sec-WebSocket-Key").map(accept_key);
        self.status() == Some(101) && self.field("Sec-WebSocket-Accept") == expected.as_deref()
    }

    /// The bytes of the head, including the empty line.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.fields {
            text.extend([name, ": ", value, "\r\n"]);
        }
        (text + "\r\n").into_bytes()
    }

    /// Parses the head at the beginning of `bytes`, and returns its length in bytes; `None` until it is complete.
    ///
    /// Accepts anything: a line without a colon becomes a name without a value, and bytes that are not UTF-8 are
    /// replaced.
    ///
    /// ```
    /// use longwire_wire::Head;
    ///
    /// let (head, used) = Head::parse(b"HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\nbody").unwrap();
    /// assert_eq!((head.status(), head.field("server"), used), (Some(403), Some("x"), 37));
    /// assert_eq!(Head::parse(b"HTTP/1.1 403 Forbidden\r\n"), None);
    /// ```
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Head, usize)> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(bytes.get(..end)?);
        let mut lines = text.split("\r\n");
        let start = lines.next()?.to_owned();
        let field = |line: &str| match line.split_once(':') {
            Some((name, value)) => (name.to_owned(), value.trim().to_owned()),
            None => (line.to_owned(), String::new()),
        };
        Some((Head { start, fields: lines.map(field).collect() }, end + 4))
    }
}

/// One line: the start line and the fields, escaped and truncated. Shows the first 20 fields, and more while they are no
/// longer than the precision together.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.start.as_bytes()).fmt(f)?;
        let most = f.precision().unwrap_or_default();
        let mut len = 0;
        for (index, (name, value)) in self.fields.iter().enumerate() {
            let field = format!("{name}: {value}");
            len += field.len();
            if index >= FIELDS && len > most {
                return write!(f, ", and {} more fields", self.fields.len() - index);
            }
            f.write_str(", ")?;
            Escaped(field.as_bytes()).fmt(f)?;
        }
        Ok(())
    }
}

/// The value of `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2). The key may be any text.
///
/// ```
/// assert_eq!(longwire_wire::accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back() {
        let head = Head::upgrade("/a?b", "example.com").with("Origin", "null").with("Origin", "x");
        let bytes = [head.encode(), b"\x81\0".to_vec()].concat();
        assert_eq!(Head::parse(&bytes), Some((head, bytes.len() - 2)));
    }

    #[test]
    fn only_the_right_proof_answers() {
        let request = Head::upgrade("/", "a");
        let response = Head::switching_protocols(&request);
        assert!(response.answers(&request));
        assert!(!response.answers(&request.replacing("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")));
        let request = Head::upgrade("/", "a");
        assert!(!response.clone().without("Sec-WebSocket-Accept").answers(&request));
        assert!(!Head { start: "HTTP/1.1 200 OK".to_owned(), ..response }.answers(&request));
    }

    #[test]
    fn nothing_is_refused() {
        let (head, used) = Head::parse(b"\xff\r\nno colon\r\n a : b \r\n\r\n").unwrap();
        assert_eq!((head.start.as_str(), used), ("\u{fffd}", 24));
        assert_eq!(head.fields, [("no colon".to_owned(), String::new()), (" a ".to_owned(), "b".to_owned())]);
        assert_eq!(head.status(), None);
    }
}
