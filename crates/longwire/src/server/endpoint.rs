//! WebSockets on connections that another HTTP server accepts: hyper's, and what is built on it.

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

/// Opens a WebSocket on a request that came in by hyper, or by what is built on it, on the terms of
/// [`Endpoint::new`]. Return the response, and the future gives the connection.
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
/// A refusal is to be answered, not to be returned as the error of the service: hyper would end the connection without a
/// word.
///
/// # Errors
///
/// As with [`Endpoint::upgrade`].
pub fn upgrade<B>(request: &mut Request<B>) -> Result<(Response<()>, Upgrading), Refusal> {
    Endpoint::new().upgrade(request)
}

/// Who is let in and on which terms, where another HTTP server than [`Server`](crate::Server) accepts the connections.
/// Cheap to clone.
///
/// It is as safe by default: requests of browsers are accepted from pages of the server's own origin only, and
/// [`Limits`] bound what a connection may cost. The time of the handshake, how many connections there are, and what they
/// hold together is for that server to bound.
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

/// A connection whose 101 is on its way: a future that gives the [`WebSocket`] once the HTTP server has written it.
///
/// Drop it if another response is returned: hyper hands over every connection whose last request asked for an upgrade, at
/// the latest when the client ends it, whatever was answered.
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
    /// `None`: the connection was given out.
    established: Option<Established>,
}

impl Endpoint {
    /// Accepts who comes from the server's own origin, or is no browser, with the default [`Limits`].
    pub fn new() -> Endpoint {
        Endpoint::default()
    }

    /// Accepts browsers on pages of these origins (such as `https://example.com`, or `https://*.example.com` for all hosts
    /// below it) besides the server's own. While one of them is none, every request is answered with 500, and the log says
    /// why.
    pub fn origins<O>(mut self, origins: impl IntoIterator<Item = O>) -> Endpoint
    where
        O: TryInto<Origin, Error: Into<InvalidOrigin>>,
    {
        for origin in origins {
            self.admission.allow_origin(origin.try_into().map_err(Into::into));
        }
        self
    }

    /// Accepts browsers on pages of any origin. Only for services that anybody may use: the cookies of a visitor come
    /// along with requests that other sites make.
    pub fn any_origin(mut self) -> Endpoint {
        self.admission.allow_any_origin();
        self
    }

    /// Takes pages of `https://` with the `Host` of the request for the server's own, and no longer those of `http://`, as
    /// [`Server::behind_tls_proxy`](crate::Server::behind_tls_proxy) does: for requests that came over TLS, whether a proxy
    /// ended it or the HTTP server around this.
    pub fn behind_tls_proxy(mut self) -> Endpoint {
        self.admission.serve_over_tls();
        self
    }

    /// The subprotocols that are spoken, the preferred one first. The first that the client offers too is chosen.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Endpoint {
        self.admission.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// How messages are compressed for clients that offer it (permessage-deflate, RFC 7692); with the defaults of
    /// [`Deflate`] unless set. `None`: not at all.
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Endpoint {
        Arc::make_mut(&mut self.config).deflate = deflate.into();
        self
    }

    /// What one connection may cost.
    pub fn limits(mut self, limits: Limits) -> Endpoint {
        Arc::make_mut(&mut self.config).limits = limits;
        self
    }

    /// Changes what one connection may cost.
    #[cfg(feature = "axum")]
    pub(crate) fn change_limits(mut self, change: impl FnOnce(Limits) -> Limits) -> Endpoint {
        let limits = &mut Arc::make_mut(&mut self.config).limits;
        *limits = change(limits.clone());
        self
    }

    /// Tells `observer` of every frame of every connection.
    pub fn observer(mut self, observer: FrameObserver) -> Endpoint {
        Arc::make_mut(&mut self.config).observer = Some(observer);
        self
    }

    /// Opens a WebSocket on a request: return the response, to which headers may be added, and the future gives the
    /// connection. The server has to serve the connection `with_upgrades`, as hyper calls it.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] to answer with: what is wrong with the request (RFC 6455 §4.2.1), 403 for a page of another
    /// origin, 505 for HTTP/2, over which there are no WebSockets yet, or 500 for a mistake of the server.
    pub fn upgrade<B>(&self, request: &mut Request<B>) -> Result<(Response<()>, Upgrading), Refusal> {
        let asked = self.read(request).map_err(|refused| refused.refusal)?;
        let upgraded = pending(request.extensions_mut())?;
        self.accept(asked, Accept::new(), None, upgraded)
    }

