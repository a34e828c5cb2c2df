//! The client's side of the opening handshake (RFC 6455 §4.1, RFC 8441 §5).

use super::bootstrap::{Bootstrap, ConnectProtocol};
use super::field::{NotSingle, has_token, is_token, single};
use super::negotiate::{
    Agreed, Extension, ExtensionError, check_answer, format_extensions, parse_extensions,
};
use crate::accept_key::ClientKey;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use std::error::Error;
use std::fmt;

/// Headers that the handshake sets itself, or that would announce a body. All headers that begin with
/// [`RESERVED_PREFIX`] are reserved, too.
const RESERVED: [HeaderName; 5] = [HOST, UPGRADE, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];

/// The protocol's own headers begin with this (RFC 6455 §11.3).
const RESERVED_PREFIX: &str = "sec-websocket-";

/// One connection attempt: makes the request, then checks the response to it.
#[derive(Debug, Clone)]
pub struct ClientHandshake {
    bootstrap: Bootstrap<ClientKey>,
    host: HeaderValue,
    /// Path and query; for an extended CONNECT, preceded by scheme and authority.
    target: Uri,
    subprotocols: Vec<String>,
    answer: SubprotocolAnswer,
    extensions: Vec<Extension>,
    headers: HeaderMap,
}

/// Whether the server may choose none of the offered subprotocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SubprotocolAnswer {
    Optional,
    Required,
}

impl ClientHandshake {
    /// A handshake for the path and query of `target` on `host`. `host` is the server's name, with the port unless it
    /// is the default of the scheme (RFC 6455 §4.1). The key is fresh.
    #[must_use]
    pub fn new(host: HeaderValue, target: &Uri) -> Self {
        Self::by(Bootstrap::Upgrade(ClientKey::random()), host, Uri::from(path_of(target)))
    }

