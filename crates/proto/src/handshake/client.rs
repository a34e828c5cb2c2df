//! The client's side of the opening handshake (RFC 6455 §4.1).

use super::field::{NotSingle, has_token, is_token, single};
use super::negotiate::{
    Agreed, Extension, ExtensionError, check_answer, format_extensions, parse_extensions,
};
use crate::accept_key::ClientKey;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use std::error::Error;
use std::fmt;

/// Headers that the handshake sets itself, or that would announce a body; besides them, all that begin as
/// [`RESERVED_PREFIX`] says.
const RESERVED: [HeaderName; 5] = [HOST, UPGRADE, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];

/// The headers of the protocol itself begin like this (RFC 6455 §11.3).
const RESERVED_PREFIX: &str = "sec-websocket-";

/// One attempt at a connection: makes the request, then judges the response to it.
#[derive(Debug, Clone)]
pub struct ClientHandshake {
    key: ClientKey,
    host: HeaderValue,
    target: PathAndQuery,
    subprotocols: Vec<String>,
    answer: SubprotocolAnswer,
    extensions: Vec<Extension>,
    headers: HeaderMap,
}

/// Whether a server may leave all offered subprotocols aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SubprotocolAnswer {
    Optional,
    Required,
}

impl ClientHandshake {
    /// A handshake for the path and query of `target` on `host`: the server's name, with the port where it is
    /// not the scheme's own (RFC 6455 §4.1). The key is fresh.
    #[must_use]
    pub fn new(host: HeaderValue, target: &Uri) -> Self {
        let target = target.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Self {
            key: ClientKey::random(),
            host,
            target,
            subprotocols: Vec::new(),
            answer: SubprotocolAnswer::Optional,
            extensions: Vec::new(),
            headers: HeaderMap::new(),
        }
    }

    /// Replaces the key, for handshakes that must be reproducible. A key is good for one connection.
    #[must_use]
    pub fn key(mut self, key: ClientKey) -> Self {
        self.key = key;
        self
    }

    /// Sends another `Host` than that of the address, as for a server that is reached past its public name.
    #[must_use]
    pub fn host(mut self, host: HeaderValue) -> Self {
        self.host = host;
        self
    }

    /// Offers subprotocols after those already offered, the preferred one first.
    ///
    /// # Errors
    ///
    /// [`RequestError`] when a name is not a token, or stands twice (RFC 6455 §4.1 (10)).
    pub fn subprotocols<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self, RequestError> {
        for name in names {
            let name = name.into();
            if !is_token(name.as_bytes()) {
                return Err(RequestError::InvalidSubprotocol(name));
            }
            if self.subprotocols.contains(&name) {
                return Err(RequestError::RepeatedSubprotocol(name));
            }
            self.subprotocols.push(name);
        }
        if !self.subprotocols.is_empty() {
            let list = self.subprotocols.join(", ");
            let value = HeaderValue::from_str(&list).map_err(|_| RequestError::InvalidSubprotocol(list))?;
            self.headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
        }
        Ok(self)
    }

    /// Takes a response without a subprotocol for a failure when some were offered, as browsers do (WHATWG
    /// WebSockets §3). RFC 6455 §4.1 lets the connection open without one, and that is the default.
    #[must_use]
    pub fn require_subprotocol(mut self) -> Self {
        self.answer = SubprotocolAnswer::Required;
        self
    }

    /// Offers extensions after those already offered, the preferred one first. A name may stand again with
    /// other parameters (RFC 6455 §9.1).
    ///
    /// # Errors
    ///
    /// [`RequestError::Extensions`] when a name or a value is not a token.
    pub fn extensions(
        mut self,
        extensions: impl IntoIterator<Item = Extension>,
    ) -> Result<Self, RequestError> {
        self.extensions.extend(extensions);
        if let Some(value) = format_extensions(&self.extensions).map_err(RequestError::Extensions)? {
            self.headers.insert(SEC_WEBSOCKET_EXTENSIONS, value);
        }
        Ok(self)
    }

