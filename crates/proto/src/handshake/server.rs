//! The server's side of the opening handshake (RFC 6455 §4.2).

use super::bootstrap::{Bootstrap, ConnectRequest};
use super::field::{NotSingle, has_token, single, tokens};
use super::negotiate::{
    Agreed, Extension, ExtensionError, check_answer, format_extensions, parse_extensions,
};
use super::refusal::Refusal;
use super::rules::check_host;
use crate::accept_key::{AcceptKey, ClientKey};
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use std::collections::HashSet;
use std::error::Error;
use std::fmt;

/// Whether the request asks for a WebSocket, validly or not: `Upgrade` lists `websocket`, or it is an extended CONNECT
/// (RFC 8441 §4) that does not name another protocol. Everything else is plain HTTP.
#[must_use]
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    match ConnectRequest::of(request) {
        ConnectRequest::WebSocket | ConnectRequest::Unnamed => true,
        ConnectRequest::Other => false,
        ConnectRequest::No => asks_for_upgrade(request),
    }
}

fn asks_for_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), &UPGRADE, "websocket")
}

/// A valid WebSocket request that waits for the server's decision.
#[derive(Debug, Clone)]
pub struct Offer {
    bootstrap: Bootstrap<AcceptKey>,
    subprotocols: Vec<String>,
    extensions: Vec<Extension>,
}

impl Offer {
    /// Reads a client's opening handshake: an upgrade over HTTP/1.1 (RFC 6455 §4.2.1), or an extended CONNECT (RFC 8441
    /// §5). The `:protocol` of the latter is a [`ConnectProtocol`](super::ConnectProtocol) in the extensions of the
    /// request.
    ///
    /// It does not check `Origin`: that is the server's policy.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] to respond with: 426 with `Sec-WebSocket-Version: 13` for another version or none, 405 for a
    /// method other than GET, 505 for an upgrade over HTTP/2 or later, 400 for anything else.
    pub fn read<B>(request: &Request<B>) -> Result<Self, Refusal> {
        Self::read_with(request, check_host)
    }

    /// Reads a request that has passed [`check_request`](super::check_request) already.
    pub(super) fn read_checked<B>(request: &Request<B>) -> Result<Self, Refusal> {
        Self::read_with(request, |_| Ok(()))
    }

    fn read_with<B>(
        request: &Request<B>,
        check_host: impl FnOnce(&Request<B>) -> Result<(), Refusal>,
    ) -> Result<Self, Refusal> {
        let headers = request.headers();
        let is_extended_connect = ConnectRequest::of(request) == ConnectRequest::WebSocket;
        if is_extended_connect {
            check_target(request)?;
        } else {
            check_upgrade(request)?;
        }
        check_host(request)?;
        check_no_body(headers)?;
        check_version(headers)?;
        let bootstrap = if is_extended_connect {
            Bootstrap::ExtendedConnect
        } else {
            Bootstrap::Upgrade(accept_key(headers)?)
        };
        Ok(Self {
            bootstrap,
            subprotocols: offered_subprotocols(headers)?,
            extensions: parse_extensions(headers).map_err(|error| Refusal::bad_request(error.to_string()))?,
        })
    }

    /// How the request opens the WebSocket.
    #[must_use]
    pub fn bootstrap(&self) -> &Bootstrap<AcceptKey> {
        &self.bootstrap
    }

    /// The subprotocols that the client offers, its preferred one first (RFC 6455 §1.9).
    #[must_use]
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// The extensions that the client offers, in its order; see [`negotiate`](super::negotiate()).
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The first of `supported` that the client offers. `supported` is in the server's order of preference.
    #[must_use]
    pub fn choose_subprotocol<'s, S: AsRef<str>>(&self, supported: &'s [S]) -> Option<&'s str> {
        supported.iter().map(AsRef::as_ref).find(|&name| self.offers(name))
    }

    /// Accepts the request. Returns the response to send, 101 (RFC 6455 §4.2.2) or, for an extended CONNECT, 200 (RFC
    /// 8441 §5), and the agreement. The caller may add headers to the response.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when the client did not offer the subprotocol or an extension, when an extension occurs twice,
    /// or when one is not made of tokens.
    pub fn accept(
        self,
        subprotocol: Option<&str>,
        extensions: &[Extension],
    ) -> Result<(Response<()>, Agreed), AcceptError> {
        check_answer(&self.extensions, extensions).map_err(AcceptError::Extensions)?;
        let mut response = Response::new(());
        if let Bootstrap::Upgrade(accept) = &self.bootstrap {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept.header_value());
        }
        let headers = response.headers_mut();
        if let Some(name) = subprotocol {
            let not_offered = || AcceptError::SubprotocolNotOffered(name.to_owned());
            let value = HeaderValue::from_str(name).map_err(|_| not_offered())?;
            if !self.offers(name) {
                return Err(not_offered());
            }
            headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
        }
        if let Some(value) = format_extensions(extensions).map_err(AcceptError::Extensions)? {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, value);
        }
        let agreed = Agreed { subprotocol: subprotocol.map(str::to_owned), extensions: extensions.to_vec() };
        Ok((response, agreed))
    }

    fn offers(&self, subprotocol: &str) -> bool {
        self.subprotocols.iter().any(|offered| offered == subprotocol)
    }
}

