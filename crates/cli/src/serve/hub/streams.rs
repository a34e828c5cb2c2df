//! The transports without WebSocket: streams of the server, and requests by which their clients send.

mod body;
mod driver;
mod opening;
mod origin;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use longwire::PeerAddr;
use longwire_hub::centrifuge::{ConnectRequest, Disconnect, EmulationRequest, Encoding, ErrorCode};
use longwire_hub::{Frame, Session, Transport, TransportKind};
use tokio::time::sleep;

use super::node::Node;
use super::outlet::budget::Budget;
use super::outlet::inbox::Inbox;
use super::outlet::outbox::Outbox;
use super::outlet::topics::StreamLink;
use crate::serve::access::{AccessLog, Visit};
use body::StreamBody;
use driver::StreamDriver;
use opening::{StreamTransport, encoding, first_words, read};
use origin::{is_preflight, preflight, readable_by};

pub(crate) use origin::OriginRule;

/// Tells nginx, and those who learned from it, not to collect the stream.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How often clients are disconnected in a shutdown, at most.
const STEP: Duration = Duration::from_millis(10);

/// The streams of a server.
pub(crate) struct Streams {
    node: Arc<Node>,
    origins: OriginRule,
    access: AccessLog,
    budget: Arc<Budget>,
    open: Mutex<OpenStreams>,
}

/// The sessions, so that a shutdown reaches each, connected or not.
#[derive(Default)]
struct OpenStreams {
    inboxes: HashMap<u64, Arc<Inbox>>,
    count: u64,
    has_ended: bool,
}

impl Streams {
    /// No streams yet. All of them together keep at most `max_buffered` bytes for their clients, and of
    /// their requests.
    pub(crate) fn new(
        node: Arc<Node>,
        origins: OriginRule,
        access: AccessLog,
        max_buffered: usize,
    ) -> Arc<Streams> {
        let budget = Arc::new(Budget::new(max_buffered));
        Arc::new(Streams { node, origins, access, budget, open: Mutex::default() })
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().inboxes.len()
    }

    /// How many clients have been disconnected because they were too slow.
    pub(crate) fn slow(&self) -> u64 {
        self.budget.slow()
    }

    /// Disconnects every client, because the server shuts down, spread over a time. New ones get 503 at once. Must be
    /// called within a runtime.
    pub(crate) fn disconnect_all(&self, spread: Duration) {
        let mut open = self.lock();
        open.has_ended = true;
        let waiting: Vec<_> = open.inboxes.values().cloned().collect();
        drop(open);
        tokio::spawn(disconnect(waiting, spread));
    }

    /// A client whose request is accepted.
    pub(super) fn arrival(
        &self,
        kind: TransportKind,
        encoding: Encoding,
        peer: Option<SocketAddr>,
        headers: &HeaderMap,
        path: &str,
    ) -> Arrival {
        let transport = self.node.hooks.transport(kind, encoding, peer, headers);
        let protocol = match encoding {
            Encoding::Json => "json",
            Encoding::Protobuf => "protobuf",
        };
        Arrival { transport, peer, visit: self.access.visit(peer, path, kind.name(), protocol) }
    }

    /// Begins a session, unless the server shuts down. What it says comes by the outbox, which the caller
    /// [abandons](Outbox::abandon) when the client has gone.
    pub(super) fn begin(self: &Arc<Streams>, arrival: Arrival, first: FirstWords) -> Option<Arc<Outbox>> {
        let Arrival { transport, peer, visit } = arrival;
        let inbox = Arc::new(Inbox::new(Arc::clone(&self.budget)));
        let entered = self.enter(&inbox)?;
        let outbox = Arc::new(Outbox::new(Arc::clone(&self.budget), Arc::clone(&inbox)).log(visit));
        if let FirstWords::Commands(commands) = &first {
            outbox.received(commands.len());
        }
        let (node, control) = (Arc::clone(&self.node), Arc::clone(&inbox));
        let session = Session::new(Arc::clone(&node.hub), transport, control, node.now());
        let link = StreamLink::new(Arc::clone(&node.streams), Arc::clone(&outbox), peer);
        let driver = StreamDriver { node, session, link, inbox, outbox: Arc::clone(&outbox), question: None };
        tokio::spawn(async move {
            let _entered = entered;
            let run = driver.run(move |session, link, now| match first {
                FirstWords::Commands(commands) => session.receive(link, &Frame::Binary(commands), now),
                FirstWords::Connect(request) => session.connect(link, *request, now),
            });
            run.await;
        });
        Some(outbox)
    }

    fn lock(&self) -> MutexGuard<'_, OpenStreams> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a stream, unless the server shuts down.
    fn enter(self: &Arc<Streams>, inbox: &Arc<Inbox>) -> Option<OpenStream> {
        let mut open = self.lock();
        if open.has_ended {
            return None;
        }
        open.count += 1;
        let id = open.count;
        open.inboxes.insert(id, Arc::clone(inbox));
        Some(OpenStream { streams: Arc::clone(self), id })
    }
}

