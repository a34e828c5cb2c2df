//! A filter in front of hyper: it sees only requests that passed the rules that also judge the first request of a
//! connection. hyper's own parser is laxer in places, and its result does not show where.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::UPGRADE;
use http::{Method, Request};
use longwire_proto::handshake::{
    HandshakeProgress, HeadLimits, RefusedRequest, RequestBody, ServerHandshake, UpgradeRequest,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::chunks::Chunks;
use super::wire::Wire;

/// Replaces a refused request for hyper; the service then answers with the refusal.
const IN_PLACE: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\n\r\n";
const IN_PLACE_OF_HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nHost: refused\r\n\r\n";

/// The verdict on a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Another request may follow on the connection.
    Fine,
    /// The request may leave HTTP, so the bytes after it are not parsed. If it does not leave, the connection ends
    /// with the response.
    Last,
    /// The request asks for a WebSocket, which the application decides about. The bytes after it are not parsed
    /// either.
    WebSocket(Box<UpgradeRequest>),
    Refused(Box<RefusedRequest>),
}

/// The verdicts on requests that hyper has seen but the service has not, in order. hyper reads ahead by one request,
/// so there is at most one.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Mutex<VecDeque<Verdict>>);

impl Verdicts {
    /// The verdict on the request that the service was called for.
    pub(super) fn next(&self) -> Verdict {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(Verdict::Last)
    }

    fn add(&self, verdict: Verdict) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(verdict);
    }
}

/// A transport that shows hyper one request at a time.
pub(super) struct Screen {
    transport: Wire,
    /// Bytes that were read but not yet parsed.
    read: BytesMut,
    /// The rest of a head that passed.
    passed: Bytes,
    stage: NextByte,
    limits: HeadLimits,
    verdicts: Arc<Verdicts>,
}

/// What the next byte belongs to.
enum NextByte {
    Head(ServerHandshake),
    Body(u64),
    Chunks(Chunks),
    /// Everything after a request that may leave HTTP, starting with its body if it has one.
    Open {
        has_body: bool,
    },
    /// A request was refused, so nothing more is read.
    Refused,
}

impl Screen {
    /// `read` holds bytes that were already read from the transport.
    pub(super) fn new(transport: Wire, read: BytesMut, limits: HeadLimits) -> (Screen, Arc<Verdicts>) {
        let verdicts = Arc::new(Verdicts::default());
        let stage = NextByte::Head(ServerHandshake::further(limits));
        let passed = Bytes::new();
        (Screen { transport, read, passed, stage, limits, verdicts: Arc::clone(&verdicts) }, verdicts)
    }

    /// How many of `bytes` hyper may see. It sees no byte of a head before the head is complete.
    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (taken, is_over) = match &mut self.stage {
            NextByte::Head(_) | NextByte::Refused => return Ok(0),
            NextByte::Open { .. } => return Ok(bytes.len()),
            NextByte::Body(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= u64::try_from(taken).unwrap_or(*left);
                (taken, *left == 0)
            }
            NextByte::Chunks(chunks) => (chunks.follow(bytes)?, *chunks == Chunks::Over),
        };
        if is_over {
            self.stage = NextByte::Head(ServerHandshake::further(self.limits));
        }
        Ok(taken)
    }

    /// Parses the unread bytes as the head of a request.
    fn parse_head(&mut self) {
        let NextByte::Head(handshake) = &mut self.stage else { return };
        let (verdict, consumed, next) = match handshake.receive(&self.read) {
            HandshakeProgress::More => return self.read.clear(),
            HandshakeProgress::WebSocket { asked, consumed } => {
                (Verdict::WebSocket(asked), consumed, NextByte::Open { has_body: false })
            }
            HandshakeProgress::Http { request, body, consumed } => {
                let has_body = body != RequestBody::None;
                let (verdict, next) = match body {
                    _ if may_leave_http(&request) => (Verdict::Last, NextByte::Open { has_body }),
                    RequestBody::None => {
                        (Verdict::Fine, NextByte::Head(ServerHandshake::further(self.limits)))
                    }
                    RequestBody::Length(length) => (Verdict::Fine, NextByte::Body(length)),
                    RequestBody::Chunked => (Verdict::Fine, NextByte::Chunks(Chunks::Begin)),
                };
                (verdict, consumed, next)
            }
            HandshakeProgress::Refused(refused) => return self.refuse(refused),
        };
        self.passed = Bytes::copy_from_slice(handshake.head());
        self.read.advance(consumed);
        self.stage = next;
        self.verdicts.add(verdict);
    }

    /// Makes the service answer with a refusal.
    fn refuse(&mut self, refused: RefusedRequest) {
        let is_head = refused.request.as_ref().is_some_and(|request| request.method() == Method::HEAD);
        self.passed = Bytes::from_static(if is_head { IN_PLACE_OF_HEAD } else { IN_PLACE });
        self.stage = NextByte::Refused;
        self.read.clear();
        self.verdicts.add(Verdict::Refused(Box::new(refused)));
    }

    /// Gives hyper the bytes that are available. `false`: there are none.
    fn fill(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<bool> {
        loop {
            if !self.passed.is_empty() {
                let count = self.passed.len().min(buf.remaining());
                buf.put_slice(&self.passed.split_to(count));
                return Ok(true);
            }
            if self.read.is_empty() || matches!(self.stage, NextByte::Refused) {
                return Ok(false);
            }
            let mut read = std::mem::take(&mut self.read);
            let offered = read.get(..buf.remaining()).unwrap_or(&read);
            let taken = self.take(offered)?;
            buf.put_slice(offered.get(..taken).unwrap_or_default());
            read.advance(taken);
            self.read = read;
            if taken > 0 {
                return Ok(true);
            }
            self.parse_head();
        }
    }
}

impl NextByte {
    /// Whether the next bytes may belong to a body.
    fn is_body(&self) -> bool {
        match self {
            NextByte::Body(_) | NextByte::Chunks(_) => true,
            NextByte::Open { has_body } => *has_body,
            NextByte::Head(_) | NextByte::Refused => false,
        }
    }
}

/// Whether the service may take over the connection with this request.
fn may_leave_http(request: &Request<()>) -> bool {
    request.method() == Method::CONNECT || request.headers().contains_key(UPGRADE)
}

impl AsyncRead for Screen {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let screen = &mut *self;
        while !screen.fill(buf)? {
            // hyper ends the connection after it has written the response.
            if matches!(screen.stage, NextByte::Refused) {
                return Poll::Pending;
            }
            screen.transport.expect(screen.stage.is_body());
            let before = buf.filled().len();
            ready!(Pin::new(&mut screen.transport).poll_read(cx, buf))?;
            let new = buf.filled().get(before..).unwrap_or_default();
            if new.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let taken = screen.take(new)?;
            if taken == new.len() {
                return Poll::Ready(Ok(()));
            }
            screen.read = BytesMut::from(new.get(taken..).unwrap_or_default());
            buf.set_filled(before + taken);
            if taken > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Screen {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}
