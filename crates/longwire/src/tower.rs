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

/// Answers requests for a WebSocket, and passes all others on to the service below.
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
/// What other layers put into the extensions of a request, such as who the user is, the handler finds in
/// [`WebSocket::attached`]; the address of the client, which [`WebSocket::peer_addr`] does not know here, is there in
/// axum's `ConnectInfo`. A handler that is done closes its connection with 1000, one that fails or panics with 1011.
/// Layers that decide who is let in belong above this one, and decide on the request: of a response that is replaced on its
/// way out the handler learns nothing.
/// Over HTTP/2 there are no WebSockets yet: such a request is answered with 505.
#[derive(Clone)]
#[must_use]
pub struct WebSocketLayer {
    handler: ServeFn,
    endpoint: Endpoint,
    matches: Arc<Matches>,
}

/// The service that a [`WebSocketLayer`] makes of another.
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
    /// Runs `handler` for every connection that is opened, each on a task of its own.
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

    /// Who is let in and on which terms; those of [`Endpoint::new`] unless set.
    pub fn endpoint(mut self, endpoint: Endpoint) -> WebSocketLayer {
        self.endpoint = endpoint;
        self
    }

    /// Answers at this path only; requests for a WebSocket elsewhere are passed on like all others.
    pub fn path(self, path: impl Into<String>) -> WebSocketLayer {
        let path = path.into();
        self.when(move |request| request.uri().path() == path)
    }

    /// Answers only requests for a WebSocket that `matches` says yes to, and passes the others on. It takes the place of
    /// an earlier [`path`](WebSocketLayer::path) or `when`.
    pub fn when(mut self, matches: impl Fn(&Request<()>) -> bool + Send + Sync + 'static) -> WebSocketLayer {
        self.matches = Arc::new(matches);
        self
    }

    /// The answer to a request that is this layer's.
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
    /// The answer of a [`WebSocketService`]. Dropped, it drops that of the service below; a client that asked for a WebSocket
    /// is left without one.
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
    /// Where the answer comes from.
    #[derive(Debug)]
    #[project = PlaceProjection]
    enum Place<F> {
        Below { #[pin] answer: F },
        Here { ready: Option<LayerResponse> },
    }
}

/// An answer of the layer itself.
struct LayerResponse {
    response: Response<Full<Bytes>>,
    /// The connection's task, which begins when the response is taken. hyper hands over a connection that ends even if it
    /// was answered with something else than the 101, which is what becomes of an answer that was dropped.
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
                // It was ready before.
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