/// Disconnects clients in equal portions.
async fn disconnect(waiting: Vec<Arc<Inbox>>, spread: Duration) {
    let steps = usize::try_from(spread.as_millis() / STEP.as_millis()).unwrap_or(usize::MAX).max(1);
    let portions = waiting.chunks(waiting.len().div_ceil(steps).max(1));
    let pause = spread / u32::try_from(portions.len()).unwrap_or(u32::MAX).max(1);
    for portion in portions {
        for inbox in portion {
            inbox.disconnect(Disconnect::SHUTDOWN);
        }
        sleep(pause).await;
    }
}

/// A guard: the stream is open until this is dropped.
struct OpenStream {
    streams: Arc<Streams>,
    id: u64,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.lock().inboxes.remove(&self.id);
    }
}

pub(crate) fn router(streams: Arc<Streams>) -> Router {
    let kinds = [
        ("/connection/sse", TransportKind::Sse),
        ("/connection/http_stream", TransportKind::HttpStream),
        ("/connection/uni_sse", TransportKind::UniSse),
        ("/connection/uni_http_stream", TransportKind::UniHttpStream),
    ];
    let emulation = any(async |State(streams): State<Arc<Streams>>, request: Request| {
        let answer = |request| emulate(&streams, request);
        judged(&streams, request, answer).await
    });
    kinds
        .into_iter()
        .fold(Router::new().route("/emulation", emulation), |router, (path, kind)| {
            let stream = any(async move |State(streams): State<Arc<Streams>>, request: Request| {
                let (peer, path) = (peer(&request), request.uri().path().to_owned());
                let answer = |request| open(&streams, kind, request);
                let response = judged(&streams, request, answer).await;
                if !response.status().is_success() {
                    streams.access.refused(peer, &path, response.status().as_u16());
                }
                response
            });
            router.route(path, stream)
        })
        .with_state(streams)
}

/// The address of the client.
fn peer(request: &Request) -> Option<SocketAddr> {
    request.extensions().get().and_then(|PeerAddr(peer)| *peer)
}

/// Answers a request unless it comes from a page that may not connect.
async fn judged<F: Future<Output = Response>>(
    streams: &Streams,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let Ok(page) = streams.origins.page(&request) else {
        return readable_by(
            None,
            (StatusCode::FORBIDDEN, "pages of this origin may not connect here\n").into_response(),
        );
    };
    let response = if is_preflight(request.method()) { preflight() } else { answer(request).await };
    readable_by(page, response)
}

/// Hands the commands of a client to its session.
async fn emulate(streams: &Streams, request: Request) -> Response {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let hub = &streams.node.hub;
    let encoding = encoding(request.headers());
    let body = match read(request.into_body(), &hub.config()).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match EmulationRequest::decode(encoding, &body) {
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
        Ok(request) => {
            let is_here = *request.node == **hub.node();
            match hub.emulate(request).answer().await {
                Ok(()) => StatusCode::NO_CONTENT.into_response(),
                // The client of a session that has ended sees it by its stream.
                Err(_) if is_here => StatusCode::NO_CONTENT.into_response(),
                // The client's session has ended with the node.
                Err(error) if error == ErrorCode::NotAvailable.into() => {
                    StatusCode::NOT_FOUND.into_response()
                }
                Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    }
}

/// Opens a stream.
async fn open(streams: &Arc<Streams>, kind: TransportKind, request: Request) -> Response {
    let transport = StreamTransport::of(kind, request.headers());
    let peer = peer(&request);
    let (headers, path) = (request.headers(), request.uri().path());
    let arrival = streams.arrival(kind, transport.encoding, peer, headers, path);
    let first = match first_words(kind, request, &streams.node.hub.config()).await {
        Ok(first) => first,
        Err(refusal) => return refusal,
    };
    let first = match FirstWords::read(kind, first) {
        Ok(first) => first,
        Err(error) => {
            return (StatusCode::BAD_REQUEST, format!("this is no connect request: {error}\n"))
                .into_response();
        }
    };
    match streams.begin(arrival, first) {
        Some(outbox) => {
            let body = StreamBody { outbox, format: transport.format };
            let headers = [
                (CONTENT_TYPE, transport.format.content_type()),
                (CACHE_CONTROL, "private, no-cache, no-store, must-revalidate, max-age=0"),
                (X_ACCEL_BUFFERING, "no"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, Body::new(body)).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "the server shuts down\n").into_response(),
    }
}

/// What a client sends first.
pub(super) enum FirstWords {
    Commands(Bytes),
    /// One-way clients send only this.
    Connect(Box<ConnectRequest>),
}

impl FirstWords {
    fn read(kind: TransportKind, bytes: Bytes) -> Result<FirstWords, serde_json::Error> {
        if !kind.is_one_way() {
            return Ok(FirstWords::Commands(bytes));
        }
        serde_json::from_slice(&bytes).map(|request| FirstWords::Connect(Box::new(request)))
    }
}

/// A client whose request is accepted.
pub(super) struct Arrival {
    transport: Transport,
    peer: Option<SocketAddr>,
    visit: Option<Box<Visit>>,
}
