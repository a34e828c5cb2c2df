//! The response of a server that refuses a handshake.

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use std::error::Error;
use std::fmt;

/// A refused handshake: the status, additional headers, and the reason as text for a person to read.
///
/// ```
/// use http::StatusCode;
/// use longwire_proto::handshake::Refusal;
///
/// let full = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the room is full").header("retry-after", "30");
/// assert_eq!(full.response().body(), "the room is full\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    reason: String,
}

impl Refusal {
    /// A refusal with any status.
    ///
    /// Control characters in `reason` are escaped, so it may quote what the client sent.
    #[must_use]
    pub fn new(status: StatusCode, reason: impl AsRef<str>) -> Self {
        Self { status, headers: Vec::new(), reason: printable(reason.as_ref()) }
    }

    /// 400: the request breaks the rules of the handshake.
    #[must_use]
    pub fn bad_request(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// 401: the client must authenticate. RFC 9110 §15.5.2 requires a `WWW-Authenticate` header with it.
    #[must_use]
    pub fn unauthorized(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, reason)
    }

    /// 403: this client, or this `Origin`, may not connect (RFC 6455 §4.2.2).
    #[must_use]
    pub fn forbidden(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::FORBIDDEN, reason)
    }

    /// 404: there is no WebSocket at this path.
    #[must_use]
    pub fn not_found(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::NOT_FOUND, reason)
    }

    /// 426: only a WebSocket of version 13 is served here (RFC 6455 §4.2.2, RFC 9110 §15.5.22).
    #[must_use]
    pub fn upgrade_required(reason: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, reason)
            .header(UPGRADE, HeaderValue::from_static("websocket"))
            .header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
    }

    /// Adds a header to the response. Name and value are text, or the types of the `http` crate.
    ///
    /// A header that cannot be sent, or that frames the response (`Connection`, `Content-Length`, `Content-Type`,
    /// `Transfer-Encoding`), is a mistake of the server: the refusal becomes a 500 that names the header.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl TryInto<HeaderValue>) -> Self {
        let shown = name.as_ref();
        let Ok(name) = HeaderName::try_from(shown) else {
            return Self::mistaken(&format!("{shown:?} is not the name of a header"));
        };
        if [CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING].contains(&name) {
            return Self::mistaken(&format!("the refusal sets the header {name} itself"));
        }
        match value.try_into() {
            Ok(value) => self.headers.push((name, value)),
            Err(_) => return Self::mistaken(&format!("the header {name} has a value that cannot be sent")),
        }
        self
    }

    /// 500: the application tried to refuse with something that cannot be sent.
    fn mistaken(what: &str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the server made a mistake in its answer: {what}"),
        )
    }

    /// The status that the client receives.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers that were added.
    #[must_use]
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The reason, without control characters.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The response over HTTP/1.1, after which the connection is closed.
    #[must_use]
    pub fn response(&self) -> Response<String> {
        let body = format!("{}\n", self.reason);
        let length = HeaderValue::from(body.len());
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CONTENT_LENGTH, length);
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        // A sender of `Upgrade` must list it in `Connection`, too (RFC 9110 §7.8).
        let connection = if headers.contains_key(UPGRADE) { "close, Upgrade" } else { "close" };
        headers.insert(CONNECTION, HeaderValue::from_static(connection));
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.reason)
    }
}

impl Error for Refusal {}

fn printable(reason: &str) -> String {
    let mut text = String::with_capacity(reason.len());
    for character in reason.chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests;
