//! Plain HTTP on the server's port, by hyper. Requests for a WebSocket that come here, because an earlier request of the
//! same connection was plain, are answered by the same rules as all others.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use longwire_proto::deflate::Agreement;
use longwire_proto::handshake::{Refusal, is_upgrade};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::Instrument;

use super::service::{HttpBody, with_text};
use super::session::{self, Session, Settings};
use crate::opening::Opening;
use crate::transport::Transport;

/// hyper's smallest buffer.
const MIN_BUFFER: usize = 8 << 10;

/// Serves a connection whose first bytes have been read already.
pub(super) async fn serve(
    transport: Transport,
    read_ahead: Bytes,
    peer_addr: SocketAddr,
    settings: Arc<Settings>,
) {
    let limits = settings.config.limits.clone();
    let closing = settings.closing.clone();
    let service = service_fn(move |request| {
        let settings = Arc::clone(&settings);
        async move { Ok::<_, Infallible>(answer(request, peer_addr, &settings).await) }
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
    settings: &Arc<Settings>,
) -> Response<HttpBody> {
    if !is_upgrade(&request) {
        return match &settings.http {
            Some(service) => service(request).await,
            None => with_text(Refusal::upgrade_required("only WebSockets are served here").response()),
        };
    }
    let upgraded = hyper::upgrade::on(&mut request);
    let request = request.map(|_body| ());
    match settings.admission.admit(&request, peer_addr, settings.config.deflate.as_ref()) {
        Ok(admitted) => {
            let response =
                admitted.response.map(|()| Empty::new().map_err(|never| match never {}).boxed_unsync());
            let opening = open(upgraded, admitted.opening, admitted.deflate, Arc::clone(settings));
            settings.tasks.spawn(Settings::or_dropped(Arc::clone(settings), opening).in_current_span());
            response
        }
        Err(refusal) => with_text(refusal.response()),
    }
}

async fn open(
    upgraded: hyper::upgrade::OnUpgrade,
    opening: Opening,
    deflate: Option<Agreement>,
    settings: Arc<Settings>,
) {
    match upgraded.await {
        Ok(upgraded) => {
            let transport = Transport::Other(Box::new(TokioIo::new(upgraded)));
            let session =
                Session { transport, read_ahead: Vec::new(), response: Vec::new(), opening, deflate };
            session::run(session, &settings).await;
        }
        Err(error) => tracing::debug!(%error, "the client left before it was accepted"),
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
