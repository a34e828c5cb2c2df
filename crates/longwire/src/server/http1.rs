//! Plain HTTP on the server's port, by hyper. Requests for a WebSocket that come here, because an earlier request of the
//! same connection was plain, are answered by the same rules as all others.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use longwire_proto::handshake::{HeadLimits, Refusal, is_upgrade};
use longwire_proto::{Limits, Role};
use tokio_util::sync::CancellationToken;

use super::refusals::Refusals;
use super::screen::{Screen, Verdict};
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

    /// Tells of who is not let in.
    fn refusals(&self) -> &Refusals;

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
    read_ahead: BytesMut,
    peer_addr: SocketAddr,
    host: Arc<impl Host>,
) {
    let limits = host.limits().clone();
    let closing = host.closing().clone();
    let head_limits = HeadLimits { bytes: limits.handshake_bytes, headers: limits.handshake_headers };
    let (screen, verdicts) = Screen::new(transport, read_ahead, head_limits);
    let service = service_fn(move |request| {
        let (host, verdict) = (Arc::clone(&host), verdicts.next());
        async move { Ok::<_, Infallible>(judged(verdict, request, peer_addr, host).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_time)
        .max_headers(limits.handshake_headers)
        .max_buf_size(limits.handshake_bytes.max(MIN_BUFFER))
        .serve_connection(TokioIo::new(screen), service)
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

/// The answer to a request, by what became of it.
async fn judged(
    verdict: Verdict,
    request: Request<Incoming>,
    peer_addr: SocketAddr,
    host: Arc<impl Host>,
) -> Response<HttpBody> {
    match verdict {
        Verdict::Fine => answer(request, peer_addr, host).await,
        Verdict::Last => {
            let is_connect = request.method() == Method::CONNECT;
            let mut response = answer(request, peer_addr, host).await;
            let has_left = response.status() == StatusCode::SWITCHING_PROTOCOLS
                || is_connect && response.status().is_success();
            if !has_left && !response.headers().contains_key(CONNECTION) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
        Verdict::Refused(rejected) => {
            host.refusals().bad_request(&rejected.refusal, peer_addr, rejected.request.as_deref());
            with_text(rejected.refusal.response())
        }
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