    /// The request for a WebSocket, if it is what RFC 6455 wants.
    pub(crate) fn read<B>(&self, request: &Request<B>) -> Result<UpgradeRequest, RefusedRequest> {
        UpgradeRequest::read(head_of(request))
            .inspect_err(|refused| self.admission.refusals().bad_request(refused, None))
    }

    /// The subprotocol that is chosen of those that the client offers, unless another is asked for.
    #[cfg(feature = "axum")]
    pub(crate) fn choose_subprotocol(&self, offer: &Offer) -> Option<HeaderValue> {
        // What the client offers is a token, so it makes a value.
        offer
            .choose_subprotocol(&self.admission.subprotocols)
            .and_then(|name| HeaderValue::from_str(name).ok())
    }

    /// Accepts a request, if its page may connect.
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
            tracing::error!(%error, "no WebSocket can be accepted");
            own_mistake()
        })?;
        let terms = ServerTerms { policy: &self.admission, config: &self.config, serves_http: true };
        let (response, agreed) = terms.admit(asked, peer_addr)?.decide(Ok(accept), terms, begun)?;
        Ok((response, Upgrading { upgraded, established: Some(agreed.attach()) }))
    }
}

impl Upgrading {
    /// Sets what [`WebSocket::peer_addr`] tells: the address of the client, which a request does not know.
    pub fn peer_addr(self, peer_addr: SocketAddr) -> Upgrading {
        self.change(|negotiated| negotiated.peer_addr = Some(peer_addr))
    }

    /// Attaches a value of any type, such as who the user is; [`WebSocket::attached`] gives it.
    pub fn attach<T: Any + Clone + Send + Sync>(self, value: T) -> Upgrading {
        self.change(|negotiated| drop(negotiated.attached.insert(value)))
    }

    #[cfg(feature = "tower")]
    pub(crate) fn attach_all(self, values: Extensions) -> Upgrading {
        self.change(|negotiated| negotiated.attached.extend(values))
    }

    /// Runs `handler` on the connection when it is there, and closes it when the handler is done and nobody else holds
    /// it: with 1000, or with 1011 if the handler failed or panicked.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before there is a connection, the client is left without one. After that, the handler is
    /// dropped, and the connection is closed with 1001 unless somebody else holds it.
    ///
    /// # Errors
    ///
    /// The client left before it was accepted. What goes wrong in the handler is logged.
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
        // It was ready before.
        let Some(established) = self.established.take() else { return Poll::Pending };
        let (transport, read_ahead) = transport(upgraded);
        Poll::Ready(Ok(WebSocket::begin(transport, established.read_ahead(read_ahead), driven_by)))
    }
}

/// # Cancel safety
///
/// A reference to it may be polled again. If it is dropped before it is ready, the client is left without a connection.
///
/// # Errors
///
/// The client left before it was accepted, or its connection went on without the 101.
///
/// # Panics
///
/// Outside of a tokio runtime, as [`WebSocket::over`] does.
impl Future for Upgrading {
    type Output = Result<WebSocket>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<WebSocket>> {
        self.poll_open(cx, DrivenBy::Itself)
    }
}

/// A request without its body, and without what its HTTP server keeps with it.
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

/// The connection under a request, which its HTTP server hands over after the response.
pub(crate) fn pending(extensions: &mut Extensions) -> Result<OnUpgrade, Refusal> {
    extensions.remove().ok_or_else(|| {
        tracing::error!("the HTTP server does not hand over its connections, so no WebSocket can be opened");
        own_mistake()
    })
}

fn own_mistake() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot accept this request")
}

/// The transport, without hyper around it where it is plain TCP, and what was read from it.
fn transport(upgraded: Upgraded) -> (Transport, Vec<u8>) {
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (Transport::Tcp(parts.io.into_inner()), parts.read_buf.into()),
        Err(upgraded) => (Transport::Other(Box::new(TokioIo::new(upgraded))), Vec::new()),
    }
}
