//! The server's side of a connection from its first byte to the decision about its request.

use super::head::{HeadLimits, HeadReader, HeadStatus};
use super::refusal::Refusal;
use super::response::encode_response;
use super::rules::{RequestBody, check_request};
use super::server::{Offer, is_upgrade};
use crate::limits::Limits;
use http::Request;
use std::time::Instant;

/// The server's side of an opening handshake over HTTP/1.1: bytes and time in, and out comes
///
/// - nothing, while more bytes have to arrive,
/// - a valid request for a WebSocket, which waits for the server's decision,
/// - a valid request for something else, for a server of plain HTTP,
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

/// What the bytes of a client have come to.
#[derive(Debug)]
#[must_use]
pub enum HandshakeProgress {
    /// The request is not complete.
    More,
    /// The request asks for a WebSocket and is valid. The server may take its time for the decision, until
    /// [`ServerHandshake::deadline`].
    WebSocket {
        /// The request.
        asked: Box<UpgradeRequest>,
        /// How many bytes of this input belong to the request. The rest are the first frames.
        consumed: usize,
    },
    /// The request is valid and asks for something else.
    Http {
        /// The request.
        request: Box<Request<()>>,
        /// What follows its head.
        body: RequestBody,
        /// How many bytes of this input belong to the head of the request.
        consumed: usize,
    },
    /// The request breaks a rule, or can no longer become a request.
    Refused(RefusedRequest),
}

/// A valid request for a WebSocket, which waits for the server's decision.
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
    /// What it offers.
    pub offer: Offer,
}

/// A request that is refused.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RefusedRequest {
    /// The refusal to answer with.
    pub refusal: Refusal,
    /// The request, if it could be read.
    pub request: Option<Box<Request<()>>>,
}

impl ServerHandshake {
    /// The handshake of a connection that was accepted at `begun`: its request has to be complete, and the decision
    /// made, within [`Limits::handshake_time`] from then on.
    #[must_use]
    pub fn begin(limits: &Limits, begun: Instant) -> Self {
        let head = HeadReader::new(HeadLimits::from(limits));
        // A time that no clock can count never comes.
        Self { head, deadline: begun.checked_add(limits.handshake_time) }
    }

    /// A further request of a connection, whose time is kept by the HTTP server that reads it.
    #[must_use]
    pub fn further(limits: HeadLimits) -> Self {
        Self { head: HeadReader::new(limits), deadline: None }
    }

    /// When the handshake is given up unless the server has decided; `None`: never.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the handshake is to be given up at `now`.
    #[must_use]
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Takes the next bytes as they arrived. Once it gave something else than [`HandshakeProgress::More`], it consumes
    /// no more of them.
    pub fn receive(&mut self, bytes: &[u8]) -> HandshakeProgress {
        match self.head.feed(bytes) {
            Ok(HeadStatus::Partial) => HandshakeProgress::More,
            Ok(HeadStatus::Complete { consumed }) => {
                self.judge(consumed).unwrap_or_else(HandshakeProgress::Refused)
            }
            Err(error) => HandshakeProgress::Refused(RefusedRequest { refusal: error.into(), request: None }),
        }
    }

    /// What was received so far of the head; see [`HeadReader::as_bytes`].
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.head.as_bytes()
    }

    /// Judges a head that is complete. The rules are the same for every request of a connection.
    fn judge(&self, consumed: usize) -> Result<HandshakeProgress, RefusedRequest> {
        let request =
            self.head.request().map_err(|error| RefusedRequest { refusal: error.into(), request: None })?;
        let body = match check_request(&request) {
            Ok(body) => body,
            Err(refusal) => return Err(RefusedRequest { refusal, request: Some(Box::new(request)) }),
        };
        if is_upgrade(&request) {
            let asked = Box::new(UpgradeRequest::read(request)?);
            return Ok(HandshakeProgress::WebSocket { asked, consumed });
        }
        Ok(HandshakeProgress::Http { request: Box::new(request), body, consumed })
    }
}

impl UpgradeRequest {
    /// Reads a request for a WebSocket that any HTTP server has received; see [`Offer::read`].
    ///
    /// # Errors
    ///
    /// What is wrong with the request.
    pub fn read(request: Request<()>) -> Result<Self, RefusedRequest> {
        match Offer::read(&request) {
            Ok(offer) => Ok(Self { request, offer }),
            Err(refusal) => Err(RefusedRequest { refusal, request: Some(Box::new(request)) }),
        }
    }
}

impl RefusedRequest {
    /// The answer over HTTP/1.1, after which the connection is closed.
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
