//! Plain HTTP on the server's port, served by hyper. If a connection asks for a WebSocket after a plain request,
//! the request arrives here and is judged by the same rules as a first request.

mod chunks;
mod rewaking;
mod screen;
pub(crate) mod service;
mod wire;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use longwire_proto::handshake::{HeadLimits, Refusal, UpgradeRequest};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use self::rewaking::Rewaking;
use self::screen::{Screen, Verdict};
use self::service::{HttpBody, HttpService, PageAccess, PeerAddr, with_text};
use self::wire::{Answering, PlainClient, Times, Wire};
use crate::admission::census::Place;
use crate::admission::handshake::{PendingUpgrade, ServerTerms};
use crate::admission::refusals::RequestSummary;
use crate::telemetry;
use crate::transport::Transport;

/// hyper's minimum buffer size.
const MIN_BUFFER: usize = 8 << 10;

/// The server that a connection belongs to.
pub(crate) trait Host: Send + Sync + 'static {
    /// The terms on which WebSockets are opened.
    fn terms(&self) -> ServerTerms<'_>;

    /// Cancelled when the server shuts down.
    fn closing(&self) -> &CancellationToken;

    /// The application's service for plain requests.
    fn http(&self) -> Option<&HttpService>;

    /// Asks the application about a request for a WebSocket. `upgraded` yields the transport once the response is
    /// written. Takes the connection's place if the application accepts.
    fn decide(
        self: Arc<Self>,
        pending: PendingUpgrade,
        upgraded: OnUpgrade,
        take_place: impl FnOnce() -> Option<Place> + Send,
    ) -> impl Future<Output = Result<Response<()>, Refusal>> + Send;
}

/// Serves a connection, starting with bytes that were already read.
pub(crate) async fn serve(
    transport: Transport,
    read_ahead: BytesMut,
    peer_addr: Option<SocketAddr>,
    place: Place,
    host: Arc<impl Host>,
) {
    let limits = host.terms().config.limits.clone();
    let closing = host.closing().clone();
    let client = PlainClient::new(place);
    let head_limits = HeadLimits::from(&limits);
    let (screen, verdicts) = Screen::new(Wire::new(transport, &client), read_ahead, head_limits);
    let asking = client.clone();
    let service = service_fn(move |request| {
        let (host, client, verdict) = (Arc::clone(&host), asking.clone(), verdicts.next());
        let answering = client.asks();
        async move {
            let response = judged(verdict, request, peer_addr, &client, host).await;
            Ok::<_, Infallible>(response.map(|body| AnswerBody { body, _answering: answering }))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_time)
        .max_headers(limits.handshake_headers)
        .max_buf_size(limits.handshake_bytes.max(MIN_BUFFER))
        .serve_connection(TokioIo::new(Rewaking::new(screen)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let times = Times::of(&limits);
    let served = in_time(&client, &times, async {
        tokio::select! {
            served = connection.as_mut() => served,
            () = closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    });
    match served.await {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            if error.is_timeout() {
                telemetry::http_timed_out();
            }
            tracing::debug!(%error, "the HTTP connection ended");
        }
        None => {
            telemetry::http_timed_out();
            tracing::debug!("the HTTP client neither sent nor read anything for too long");
        }
    }
}

/// The response to a request, depending on its verdict.
async fn judged(
    verdict: Verdict,
    mut request: Request<Incoming>,
    peer_addr: Option<SocketAddr>,
    client: &PlainClient,
    host: Arc<impl Host>,
) -> Response<HttpBody> {
    let peer_addr = match host.terms().identify(&request, peer_addr, |ip| client.count_for(ip)) {
        Ok(peer_addr) => peer_addr,
        Err(refusal) => return with_text(refusal.response()),
    };
    let may_connect = host.terms().policy.may_connect(RequestSummary::by(&request));
    let access = if may_connect { PageAccess::Allowed } else { PageAccess::Foreign };
    request.extensions_mut().insert(access);
    request.extensions_mut().insert(PeerAddr(peer_addr));
    match verdict {
        Verdict::Fine => plain(request, &*host).await,
        Verdict::Last => {
            let is_connect = request.method() == Method::CONNECT;
            let mut response = plain(request, &*host).await;
            let has_left = response.status() == StatusCode::SWITCHING_PROTOCOLS
                || is_connect && response.status().is_success();
            if !has_left && !response.headers().contains_key(CONNECTION) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
        Verdict::WebSocket(asked) => upgrade(request, *asked, peer_addr, client, &host).await,
        Verdict::Refused(refused) => {
            host.terms().policy.refusals().bad_request(&refused, peer_addr);
            with_text(refused.refusal.response())
        }
    }
}

/// Runs `work` until it is done. `None`: the client kept this end waiting for too long.
async fn in_time<T>(client: &PlainClient, times: &Times, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        let Some(at) = client.deadline(times) else {
            timer = None;
            return Poll::Pending;
        };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).map(|()| None)
    })
    .await
}

async fn plain(request: Request<Incoming>, host: &impl Host) -> Response<HttpBody> {
    match host.http() {
        Some(service) => service(request).await,
        None => with_text(Refusal::upgrade_required("only WebSockets are served here").response()),
    }
}

/// The response to a request for a WebSocket.
async fn upgrade(
    mut request: Request<Incoming>,
    asked: UpgradeRequest,
    peer_addr: Option<SocketAddr>,
    client: &PlainClient,
    host: &Arc<impl Host>,
) -> Response<HttpBody> {
    let upgraded = hyper::upgrade::on(&mut request);
    let admitted = host.terms().admit(asked, peer_addr);
    let decided = match admitted {
        Ok(pending) => Arc::clone(host).decide(pending, upgraded, || client.take_place()).await,
        Err(refusal) => Err(refusal),
    };
    match decided {
        Ok(response) => response.map(|()| Empty::new().map_err(|never| match never {}).boxed_unsync()),
        Err(refusal) => with_text(refusal.response()),
    }
}

/// The transport of a connection that hyper hands over. `None`: the client has left.
pub(crate) async fn transport(upgraded: OnUpgrade) -> Option<Transport> {
    match upgraded.await {
        Ok(upgraded) => Some(Transport::Other(Box::new(TokioIo::new(upgraded)))),
        Err(error) => {
            tracing::debug!(%error, "the client left before it was accepted");
            None
        }
    }
}

/// The body of a response. Dropping it means that the response is complete.
struct AnswerBody {
    body: HttpBody,
    _answering: Answering,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = <HttpBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
