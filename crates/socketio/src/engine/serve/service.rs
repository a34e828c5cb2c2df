//! Polling, as a service of the server's HTTP.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use longwire::PeerAddr;
use tower_service::Service;

use super::cors::{Page, preflight};
use super::engine_shared::EngineShared;
use super::polling::{BoxError, poll, post};
use super::reply::{HttpReply, fault, text};
use crate::engine::asked::Asked;
use crate::engine::fault::Fault;
use crate::engine::payload;
use crate::engine::{Application, Opening, TransportKind};

/// Answers the requests of polling, at the path of the engine; others get 404. A `tower::Service` for
/// [`longwire::Server::http`], or for a route of an axum `Router` behind it; made by [`Engine::service`](super::Engine::service).
///
/// A page of another origin gets 403 unless the [`longwire::Server`] lets it connect. Behind another HTTP server, whose
/// requests have no [`PageAccess`](longwire::PageAccess), this holds for every request with an `Origin`.
pub struct PollingService<A: Application> {
    pub(super) engine: Arc<EngineShared<A>>,
}

impl<A, B> Service<Request<B>> for PollingService<A>
where
    A: Application,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<HttpReply, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let engine = Arc::clone(&self.engine);
        Box::pin(async move {
            if request.uri().path() != engine.config.path {
                return Ok(text(StatusCode::NOT_FOUND, "there is nothing here\n"));
            }
            let page = match Page::of(request.headers(), request.extensions()) {
                Ok(page) => page,
                Err(refused) => return Ok(fault(refused)),
            };
            let reply = if request.method() == Method::OPTIONS {
                preflight(request.headers())
            } else {
                answer(engine, request).await.unwrap_or_else(fault)
            };
            Ok(page.may_read(reply))
        })
    }
}

async fn answer<A: Application, B>(
    engine: Arc<EngineShared<A>>,
    request: Request<B>,
) -> Result<HttpReply, Fault>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let asked = Asked::read(request.uri().query())?;
    if asked.transport != TransportKind::Polling {
        return Err(Fault::BadRequest);
    }
    let Some(sid) = asked.sid else { return open(&engine, request) };
    let session = engine.live(sid).ok_or(Fault::UnknownSid)?;
    match *request.method() {
        Method::GET => Ok(poll(engine, session).await),
        Method::POST => Ok(post(engine, session, request.into_body()).await),
        _ => Err(Fault::BadRequest),
    }
}

/// Opens a session. "To establish a connection, the client MUST send an HTTP `GET` request to the server."
fn open<A: Application, B>(engine: &Arc<EngineShared<A>>, request: Request<B>) -> Result<HttpReply, Fault> {
    if request.method() != Method::GET {
        return Err(Fault::BadHandshakeMethod);
    }
    let peer_addr = request.extensions().get().and_then(|PeerAddr(peer)| *peer);
    let (head, _) = request.into_parts();
    let (session, open_packet) = engine.create(TransportKind::Polling, peer_addr)?;
    let opening = Opening::copied(&head.uri, &head.headers, peer_addr, TransportKind::Polling);
    engine.begin(&session, opening);
    Ok(text(StatusCode::OK, payload::encode(&[open_packet])))
}

impl<A: Application> Clone for PollingService<A> {
    fn clone(&self) -> PollingService<A> {
        PollingService { engine: Arc::clone(&self.engine) }
    }
}

impl<A: Application> fmt::Debug for PollingService<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollingService").finish_non_exhaustive()
    }
}