    /// A handshake by extended CONNECT (RFC 8441 §5), for one stream of an HTTP/2 or HTTP/3 connection. `uri` is the
    /// absolute URL, such as `wss://example.com/chat`.
    ///
    /// ```
    /// use http::Uri;
    /// use longwire_proto::handshake::{ClientHandshake, Offer};
    ///
    /// let client = ClientHandshake::extended_connect(&Uri::from_static("wss://example.com/chat"))?;
    /// let request = client.request();
    /// assert_eq!((request.method().as_str(), request.uri().to_string()), ("CONNECT", "https://example.com/chat".into()));
    /// let (response, _) = Offer::read(&request)?.accept(None, &[])?;
    /// client.verify(&response)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError::NotAbsolute`] when `uri` has no host, or its scheme is not `ws`, `wss`, `http` or `https`.
    pub fn extended_connect(uri: &Uri) -> Result<Self, RequestError> {
        let not_absolute = || RequestError::NotAbsolute(uri.clone());
        // RFC 8441 §5: `:scheme` is `https` for `wss` and `http` for `ws`.
        let scheme = match uri.scheme_str() {
            Some("wss" | "https") => Scheme::HTTPS,
            Some("ws" | "http") => Scheme::HTTP,
            _ => return Err(not_absolute()),
        };
        let authority = uri.authority().ok_or_else(not_absolute)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| not_absolute())?;
        let target = absolute(scheme, authority.clone(), path_of(uri)).ok_or_else(not_absolute)?;
        Ok(Self::by(Bootstrap::ExtendedConnect, host, target))
    }

    fn by(bootstrap: Bootstrap<ClientKey>, host: HeaderValue, target: Uri) -> Self {
        Self {
            bootstrap,
            host,
            target,
            subprotocols: Vec::new(),
            answer: SubprotocolAnswer::Optional,
            extensions: Vec::new(),
            headers: HeaderMap::new(),
        }
    }

    /// Replaces the key, for handshakes that must be reproducible. Use a key for one connection only. An extended
    /// CONNECT has no key and ignores this one.
    #[must_use]
    pub fn key(mut self, key: ClientKey) -> Self {
        if let Bootstrap::Upgrade(replaced) = &mut self.bootstrap {
            *replaced = key;
        }
        self
    }

    /// Sends another `Host` than the one in the URL, for a server that is not reached under its public name. An
    /// extended CONNECT sends it as `:authority`, if it is a valid one.
    #[must_use]
    pub fn host(mut self, host: HeaderValue) -> Self {
        self.host = host;
        self
    }

    /// Offers subprotocols after those already offered, the preferred one first.
    ///
    /// # Errors
    ///
    /// [`RequestError`] when a name is not a token, or occurs twice (RFC 6455 §4.1 (10)).
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

    /// Rejects a response that chooses none of the offered subprotocols, as browsers do (WHATWG WebSockets §3). By
    /// default such a response opens the connection, as RFC 6455 §4.1 allows.
    #[must_use]
    pub fn require_subprotocol(mut self) -> Self {
        self.answer = SubprotocolAnswer::Required;
        self
    }

    /// Offers extensions after those already offered, the preferred one first. A name may occur more than once, with
    /// different parameters (RFC 6455 §9.1).
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
    /// [`RequestError::ReservedHeader`] for a header that the handshake sets itself or that announces a body.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Result<Self, RequestError> {
        if RESERVED.contains(&name) || name.as_str().starts_with(RESERVED_PREFIX) {
            return Err(RequestError::ReservedHeader(name));
        }
        self.headers.try_append(name, value).map_err(|_| RequestError::TooManyHeaders)?;
        Ok(self)
    }

    /// The request to send: over HTTP/1.1 a GET with its target in origin-form; for an extended CONNECT, a CONNECT with
    /// its [`ConnectProtocol`] in the extensions.
    #[must_use]
    pub fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        match &self.bootstrap {
            Bootstrap::Upgrade(key) => {
                *request.uri_mut() = self.target.clone();
                let headers = request.headers_mut();
                headers.insert(HOST, self.host.clone());
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(SEC_WEBSOCKET_KEY, key.header_value());
            }
            Bootstrap::ExtendedConnect => {
                *request.method_mut() = Method::CONNECT;
                *request.version_mut() = Version::HTTP_2;
                *request.uri_mut() = self.target_at_host();
                request.extensions_mut().insert(ConnectProtocol::WEBSOCKET);
            }
        }
        let headers = request.headers_mut();
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.extend(self.headers.clone());
        request
    }

    /// The target, with [`host`](Self::host) as its authority.
    fn target_at_host(&self) -> Uri {
        let named = || {
            let scheme = self.target.scheme()?.clone();
            absolute(scheme, Authority::try_from(self.host.as_bytes()).ok()?, path_of(&self.target))
        };
        named().unwrap_or_else(|| self.target.clone())
    }

    /// Checks the server's response (RFC 6455 §4.1, after the request; RFC 8441 §5).
    ///
    /// # Errors
    ///
    /// [`ResponseError::Status`] when the server refused or redirected, another error when its response breaks a rule
    /// or accepts something that the request did not offer. The connection must then be closed.
    pub fn verify<B>(&self, response: &Response<B>) -> Result<Agreed, ResponseError> {
        let (status, headers) = (response.status(), response.headers());
        match &self.bootstrap {
            Bootstrap::Upgrade(key) if status == StatusCode::SWITCHING_PROTOCOLS => {
                if response.version() < Version::HTTP_11 {
                    return Err(ResponseError::OldHttp);
                }
                check_upgraded(headers, key)?;
            }
            Bootstrap::ExtendedConnect if status.is_success() => {}
            Bootstrap::Upgrade(_) | Bootstrap::ExtendedConnect => return Err(ResponseError::Status(status)),
        }
        let subprotocol = self.chosen_subprotocol(headers)?;
        let extensions = parse_extensions(headers).map_err(ResponseError::Extensions)?;
        check_answer(&self.extensions, &extensions).map_err(ResponseError::Extensions)?;
        Ok(Agreed { subprotocol, extensions })
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

/// Path and query of a URL. An empty path is `/` (RFC 3986 §6.2.3).
fn path_of(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}

fn absolute(scheme: Scheme, authority: Authority, path_and_query: PathAndQuery) -> Option<Uri> {
    let mut parts = Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

/// Checks the headers of a 101 response (RFC 6455 §4.1).
fn check_upgraded(headers: &HeaderMap, key: &ClientKey) -> Result<(), ResponseError> {
    check_upgrade(headers)?;
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(ResponseError::NoConnectionUpgrade);
    }
    match single(headers, &SEC_WEBSOCKET_ACCEPT) {
        Ok(value) if value == key.accept().as_bytes() => Ok(()),
        Ok(_) => Err(ResponseError::WrongAccept),
        Err(NotSingle::Missing) => Err(ResponseError::NoAccept),
        Err(NotSingle::Repeated) => Err(ResponseError::RepeatedAccept),
    }
}

/// RFC 6455 §4.1, step 2: the value is `websocket` alone, whereas a request may list other protocols, too (RFC 9110
/// §7.8).
fn check_upgrade(headers: &HeaderMap) -> Result<(), ResponseError> {
    match single(headers, &UPGRADE) {
        Ok(value) if value.eq_ignore_ascii_case(b"websocket") => Ok(()),
        Err(NotSingle::Missing) => Err(ResponseError::NoUpgrade),
        Ok(_) | Err(NotSingle::Repeated) => Err(ResponseError::OtherUpgrade),
    }
}

/// A request that cannot be sent: the caller's mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The name of a subprotocol is not a token (RFC 9110 §5.6.2).
    InvalidSubprotocol(String),
    /// A subprotocol is offered twice.
    RepeatedSubprotocol(String),
    /// The extensions cannot be offered.
    Extensions(ExtensionError),
    /// The handshake sets this header itself, or it announces a body.
    ReservedHeader(HeaderName),
    /// More headers than an `http::HeaderMap` holds.
    TooManyHeaders,
    /// The URL of an extended CONNECT has no host, or is not a WebSocket URL.
    NotAbsolute(Uri),
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
            Self::NotAbsolute(uri) => write!(f, "{uri} is not an absolute WebSocket URL"),
        }
    }
}

