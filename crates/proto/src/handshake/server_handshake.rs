//! The server's side of a connection, from its first byte to the decision about its request.

use super::head::{HeadLimits, HeadReader, HeadStatus};
use super::refusal::Refusal;
use super::response::encode_response;
use super::rules::{RequestBody, check_request};
use super::server::{Offer, is_upgrade};
use crate::limits::Limits;
use http::Request;
use std::time::Instant;

/// The server's side of an opening handshake over HTTP/1.1. It takes bytes and time, and returns
///
/// - nothing, while the request is incomplete,
/// - a valid WebSocket request, which waits for the server's decision,
/// - a valid request for something else, for a plain HTTP server,
/// - or a refusal.
///
/// ```
/// use std::time::Instant;
///
/// use longwire_proto::Limits;
/// use longwire_proto::handshake::{HandshakeProgress, ServerHandshake};
///
/// let mut handshake = ServerHandshake::begin(&Limits::default(), Instant::now());
/// assert!(matches!(handshake.receive(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"), HandshakeProgress::More));
/// match handshake.receive(
///     b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
///       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x85",
/// ) {
///     HandshakeProgress::WebSocket { asked, consumed } => {
///         let (response, _agreed) = asked.offer.accept(None, &[])?;
///         assert_eq!((response.status().as_u16(), consumed), (101, 115));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), longwire_proto::handshake::AcceptError>(())
/// ```
#[derive(Debug)]
pub struct ServerHandshake {
    head: HeadReader,
    deadline: Option<Instant>,
}

/// The result of the bytes received thus far.
#[derive(Debug)]
#[must_use]
pub enum HandshakeProgress {
    /// The request is not complete.
    More,
    /// A valid WebSocket request. The server may decide later, until [`ServerHandshake::deadline`].
    WebSocket {
        /// The request.
        asked: Box<UpgradeRequest>,
        /// How many bytes of this input belong to the request. The rest are the first frames.
        consumed: usize,
    },
    /// A valid request for something else.
    Http {
        /// The request.
        request: Box<Request<()>>,
        /// The length of its body.
        body: RequestBody,
        /// How many bytes of this input belong to the head of the request.
        consumed: usize,
    },
    /// The request breaks a rule, or the bytes can no longer become a request.
    Refused(RefusedRequest),
}

/// A valid WebSocket request, which waits for the server's decision.
///
/// ```
/// use http::Request;
/// use longwire_proto::handshake::{ConnectProtocol, UpgradeRequest};
///
/// let request = Request::connect("https://example.com/chat")
///     .extension(ConnectProtocol::WEBSOCKET)
///     .header("sec-websocket-version", "13")
///     .body(())?;
/// let asked = UpgradeRequest::read(request)?;
/// assert_eq!(asked.request.uri().path(), "/chat");
/// assert_eq!(asked.offer.accept(None, &[])?.0.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpgradeRequest {
    /// The request.
    pub request: Request<()>,
    /// The client's offer.
    pub offer: Offer,
}

/// A refused request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RefusedRequest {
    /// The refusal to respond with.
    pub refusal: Refusal,
    /// The request, if it could be read.
    pub request: Option<Box<Request<()>>>,
}

impl ServerHandshake {
    /// The handshake of a connection that was accepted at `begun`. The request must be complete, and the decision made,
    /// within [`Limits::handshake_time`] of that.
    #[must_use]
    pub fn begin(limits: &Limits, begun: Instant) -> Self {
        let head = HeadReader::new(HeadLimits::from(limits));
        // If the deadline overflows the clock, there is none.
        Self { head, deadline: begun.checked_add(limits.handshake_time) }
    }

    /// A later request of a connection. The HTTP server that reads it keeps the time.
    #[must_use]
    pub fn further(limits: HeadLimits) -> Self {
        Self { head: HeadReader::new(limits), deadline: None }
    }

    /// When the handshake times out unless the server has decided; `None`: never.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the handshake has timed out at `now`.
    #[must_use]
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Takes the next bytes as they arrived. Once it returned anything other than [`HandshakeProgress::More`], it
    /// consumes no further bytes.
    pub fn receive(&mut self, bytes: &[u8]) -> HandshakeProgress {
        match self.head.feed(bytes) {
            Ok(HeadStatus::Partial) => HandshakeProgress::More,
            Ok(HeadStatus::Complete { consumed }) => {
                self.judge(consumed).unwrap_or_else(HandshakeProgress::Refused)
            }
            Err(error) => HandshakeProgress::Refused(RefusedRequest { refusal: error.into(), request: None }),
        }
    }

    /// The received bytes of the head; see [`HeadReader::as_bytes`].
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.head.as_bytes()
    }

    /// Checks a complete head. The rules are the same for every request of a connection.
    fn judge(&self, consumed: usize) -> Result<HandshakeProgress, RefusedRequest> {
        let request =
            self.head.request().map_err(|error| RefusedRequest { refusal: error.into(), request: None })?;
        let body = match check_request(&request) {
            Ok(body) => body,
            Err(refusal) => return Err(RefusedRequest { refusal, request: Some(Box::new(request)) }),
        };
        if is_upgrade(&request) {
            let asked = Box::new(UpgradeRequest::with(Offer::read_checked(&request), request)?);
            return Ok(HandshakeProgress::WebSocket { asked, consumed });
        }
        Ok(HandshakeProgress::Http { request: Box::new(request), body, consumed })
    }
}

impl UpgradeRequest {
    /// Reads a WebSocket request that any HTTP server has received; see [`Offer::read`].
    ///
    /// # Errors
    ///
    /// [`RefusedRequest`] with the reason, when the request is not valid.
    pub fn read(request: Request<()>) -> Result<Self, RefusedRequest> {
        Self::with(Offer::read(&request), request)
    }

    fn with(offer: Result<Offer, Refusal>, request: Request<()>) -> Result<Self, RefusedRequest> {
        match offer {
            Ok(offer) => Ok(Self { request, offer }),
            Err(refusal) => Err(RefusedRequest { refusal, request: Some(Box::new(request)) }),
        }
    }
}

impl RefusedRequest {
    /// The HTTP/1.1 response, after which the connection is closed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let method = self.request.as_ref().map(|request| request.method());
        encode_response(&self.refusal.response(), method)
    }
}

impl std::fmt::Display for RefusedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.refusal.fmt(f)
    }
}

impl std::error::Error for RefusedRequest {}

#[cfg(test)]
mod tests;
