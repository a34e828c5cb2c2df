//! WebSockets on connections that another HTTP server accepts: hyper, and servers built on it.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

#[cfg(feature = "axum")]
use http::HeaderValue;
use http::{Extensions, Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use longwire_proto::deflate::Deflate;
#[cfg(feature = "axum")]
use longwire_proto::handshake::Offer;
use longwire_proto::handshake::{ConnectProtocol, Refusal, RefusedRequest, UpgradeRequest};
use longwire_proto::{Config, FrameObserver, Limits};
use tokio::net::TcpStream;

use super::handling::{HandlerOutcome, HandlerResult};
use super::session;
use crate::admission::decision::{Accept, Attached};
use crate::admission::handshake::ServerTerms;
use crate::admission::origin::{InvalidOrigin, Origin};
use crate::admission::policy::AdmissionPolicy;
use crate::error::{Error, Result};
use crate::established::{Established, Negotiated};
use crate::shared::driver::DrivenBy;
use crate::transport::Transport;
use crate::websocket::WebSocket;

/// Opens a WebSocket for a request that arrived through hyper, or a server built on it, on the terms of
/// [`Endpoint::new`]. Return the response; the future then yields the connection.
///
/// ```
/// use std::convert::Infallible;
///
/// use http_body_util::Full;
/// use hyper::body::{Bytes, Incoming};
/// use hyper::{Request, Response};
/// use longwire::{HandlerResult, WebSocket};
///
/// async fn answer(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
///     if !longwire::is_upgrade(&request) {
///         return Ok(Response::new("a page".into()));
///     }
///     Ok(match longwire::upgrade(&mut request) {
///         Ok((response, upgrading)) => {
///             tokio::spawn(upgrading.serve(echo));
///             response.map(|()| Full::default())
///         }
///         Err(refusal) => refusal.response().map(Full::from),
///     })
/// }
///
/// async fn echo(mut socket: WebSocket) -> HandlerResult {
///     while let Some(message) = socket.recv().await? {
///         socket.send(message).await?;
///     }
///     Ok(())
/// }
/// ```
///
/// Send the refusal as the response. If the service returned it as an error, hyper would end the connection without a
/// response.
///
/// # Errors
///
/// The same as for [`Endpoint::upgrade`].
pub fn upgrade<B>(request: &mut Request<B>) -> Result<(Response<()>, Upgrading), Refusal> {
    Endpoint::new().upgrade(request)
}

/// Decides which clients may connect and on which terms, if an HTTP server other than [`Server`](crate::Server)
/// accepts the connections. Cheap to clone.
///
/// It has the same safe defaults: browsers are accepted only from pages of the server's own origin, and [`Limits`]
/// bound the cost of a connection. The HTTP server must bound the time of the handshake, the number of connections,
/// and their total memory.
///
/// ```
/// use http::{Request, Response};
/// use longwire::{Endpoint, Limits, Refusal};
///
/// fn answer<B>(request: &mut Request<B>) -> Result<Response<()>, Refusal> {
///     let endpoint = Endpoint::new()
///         .origins(["https://example.com"])
///         .subprotocols(["chat.v2"])
///         .limits(Limits::default().message(64 << 10));
///     let (response, upgrading) = endpoint.upgrade(request)?;
///     tokio::spawn(async {
///         let mut socket = upgrading.await?;
///         socket.send("welcome").await
///     });
///     Ok(response)
/// }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Endpoint {
    config: Arc<Config>,
    admission: AdmissionPolicy,
}

/// A connection whose 101 response is being sent: a future that yields the [`WebSocket`] once the HTTP server has
/// written the response.
///
/// Drop it if you return another response. hyper hands over every connection whose last request asked for an upgrade,
/// whatever the response was, at the latest when the client ends it.
///
/// ```
/// use http::{Request, Response};
/// use longwire::{Refusal, WebSocket, upgrade};
///
/// fn answer<B>(request: &mut Request<B>) -> Result<Response<()>, Refusal> {
///     let (response, upgrading) = upgrade(request)?;
///     let user = "Ann";
///     tokio::spawn(upgrading.attach(user).serve(async |mut socket: WebSocket| {
///         let user = socket.attached::<&str>().copied().unwrap_or("nobody");
///         socket.send(user).await?;
///         Ok(())
///     }));
///     Ok(response)
/// }
/// ```
#[derive(Debug)]
#[must_use = "the connection is dropped with it"]
pub struct Upgrading {
    upgraded: OnUpgrade,
    /// `None`: the connection was already returned.
    established: Option<Established>,
}