impl Error for RequestError {}

/// Why a response does not open a WebSocket: the server refused, or made a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseError {
    /// The status is not 101, or, for an extended CONNECT, not 2xx.
    Status(StatusCode),
    /// The status is 101, but the version is HTTP/1.0, which has no such status (RFC 9110 §15.2).
    OldHttp,
    /// There is no `Upgrade`.
    NoUpgrade,
    /// `Upgrade` is not exactly `websocket`.
    OtherUpgrade,
    /// `Connection` does not list `upgrade`.
    NoConnectionUpgrade,
    /// `Sec-WebSocket-Accept` is missing.
    NoAccept,
    /// `Sec-WebSocket-Accept` occurs more than once.
    RepeatedAccept,
    /// `Sec-WebSocket-Accept` does not match the key that was sent: the response may come from a cache.
    WrongAccept,
    /// The server chose a subprotocol that was not offered.
    SubprotocolNotOffered(String),
    /// The server chose more than one subprotocol.
    RepeatedSubprotocol,
    /// The server chose none of the offered subprotocols, although
    /// [`require_subprotocol`](ClientHandshake::require_subprotocol) was set.
    NoSubprotocol,
    /// The server's extensions are malformed, or were not offered.
    Extensions(ExtensionError),
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered {status} instead of opening a WebSocket"),
            Self::OldHttp => f.write_str("the response is one of HTTP/1.0, which cannot open a WebSocket"),
            Self::NoUpgrade => f.write_str("the response lacks Upgrade: websocket"),
            Self::OtherUpgrade => f.write_str("the response's Upgrade is not websocket alone"),
            Self::NoConnectionUpgrade => f.write_str("the response lacks Connection: Upgrade"),
            Self::NoAccept => f.write_str("the response lacks Sec-WebSocket-Accept"),
            Self::RepeatedAccept => f.write_str("the response repeats Sec-WebSocket-Accept"),
            Self::WrongAccept => f.write_str("Sec-WebSocket-Accept does not match the key that was sent"),
            Self::SubprotocolNotOffered(name) => {
                write!(f, "the server chose subprotocol {name:?}, which was not offered")
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