/// RFC 8441 §4: an extended CONNECT has `:scheme` and `:path`.
fn check_target<B>(request: &Request<B>) -> Result<(), Refusal> {
    let target = request.uri();
    if target.scheme().is_some() && target.path_and_query().is_some() {
        return Ok(());
    }
    Err(Refusal::bad_request("an extended CONNECT has a scheme and a path"))
}

fn accept_key(headers: &HeaderMap) -> Result<AcceptKey, Refusal> {
    let key = exactly_one(headers, &SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key")?;
    let key = ClientKey::parse(key).map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(key.accept())
}

fn check_upgrade<B>(request: &Request<B>) -> Result<(), Refusal> {
    // Later versions of HTTP have neither `Upgrade` nor `Connection` (RFC 9113 §8.2.2).
    if request.version() > Version::HTTP_11 {
        return Err(Refusal::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "WebSockets are served over HTTP/1.1 only, not over HTTP/2",
        ));
    }
    if request.version() < Version::HTTP_11 {
        return Err(Refusal::bad_request(
            "a WebSocket needs HTTP/1.1; a proxy in between may have to be configured for it",
        ));
    }
    if request.method() != Method::GET {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is opened with GET");
        return Err(refusal.header(ALLOW, HeaderValue::from_static("GET")));
    }
    if !asks_for_upgrade(request) {
        return Err(Refusal::upgrade_required("this is a WebSocket: the request needs Upgrade: websocket"));
    }
    if !has_token(request.headers(), &CONNECTION, "upgrade") {
        return Err(Refusal::bad_request(
            "the request needs Connection: Upgrade; a proxy in between may have to be configured to pass it on",
        ));
    }
    Ok(())
}

/// This server, or a proxy in front of it, would read the bytes of a body as frames.
fn check_no_body(headers: &HeaderMap) -> Result<(), Refusal> {
    let empty = headers.get_all(CONTENT_LENGTH).iter().all(|length| length == "0");
    if empty && !headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    Err(Refusal::bad_request("a WebSocket request must not have a body"))
}

/// A missing version gets the same response as an unsupported one: the request does ask for a WebSocket, and the drafts
/// before version 4 did not have the header (RFC 6455 §4.4).
fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    match single(headers, &SEC_WEBSOCKET_VERSION) {
        Ok(b"13") => Ok(()),
        Ok(_) | Err(NotSingle::Missing) => {
            Err(Refusal::upgrade_required("this server speaks WebSocket version 13"))
        }
        Err(NotSingle::Repeated) => Err(Refusal::bad_request("Sec-WebSocket-Version is repeated")),
    }
}

/// RFC 6455 §4.1 (10): distinct tokens.
fn offered_subprotocols(headers: &HeaderMap) -> Result<Vec<String>, Refusal> {
    let offered = tokens(headers, &SEC_WEBSOCKET_PROTOCOL)
        .ok_or_else(|| Refusal::bad_request("Sec-WebSocket-Protocol is not a list of tokens"))?;
    let mut seen = HashSet::new();
    if let Some(repeated) = offered.iter().find(|name| !seen.insert(**name)) {
        return Err(Refusal::bad_request(format!("Sec-WebSocket-Protocol names {repeated} twice")));
    }
    Ok(offered.into_iter().map(str::to_owned).collect())
}

fn exactly_one<'h>(headers: &'h HeaderMap, name: &HeaderName, shown: &str) -> Result<&'h [u8], Refusal> {
    single(headers, name).map_err(|error| {
        Refusal::bad_request(match error {
            NotSingle::Missing => format!("{shown} is missing"),
            NotSingle::Repeated => format!("{shown} is repeated"),
        })
    })
}

/// A response that the client's offer does not allow: the server's own mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptError {
    /// The client did not offer the chosen subprotocol.
    SubprotocolNotOffered(String),
    /// The chosen extensions are not valid.
    Extensions(ExtensionError),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubprotocolNotOffered(name) => {
                write!(f, "the client did not offer subprotocol {name:?}")
            }
            Self::Extensions(error) => error.fmt(f),
        }
    }
}

impl Error for AcceptError {}

#[cfg(test)]
mod tests;