impl Endpoint {
    /// Accepts clients from the server's own origin, and clients that are not browsers, with the default [`Limits`].
    pub fn new() -> Endpoint {
        Endpoint::default()
    }

    /// Also accepts browsers from pages of these origins, such as `https://example.com`, or `https://*.example.com`
    /// for all hosts below it. The server's own origin is always accepted. If any origin is invalid, every request is
    /// answered with 500, and the log says why.
    pub fn origins<O>(mut self, origins: impl IntoIterator<Item = O>) -> Endpoint
    where
        O: TryInto<Origin, Error: Into<InvalidOrigin>>,
    {
        for origin in origins {
            self.admission.allow_origin(origin.try_into().map_err(Into::into));
        }
        self
    }

    /// Accepts browsers from pages of any origin. Use it only for public services: browsers attach a user's cookies
    /// to requests that other sites make.
    pub fn any_origin(mut self) -> Endpoint {
        self.admission.allow_any_origin();
        self
    }

    /// Treats pages with the `Host` of the request as the server's own if they are `https://`, and no longer if they
    /// are `http://`, as [`Server::behind_tls_proxy`](crate::Server::behind_tls_proxy) does. Use it for requests that
    /// came over TLS, whether a proxy or the HTTP server terminates it.
    pub fn behind_tls_proxy(mut self) -> Endpoint {
        self.admission.serve_over_tls();
        self
    }

    /// The supported subprotocols, in order of preference. The first one that the client also offers is chosen.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Endpoint {
        self.admission.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// How messages are compressed for clients that offer permessage-deflate (RFC 7692). The default is
    /// [`Deflate::default`]; `None` turns compression off.
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Endpoint {
        Arc::make_mut(&mut self.config).deflate = deflate.into();
        self
    }

    /// The limits of each connection.
    pub fn limits(mut self, limits: Limits) -> Endpoint {
        Arc::make_mut(&mut self.config).limits = limits;
        self
    }

    /// Changes the limits of each connection.
    #[cfg(feature = "axum")]
    pub(crate) fn change_limits(mut self, change: impl FnOnce(Limits) -> Limits) -> Endpoint {
        let limits = &mut Arc::make_mut(&mut self.config).limits;
        *limits = change(limits.clone());
        self
    }

    /// Calls `observer` for every frame of every connection.
    pub fn observer(mut self, observer: FrameObserver) -> Endpoint {
        Arc::make_mut(&mut self.config).observer = Some(observer);
        self
    }

    /// Opens a WebSocket for a request: return the response, to which you may add headers; the future then yields the
    /// connection. The server must serve the connection with upgrades enabled (`with_upgrades` in hyper).
    ///
    /// # Errors
    ///
    /// The [`Refusal`] to answer with: a violation of RFC 6455 §4.2.1, 403 for a page of another origin,
    /// 505 for HTTP/2, over which there are no WebSockets yet, or 500 for a mistake in the server.
    pub fn upgrade<B>(&self, request: &mut Request<B>) -> Result<(Response<()>, Upgrading), Refusal> {
        let asked = self.read(request).map_err(|refused| refused.refusal)?;
        let upgraded = pending(request.extensions_mut())?;
        self.accept(asked, Accept::new(), None, upgraded)
    }

    /// Reads the request for a WebSocket, if it conforms to RFC 6455.
    pub(crate) fn read<B>(&self, request: &Request<B>) -> Result<UpgradeRequest, RefusedRequest> {
        UpgradeRequest::read(head_of(request))
            .inspect_err(|refused| self.admission.refusals().bad_request(refused, None))
    }

    /// The subprotocol that is chosen by default from those that the client offers.
    #[cfg(feature = "axum")]
    pub(crate) fn choose_subprotocol(&self, offer: &Offer) -> Option<HeaderValue> {
        // An offered subprotocol is a token, so it is a valid header value.
        offer
            .choose_subprotocol(&self.admission.subprotocols)
            .and_then(|name| HeaderValue::from_str(name).ok())
    }

    /// Accepts a request if its page may connect.
    pub(crate) fn accept(
        &self,
        asked: UpgradeRequest,
        accept: Accept<Attached>,
        peer_addr: Option<SocketAddr>,
        upgraded: OnUpgrade,
    ) -> Result<(Response<()>, Upgrading), Refusal> {
        let begun = Instant::now();
        let checked = self.admission.check().and_then(|()| Ok(self.config.limits.check()?));
        checked.map_err(|error| {
            tracing::error!(%error, "cannot accept WebSockets with these settings");
            own_mistake()
        })?;
        let terms = ServerTerms { policy: &self.admission, config: &self.config, serves_http: true };
        let (response, agreed) = terms.admit(asked, peer_addr)?.decide(Ok(accept), terms, begun)?;
        Ok((response, Upgrading { upgraded, established: Some(agreed.attach()) }))
    }
}