    /// Adds a header, such as `Authorization`, `Cookie` or `Origin`.
    ///
    /// # Errors
    ///
    /// [`RequestError::ReservedHeader`] for one that the handshake sets itself or that announces a body.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Result<Self, RequestError> {
        if RESERVED.contains(&name) || name.as_str().starts_with(RESERVED_PREFIX) {
            return Err(RequestError::ReservedHeader(name));
        }
        self.headers.try_append(name, value).map_err(|_| RequestError::TooManyHeaders)?;
        Ok(self)
    }

    /// The request to send over HTTP/1.1, its target in origin-form.
    #[must_use]
    pub fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.uri_mut() = Uri::from(self.target.clone());
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_KEY, self.key.header_value());
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.extend(self.headers.clone());
        request
    }

    /// Judges the server's response (RFC 6455 §4.1, after the request).
    ///
    /// # Errors
    ///
    /// [`ResponseError::Status`] when the server refused or redirected, the others when it agreed to
    /// something that was not asked. The connection must then be closed.
    pub fn verify<B>(&self, response: &Response<B>) -> Result<Agreed, ResponseError> {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ResponseError::Status(response.status()));
        }
        let headers = response.headers();
        check_upgrade(headers)?;
        if !has_token(headers, &CONNECTION, "upgrade") {
            return Err(ResponseError::NoConnectionUpgrade);
        }
        self.check_accept(headers)?;
        let subprotocol = self.chosen_subprotocol(headers)?;
        let extensions = parse_extensions(headers).map_err(ResponseError::Extensions)?;
        check_answer(&self.extensions, &extensions).map_err(ResponseError::Extensions)?;
        Ok(Agreed { subprotocol, extensions })
    }

    fn check_accept(&self, headers: &HeaderMap) -> Result<(), ResponseError> {
        match single(headers, &SEC_WEBSOCKET_ACCEPT) {
            Ok(value) if value == self.key.accept().as_bytes() => Ok(()),
            Ok(_) => Err(ResponseError::WrongAccept),
            Err(NotSingle::Missing) => Err(ResponseError::NoAccept),
            Err(NotSingle::Repeated) => Err(ResponseError::RepeatedAccept),
        }
    }

    fn chosen_subprotocol(&self, headers: &HeaderMap) -> Result<Option<String>, ResponseError> {
        match single(headers, &SEC_WEBSOCKET_PROTOCOL) {
            Ok(value) => match self.subprotocols.iter().find(|name| name.as_bytes() == value) {
                Some(name) => Ok(Some(name.clone())),
                None => {
                    Err(ResponseError::SubprotocolNotOffered(String::from_utf8_lossy(value).into_owned()))
                }
            },
            Err(NotSingle::Missing) => match self.answer {
                SubprotocolAnswer::Required if !self.subprotocols.is_empty() => {
                    Err(ResponseError::NoSubprotocol)
                }
                SubprotocolAnswer::Required | SubprotocolAnswer::Optional => Ok(None),
            },
            Err(NotSingle::Repeated) => Err(ResponseError::RepeatedSubprotocol),
        }
    }
}

/// RFC 6455 §4.1, step 2: the value is `websocket`, where a request may list others beside it (RFC 9110 §7.8).
fn check_upgrade(headers: &HeaderMap) -> Result<(), ResponseError> {
    match single(headers, &UPGRADE) {
        Ok(value) if value.eq_ignore_ascii_case(b"websocket") => Ok(()),
        Err(NotSingle::Missing) => Err(ResponseError::NoUpgrade),
        Ok(_) | Err(NotSingle::Repeated) => Err(ResponseError::OtherUpgrade),
    }
}

/// A request that may not be sent so: the caller's mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The name of a subprotocol is not a token (RFC 9110 §5.6.2).
    InvalidSubprotocol(String),
    /// A subprotocol is offered twice.
    RepeatedSubprotocol(String),
    /// The extensions cannot be offered so.
    Extensions(ExtensionError),
    /// The handshake sets this header itself, or it announces a body.
    ReservedHeader(HeaderName),
    /// More headers than an `http::HeaderMap` holds.
    TooManyHeaders,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidSubprotocol(name) => {
                write!(f, "subprotocol {name:?} is not a token: letters, digits and !#$%&'*+-.^_`|~ only")
            }
            Self::RepeatedSubprotocol(name) => write!(f, "subprotocol {name:?} is offered twice"),
            Self::Extensions(error) => error.fmt(f),
            Self::ReservedHeader(name) => write!(f, "header {name} is reserved for the opening handshake"),
            Self::TooManyHeaders => f.write_str("the request has too many headers"),
        }
    }
}

impl Error for RequestError {}

/// Why a response opens no WebSocket: the server's refusal or its mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseError {
    /// The server answered with another status than 101.
    Status(StatusCode),
    /// There is no `Upgrade`.
    NoUpgrade,
    /// `Upgrade` is not `websocket` alone.
    OtherUpgrade,
    /// `Connection` does not list `upgrade`.
    NoConnectionUpgrade,
    /// `Sec-WebSocket-Accept` is missing.
    NoAccept,
    /// `Sec-WebSocket-Accept` stands more than once.
    RepeatedAccept,
    /// `Sec-WebSocket-Accept` does not belong to the key that was sent: the answer may come from a cache.
    WrongAccept,
    /// The server chose a subprotocol that was not offered.
    SubprotocolNotOffered(String),
    /// The server chose more than one subprotocol.
    RepeatedSubprotocol,
    /// The server chose none of the offered subprotocols, and
    /// [`require_subprotocol`](ClientHandshake::require_subprotocol) was asked for.
    NoSubprotocol,
    /// The server's extensions are malformed, or are not those that were offered.
    Extensions(ExtensionError),
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered {status} instead of opening a WebSocket"),
            Self::NoUpgrade => f.write_str("the response lacks Upgrade: websocket"),
            Self::OtherUpgrade => f.write_str("the response upgrades to something else than websocket alone"),
            Self::NoConnectionUpgrade => f.write_str("the response lacks Connection: Upgrade"),
            Self::NoAccept => f.write_str("the response lacks Sec-WebSocket-Accept"),
            Self::RepeatedAccept => f.write_str("the response repeats Sec-WebSocket-Accept"),
            Self::WrongAccept => f.write_str("Sec-WebSocket-Accept does not belong to the key that was sent"),
            Self::SubprotocolNotOffered(name) => {
                write!(f, "the server chose subprotocol {name:?}, not offered")
            }
            Self::RepeatedSubprotocol => f.write_str("the response repeats Sec-WebSocket-Protocol"),
            Self::NoSubprotocol => f.write_str("the server chose none of the offered subprotocols"),
            Self::Extensions(error) => error.fmt(f),
        }
    }
}

impl Error for ResponseError {}

#[cfg(test)]
mod tests;
