//! Rules for every request over HTTP/1.1. They apply to the first request of a connection and to later ones, to
//! WebSocket requests and to plain ones.

use super::bootstrap::ConnectRequest;
use super::field::{NotSingle, list, single};
use super::host::HostPort;
use super::refusal::Refusal;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version};

/// What follows the head of a request (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// Nothing: the next byte belongs to the next request, or to the WebSocket.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks (RFC 9112 §7.1).
    Chunked,
}

/// Checks the rules for every request over HTTP/1.1: one valid `Host` (RFC 9112 §3.2), a target without user info (RFC
/// 9110 §4.2.4), and a body whose end every intermediary sees in the same place (RFC 9112 §6.1, §6.3).
///
/// ```
/// use http::Request;
/// use longwire_proto::handshake::{RequestBody, check_request};
///
/// let request = Request::get("/").header("host", "example.com").body(())?;
/// assert_eq!(check_request(&request)?, RequestBody::None);
/// let request = Request::get("/").header("host", "a:b").body(())?;
/// assert!(check_request(&request).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The [`Refusal`] to respond with: 501 for a transfer coding other than `chunked`, 400 for anything else.
pub fn check_request<B>(request: &Request<B>) -> Result<RequestBody, Refusal> {
    check_host(request)?;
    body_of(request)
}

/// The host that a request is for: the one in its target, otherwise `Host` (RFC 9112 §3.2.2).
#[must_use]
pub fn requested_host<'r>(target: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    match target.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(HOST)?.to_str().ok(),
    }
}

/// RFC 9112 §3.2, RFC 6455 §4.2.1 (2). An HTTP/1.0 request may lack `Host`.
pub(super) fn check_host<B>(request: &Request<B>) -> Result<(), Refusal> {
    let is_extended_connect = ConnectRequest::of(request) != ConnectRequest::No;
    let host = match single(request.headers(), &HOST) {
        Ok(host) => Some(host),
        Err(NotSingle::Missing) if request.version() < Version::HTTP_11 => None,
        // The authority of an extended CONNECT is in its target (RFC 8441 §4).
        Err(NotSingle::Missing) if is_extended_connect && request.uri().authority().is_some() => None,
        Err(NotSingle::Missing) => return Err(Refusal::bad_request("Host is missing")),
        Err(NotSingle::Repeated) => return Err(Refusal::bad_request("Host is repeated")),
    };
    let parsed =
        |text: &[u8]| std::str::from_utf8(text).ok().and_then(HostPort::parse).map(|parsed| parsed.port);
    if host.is_some_and(|host| parsed(host).is_none()) {
        return Err(Refusal::bad_request("Host is not a host with an optional port"));
    }
    let Some(authority) = request.uri().authority() else { return Ok(()) };
    match parsed(authority.as_str().as_bytes()) {
        None => Err(Refusal::bad_request("the request target does not name a host with an optional port")),
        // RFC 9112 §3.2.3
        Some(None) if request.method() == Method::CONNECT && !is_extended_connect => {
            Err(Refusal::bad_request("the request target of CONNECT names no port"))
        }
        Some(_) => Ok(()),
    }
}

/// RFC 9112 §6.3 lets a server accept two lengths. This one rejects them: a relay may have seen the body end elsewhere
/// (§11.2).
fn body_of<B>(request: &Request<B>) -> Result<RequestBody, Refusal> {
    let headers = request.headers();
    if headers.contains_key(TRANSFER_ENCODING) {
        return chunked(headers, request.version());
    }
    match single(headers, &CONTENT_LENGTH) {
        Err(NotSingle::Missing) => Ok(RequestBody::None),
        Err(NotSingle::Repeated) => Err(Refusal::bad_request("Content-Length is repeated")),
        Ok(length) => match length_of(length) {
            Some(0) => Ok(RequestBody::None),
            Some(length) => Ok(RequestBody::Length(length)),
            None => Err(Refusal::bad_request("Content-Length is not a number of bytes")),
        },
    }
}

fn chunked(headers: &HeaderMap, version: Version) -> Result<RequestBody, Refusal> {
    // RFC 9112 §6.1
    if version < Version::HTTP_11 {
        return Err(Refusal::bad_request("HTTP/1.0 has no Transfer-Encoding"));
    }
    if headers.contains_key(CONTENT_LENGTH) {
        return Err(Refusal::bad_request("the request has both Transfer-Encoding and Content-Length"));
    }
    let mut codings = list(headers, &TRANSFER_ENCODING);
    match (codings.next(), codings.next()) {
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(RequestBody::Chunked),
        _ => Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "Transfer-Encoding may only be chunked")),
    }
}

fn length_of(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;
