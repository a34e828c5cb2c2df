//! Plain HTTP on the server's port, by hyper. Requests for a WebSocket that come here, because an earlier request of the
//! same connection was plain, are answered by the same rules as all others.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use longwire_proto::handshake::{Refusal, is_upgrade};
use longwire_proto::{Limits, Role};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::service::{HttpBody, HttpService, with_text};
use crate::telemetry;
use crate::transport::Transport;

/// hyper's smallest buffer.
const MIN_BUFFER: usize = 8 << 10;

/// The server that a connection belongs to.
pub(crate) trait Host: Send + Sync + 'static {
    /// What one connection may cost.
    fn limits(&self) -> &Limits;

    /// Cancelled when the server shuts down.
    fn closing(&self) -> &CancellationToken;

    /// The application's service for what is not a request for a WebSocket.
    fn http(&self) -> Option<&HttpService>;

    /// Answers a request for a WebSocket; `upgraded` gives the transport when the answer is written.
    fn upgrade(
        self: Arc<Self>,
        request: &Request<()>,
        peer_addr: SocketAddr,
        upgraded: OnUpgrade,
    ) -> Result<Response<()>, Refusal>;
}

/// Serves a connection whose first bytes have been read already.
pub(crate) async fn serve(
    transport: Transport,
    read_ahead: Bytes,
    peer_addr: SocketAddr,
    host: Arc<impl Host>,
) {
    let limits = host.limits().clone();
    let closing = host.closing().clone();
    let service = service_fn(move |request| {
        let host = Arc::clone(&host);
        async move { Ok::<_, Infallible>(answer(request, peer_addr, host).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_time)
        .max_headers(limits.handshake_headers)
        .max_buf_size(limits.handshake_bytes.max(MIN_BUFFER))
        .serve_connection(TokioIo::new(ReadAhead { bytes: read_ahead, transport }), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "the HTTP connection ended");
    }
}

async fn answer(
    mut request: Request<Incoming>,
    peer_addr: SocketAddr,
    host: Arc<impl Host>,
) -> Response<HttpBody> {
    if !is_upgrade(&request) {
        return match host.http() {
            Some(service) => service(request).await,
            None => with_text(Refusal::upgrade_required("only WebSockets are served here").response()),
        };
    }
    let begun = Instant::now();
    let upgraded = hyper::upgrade::on(&mut request);
    let request = request.map(|_body| ());
    match host.upgrade(&request, peer_addr, upgraded) {
        Ok(response) => {
            telemetry::shook_hands(Role::Server, begun);
            response.map(|()| Empty::new().map_err(|never| match never {}).boxed_unsync())
        }
        Err(refusal) => with_text(refusal.response()),
    }
}

/// The transport of a connection that hyper gives up; `None`: the client has left.
pub(crate) async fn transport(upgraded: OnUpgrade) -> Option<Transport> {
    match upgraded.await {
        Ok(upgraded) => Some(Transport::Other(Box::new(TokioIo::new(upgraded)))),
        Err(error) => {
            tracing::debug!(%error, "the client left before it was accepted");
            None
        }
    }
}

/// A transport with bytes that were read from it before.
struct ReadAhead {
    bytes: Bytes,
    transport: Transport,
}

impl AsyncRead for ReadAhead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return Pin::new(&mut self.transport).poll_read(cx, buf);
        }
        let count = self.bytes.len().min(buf.remaining());
        buf.put_slice(self.bytes.get(..count).unwrap_or_default());
        self.bytes.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReadAhead {
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