impl Upgrading {
    /// Sets the result of [`WebSocket::peer_addr`]. A request does not contain the client's address.
    pub fn peer_addr(self, peer_addr: SocketAddr) -> Upgrading {
        self.change(|negotiated| negotiated.peer_addr = Some(peer_addr))
    }

    /// Attaches a value of any type, such as the user; [`WebSocket::attached`] returns it.
    pub fn attach<T: Any + Clone + Send + Sync>(self, value: T) -> Upgrading {
        self.change(|negotiated| drop(negotiated.attached.insert(value)))
    }

    #[cfg(feature = "tower")]
    pub(crate) fn attach_all(self, values: Extensions) -> Upgrading {
        self.change(|negotiated| negotiated.attached.extend(values))
    }

    /// Runs `handler` once the connection is open. When the handler is done and nothing else holds the connection, it
    /// is closed with 1000, or with 1011 if the handler failed or panicked.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before the connection is open, the client gets no connection. After that, the handler
    /// is dropped, and the connection is closed with 1001 unless something else holds it.
    ///
    /// # Errors
    ///
    /// The client left before it was accepted. An error of the handler is logged instead.
    pub async fn serve<Fut>(mut self, handler: impl FnOnce(WebSocket) -> Fut) -> Result<()>
    where
        Fut: Future<Output: HandlerOutcome> + Future<Output = HandlerResult> + Send + 'static,
    {
        let socket = poll_fn(|cx| self.poll_open(cx, DrivenBy::Opener)).await?;
        session::run(socket, |socket| Box::pin(handler(socket))).await;
        Ok(())
    }

    fn change(mut self, change: impl FnOnce(&mut Negotiated)) -> Upgrading {
        if let Some(established) = &mut self.established {
            change(&mut established.negotiated);
        }
        self
    }

    fn poll_open(&mut self, cx: &mut Context<'_>, driven_by: DrivenBy) -> Poll<Result<WebSocket>> {
        let upgraded = ready!(Pin::new(&mut self.upgraded).poll(cx))
            .map_err(|error| Error::io("take the connection over from HTTP", io::Error::other(error)))?;
        // It was already ready.
        let Some(established) = self.established.take() else { return Poll::Pending };
        let (transport, read_ahead) = transport(upgraded);
        Poll::Ready(Ok(WebSocket::begin(transport, established.read_ahead(read_ahead), driven_by)))
    }
}

/// # Cancel safety
///
/// A reference to it may be polled again. If it is dropped before it is ready, the client gets no connection.
///
/// # Errors
///
/// The client left before it was accepted, or the HTTP server did not send the 101.
///
/// # Panics
///
/// Panics outside of a tokio runtime, as [`WebSocket::over`] does.
impl Future for Upgrading {
    type Output = Result<WebSocket>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<WebSocket>> {
        self.poll_open(cx, DrivenBy::Itself)
    }
}

/// A request without its body and without the extensions of its HTTP server, except for the protocol of an extended
/// CONNECT.
fn head_of<B>(request: &Request<B>) -> Request<()> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().clone();
    *head.version_mut() = request.version();
    *head.headers_mut() = request.headers().clone();
    if let Some(protocol) = request.extensions().get::<ConnectProtocol>() {
        head.extensions_mut().insert(protocol.clone());
    }
    head
}

/// The connection of a request, which the HTTP server hands over after the response.
pub(crate) fn pending(extensions: &mut Extensions) -> Result<OnUpgrade, Refusal> {
    extensions.remove().ok_or_else(|| {
        tracing::error!("cannot open a WebSocket: the HTTP server does not support upgrades");
        own_mistake()
    })
}

fn own_mistake() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot accept this request")
}

/// The transport, without hyper's wrapper if it is plain TCP, and the bytes that were already read from it.
fn transport(upgraded: Upgraded) -> (Transport, Vec<u8>) {
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (Transport::Tcp(parts.io.into_inner()), parts.read_buf.into()),
        Err(upgraded) => (Transport::Other(Box::new(TokioIo::new(upgraded))), Vec::new()),
    }
}
