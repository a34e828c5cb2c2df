//! WebSockets in a stack of [tower](https://docs.rs/tower) services.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use longwire_proto::handshake::is_upgrade;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument;

use crate::server::endpoint::Endpoint;
use crate::server::handling::{HandlerOutcome, HandlerResult};
use crate::server::session::{self, ServeFn};
use crate::websocket::WebSocket;

/// Answers requests for a WebSocket, and passes all others to the inner service.
///
/// ```
/// use axum::{Router, routing::get};
/// use longwire::tower::WebSocketLayer;
/// use longwire::{Endpoint, WebSocket};
///
/// let sockets = WebSocketLayer::new(async |mut socket: WebSocket| {
///     while let Some(message) = socket.recv().await? {
///         socket.send(message).await?;
///     }
///     Ok(())
/// });
/// let sockets = sockets.path("/socket").endpoint(Endpoint::new().origins(["https://example.com"]));
/// let router: Router = Router::new().route("/", get("a page")).layer(sockets);
/// ```
///
/// The extensions of the request, such as a user that an authentication layer inserted, are available to the handler
/// through [`WebSocket::attached`]. [`WebSocket::peer_addr`] is `None` here; axum's `ConnectInfo` in the extensions
/// has the client's address. The connection is closed with 1000 when the handler returns, and with 1011 when it fails
/// or panics.
///
/// Layers that decide which clients may connect belong outside of this one, and must decide on the request: the
/// handler does not notice if an outer layer replaces the response.
///
/// There are no WebSockets over HTTP/2 yet: such a request is answered with 505.
#[derive(Clone)]
#[must_use]
pub struct WebSocketLayer {
    handler: ServeFn,
    endpoint: Endpoint,
    matches: Arc<Matches>,
}

/// The service that a [`WebSocketLayer`] wraps around another.
///
/// ```
/// use longwire::WebSocket;
/// use longwire::tower::{WebSocketLayer, WebSocketService};
/// use tower::{Layer, service_fn};
///
/// let layer = WebSocketLayer::new(async |mut socket: WebSocket| Ok(socket.send("Hello").await?));
/// let pages = service_fn(async |_: http::Request<()>| Ok::<_, std::io::Error>(http::Response::new(String::from("a page"))));
/// let service: WebSocketService<_> = layer.layer(pages);
/// ```
#[derive(Debug, Clone)]
pub struct WebSocketService<S> {
    layer: WebSocketLayer,
    inner: S,
}

type Matches = dyn Fn(&Request<()>) -> bool + Send + Sync;

impl WebSocketLayer {
    /// Runs `handler` for every new connection, each on its own task.
    pub fn new<F, Fut>(handler: F) -> WebSocketLayer
    where
        F: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: HandlerOutcome> + Future<Output = HandlerResult> + Send + 'static,
    {
        WebSocketLayer {
            handler: session::erase(handler),
            endpoint: Endpoint::new(),
            matches: Arc::new(|_| true),
        }
    }

    /// Which clients may connect and on which terms; [`Endpoint::new`] by default.
    pub fn endpoint(mut self, endpoint: Endpoint) -> WebSocketLayer {
        self.endpoint = endpoint;
        self
    }

    /// Handles requests at this path only. WebSocket requests for other paths go to the inner service.
    pub fn path(self, path: impl Into<String>) -> WebSocketLayer {
        let path = path.into();
        self.when(move |request| request.uri().path() == path)
    }

    /// Handles only WebSocket requests for which `matches` returns true; others go to the inner service. Replaces an
    /// earlier [`path`](WebSocketLayer::path) or `when`.
    pub fn when(mut self, matches: impl Fn(&Request<()>) -> bool + Send + Sync + 'static) -> WebSocketLayer {
        self.matches = Arc::new(matches);
        self
    }

    /// The response to a request that this layer handles.
    fn answer<B>(&self, mut request: Request<B>) -> LayerResponse {
        let (response, upgrading) = match self.endpoint.upgrade(&mut request) {
            Ok(accepted) => accepted,
            Err(refusal) => {
                return LayerResponse {
                    response: refusal.response().map(|text| Full::new(text.into())),
                    serving: None,
                };
            }
        };
        let upgrading = upgrading.attach_all(std::mem::take(request.extensions_mut()));
        let handler = Arc::clone(&self.handler);
        let serving = async move {
            if let Err(error) = upgrading.serve(|socket| handler(socket)).await {
                tracing::debug!(%error, "the client left before it was accepted");
            }
        };
        LayerResponse {
            response: response.map(|()| Full::default()),
            serving: Some(Box::pin(serving.in_current_span())),
        }
    }
}

impl<S> Layer<S> for WebSocketLayer {
    type Service = WebSocketService<S>;

    fn layer(&self, inner: S) -> WebSocketService<S> {
        WebSocketService { layer: self.clone(), inner }
    }
}

impl<S, B, R> Service<Request<B>> for WebSocketService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Answer<S::Future> {
        if !is_upgrade(&request) {
            return Answer::below(self.inner.call(request));
        }
        let (parts, body) = request.into_parts();
        let head = Request::from_parts(parts, ());
        let is_ours = (self.layer.matches)(&head);
        let request = head.map(|()| body);
        if is_ours {
            Answer::here(self.layer.answer(request))
        } else {
            Answer::below(self.inner.call(request))
        }
    }
}

pin_project! {
    /// The response future of a [`WebSocketService`]. Dropping it drops the future of the inner service; a client
    /// that asked for a WebSocket gets none.
    ///
    /// ```
    /// use longwire::tower::{Answer, WebSocketService};
    /// use tower::Service;
    ///
    /// fn answer<S>(service: &mut WebSocketService<S>, request: http::Request<()>) -> Answer<S::Future>
    /// where
    ///     S: Service<http::Request<()>, Response = http::Response<String>>,
    /// {
    ///     service.call(request)
    /// }
    /// ```
    #[derive(Debug)]
    pub struct Answer<F> {
        #[pin]
        place: Place<F>,
    }
}

pin_project! {
    /// The source of the response.
    #[derive(Debug)]
    #[project = PlaceProjection]
    enum Place<F> {
        Below { #[pin] answer: F },
        Here { ready: Option<LayerResponse> },
    }
}

/// A response of the layer itself.
struct LayerResponse {
    response: Response<Full<Bytes>>,
    /// The connection's task, which starts when the response is taken. If the response is dropped, hyper sends
    /// another one but still hands over the connection when it ends, so the task must not exist by then.
    serving: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<F> Answer<F> {
    fn below(answer: F) -> Answer<F> {
        Answer { place: Place::Below { answer } }
    }

    fn here(ready: LayerResponse) -> Answer<F> {
        Answer { place: Place::Here { ready: Some(ready) } }
    }
}

impl<F, R, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Either<R, Full<Bytes>>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().place.project() {
            PlaceProjection::Below { answer } => {
                let response = ready!(answer.poll(cx))?;
                Poll::Ready(Ok(response.map(Either::Left)))
            }
            PlaceProjection::Here { ready } => match ready.take() {
                Some(LayerResponse { response, serving }) => {
                    if let Some(serving) = serving {
                        tokio::spawn(serving);
                    }
                    Poll::Ready(Ok(response.map(Either::Right)))
                }
                // It was already ready.
                None => Poll::Pending,
            },
        }
    }
}

impl fmt::Debug for WebSocketLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketLayer").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl fmt::Debug for LayerResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerResponse").field("response", &self.response).finish_non_exhaustive()
    }
}
