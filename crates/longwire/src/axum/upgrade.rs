//! The extractor.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;

use axum_core::Error;
use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::Response;
use http::request::Parts;
use http::{HeaderValue, Request};
use hyper::upgrade::OnUpgrade;
use longwire_proto::Limits;
use longwire_proto::deflate::Deflate;
use longwire_proto::handshake::{Refusal, UpgradeRequest};
use tracing::Instrument;

use super::rejection::WebSocketUpgradeRejection;
use super::socket::WebSocket;
use crate::admission::decision::Accept;
use crate::admission::origin::{InvalidOrigin, Origin};
use crate::server::endpoint::{self, Endpoint, Upgrading};
use crate::server::handling::{HandlerOutcome, HandlerResult};

/// Extracts a request for a WebSocket (RFC 6455 §4.2.1); accept it with [`on_upgrade`](WebSocketUpgrade::on_upgrade).
/// Other requests are [rejected](WebSocketUpgradeRejection). There are no WebSockets over HTTP/2 yet.
///
/// ```
/// use axum::{Router, response::Response, routing::any};
/// use longwire::axum::{WebSocket, WebSocketUpgrade};
///
/// async fn hello(upgrade: WebSocketUpgrade) -> Response {
///     upgrade.origins(["https://example.com"]).on_upgrade(async |mut socket: WebSocket| {
///         let _ = socket.send("Hello".into()).await;
///     })
/// }
///
/// let router: Router = Router::new().route("/hello", any(hello));
/// ```
#[must_use = "the connection is opened by `on_upgrade`"]
pub struct WebSocketUpgrade<F = DefaultOnFailedUpgrade> {
    endpoint: Endpoint,
    asked: UpgradeRequest,
    offered: Vec<HeaderValue>,
    selected: Option<HeaderValue>,
    upgraded: OnUpgrade,
    peer_addr: Option<SocketAddr>,
    /// Takes precedence over the limits of the endpoint.
    max_message_size: Option<usize>,
    /// Takes precedence over the limits of the endpoint.
    max_write_buffer_size: Option<usize>,
    on_failed_upgrade: F,
}

/// A callback for a client that leaves before it is accepted. Closures implement it.
///
/// ```
/// use axum::response::Response;
/// use longwire::axum::WebSocketUpgrade;
///
/// async fn counted(upgrade: WebSocketUpgrade) -> Response {
///     upgrade.on_failed_upgrade(|error: axum::Error| eprintln!("lost: {error}")).on_upgrade(async |_socket| {})
/// }
/// ```
pub trait OnFailedUpgrade: Send + 'static {
    /// Called once, with the error.
    fn call(self, error: Error);
}

impl<F: FnOnce(Error) + Send + 'static> OnFailedUpgrade for F {
    fn call(self, error: Error) {
        self(error);
    }
}

/// Logs that a client left before it was accepted.
///
/// ```
/// use longwire::axum::{DefaultOnFailedUpgrade, WebSocketUpgrade};
///
/// fn with_chat(upgrade: WebSocketUpgrade<DefaultOnFailedUpgrade>) -> WebSocketUpgrade {
///     upgrade.protocols(["chat.v2"])
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct DefaultOnFailedUpgrade;

impl OnFailedUpgrade for DefaultOnFailedUpgrade {
    fn call(self, error: Error) {
        tracing::debug!(%error, "the client left before it was accepted");
    }
}

/// The methods of `axum::extract::ws`.
impl<F> WebSocketUpgrade<F> {
    /// The supported subprotocols, in order of preference. The first one that the client also offers is chosen.
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator<Item: Into<Cow<'static, str>>>,
    {
        let protocols = protocols.into_iter().map(|protocol| protocol.into().into_owned());
        self.endpoint = self.endpoint.subprotocols(protocols);
        self.selected = self.endpoint.choose_subprotocol(&self.asked.offer);
        self
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn requested_protocols(&self) -> impl Iterator<Item = &HeaderValue> {
        self.offered.iter()
    }

    /// Chooses a subprotocol. If the client does not offer it, the response is a 500: the client would have to fail
    /// the connection (RFC 6455 §4.1).
    pub fn set_selected_protocol(&mut self, protocol: HeaderValue) {
        self.selected = Some(protocol);
    }

    /// The chosen subprotocol, from [`protocols`](WebSocketUpgrade::protocols) or
    /// [`set_selected_protocol`](WebSocketUpgrade::set_selected_protocol).
    #[must_use]
    pub fn selected_protocol(&self) -> Option<&HeaderValue> {
        self.selected.as_ref()
    }

    /// The maximum size of a message in bytes. Takes precedence over [`limits`](WebSocketUpgrade::limits).
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = Some(bytes);
        self
    }

    /// Has no effect, and is deprecated: memory grows with the bytes that arrive, so the length of a frame alone
    /// costs nothing. Use [`max_message_size`](WebSocketUpgrade::max_message_size) to bound it.
    #[deprecated(note = "has no effect in Longwire: `max_message_size` bounds what a frame can cost")]
    pub fn max_frame_size(self, _bytes: usize) -> Self {
        self
    }

    /// How many bytes may be queued before sending waits; see [`Limits::high_water`]. axum returns an error instead.
    pub fn max_write_buffer_size(mut self, bytes: usize) -> Self {
        self.max_write_buffer_size = Some(bytes);
        self
    }

    /// Has no effect, and is deprecated: output is written at once, or in one write with the other responses to a
    /// batch of input.
    #[deprecated(note = "has no effect in Longwire: what is sent is written at once")]
    pub fn write_buffer_size(self, _bytes: usize) -> Self {
        self
    }

    /// Has no effect, and is deprecated: the connections of a thread share their read buffers.
    #[deprecated(note = "has no effect in Longwire: connections share the buffers that they read into")]
    pub fn read_buffer_size(self, _bytes: usize) -> Self {
        self
    }

    /// Calls `callback` if the client leaves before it is accepted.
    pub fn on_failed_upgrade<C: OnFailedUpgrade>(self, callback: C) -> WebSocketUpgrade<C> {
        WebSocketUpgrade {
            endpoint: self.endpoint,
            asked: self.asked,
            offered: self.offered,
            selected: self.selected,
            upgraded: self.upgraded,
            peer_addr: self.peer_addr,
            max_message_size: self.max_message_size,
            max_write_buffer_size: self.max_write_buffer_size,
            on_failed_upgrade: callback,
        }
    }

    /// Accepts the request: return the response, and `callback` gets the connection on a new task. When it is done
    /// and nothing else holds the connection, the connection is closed with 1000, or with 1011 if the callback
    /// panicked.
    ///
    /// If the page's origin may not connect, the response is a 403.
    #[must_use = "the connection is opened by returning the response"]
    pub fn on_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let protocol = self.selected.clone();
        self.serve(|socket| {
            let handling = callback(WebSocket::new(socket, protocol));
            async {
                handling.await;
                Ok(())
            }
        })
    }
}

/// Methods that `axum::extract::ws` does not have.
impl<F> WebSocketUpgrade<F> {
    /// Accepts like [`on_upgrade`](WebSocketUpgrade::on_upgrade), but passes Longwire's own
    /// [`WebSocket`](crate::WebSocket) to `handler`. If it fails, the connection is closed with 1011.
    ///
    /// ```
    /// use axum::response::Response;
    /// use longwire::WebSocket;
    /// use longwire::axum::WebSocketUpgrade;
    ///
    /// async fn handler(upgrade: WebSocketUpgrade) -> Response {
    ///     upgrade.serve(async |mut socket: WebSocket| {
    ///         while let Some(message) = socket.recv().await? {
    ///             socket.send(message).await?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    /// ```
    #[must_use = "the connection is opened by returning the response"]
    pub fn serve<C, Fut>(self, handler: C) -> Response
    where
        C: FnOnce(crate::websocket::WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output: HandlerOutcome> + Future<Output = HandlerResult> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let (response, upgrading, on_failed_upgrade) = match self.accept() {
            Ok(accepted) => accepted,
            Err(refusal) => return refusal.response().map(Body::from),
        };
        let serving = async {
            if let Err(error) = upgrading.serve(handler).await {
                on_failed_upgrade.call(Error::new(error));
            }
        };
        tokio::spawn(serving.in_current_span());
        response
    }

    /// Uses these terms instead of those that were set so far.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.selected = endpoint.choose_subprotocol(&self.asked.offer);
        self.endpoint = endpoint;
        self
    }

    /// Also accepts browsers from pages of these origins, as [`Endpoint::origins`] does.
    pub fn origins<O>(mut self, origins: impl IntoIterator<Item = O>) -> Self
    where
        O: TryInto<Origin, Error: Into<InvalidOrigin>>,
    {
        self.endpoint = self.endpoint.origins(origins);
        self
    }

    /// Accepts browsers from pages of any origin. Use it only for public services: browsers attach a user's cookies
    /// to requests that other sites make.
    pub fn any_origin(mut self) -> Self {
        self.endpoint = self.endpoint.any_origin();
        self
    }

    /// Treats pages of `https://` as the server's own, as [`Endpoint::behind_tls_proxy`] does.
    pub fn behind_tls_proxy(mut self) -> Self {
        self.endpoint = self.endpoint.behind_tls_proxy();
        self
    }

    /// The limits of the connection.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.endpoint = self.endpoint.limits(limits);
        self
    }

    /// How messages are compressed if the client offers permessage-deflate (RFC 7692). `None` turns compression off.
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Self {
        self.endpoint = self.endpoint.deflate(deflate);
        self
    }

    /// Sets the result of [`WebSocket::peer_addr`](crate::WebSocket::peer_addr), such as the address in axum's
    /// `ConnectInfo`.
    pub fn peer_addr(mut self, peer_addr: SocketAddr) -> Self {
        self.peer_addr = Some(peer_addr);
        self
    }

    fn accept(self) -> Result<(Response, Upgrading, F), Refusal> {
        let mut endpoint = self.endpoint;
        if let Some(bytes) = self.max_message_size {
            endpoint = endpoint.change_limits(|limits| limits.message(bytes));
        }
        if let Some(bytes) = self.max_write_buffer_size {
            endpoint = endpoint.change_limits(|limits| limits.low_water(bytes / 4).high_water(bytes));
        }
        let accept = match &self.selected {
            // A value that is not text was not offered, and is refused for that.
            Some(protocol) => Accept::new().subprotocol(String::from_utf8_lossy(protocol.as_bytes())),
            None => Accept::new(),
        };
        let (response, upgrading) = endpoint.accept(self.asked, accept, self.peer_addr, self.upgraded)?;
        Ok((response.map(|()| Body::empty()), upgrading, self.on_failed_upgrade))
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, WebSocketUpgradeRejection> {
        let endpoint = Endpoint::new();
        let (empty, ()) = Request::new(()).into_parts();
        let request = Request::from_parts(std::mem::replace(parts, empty), ());
        let asked = endpoint.read(&request);
        (*parts, ()) = request.into_parts();
        let asked = asked.map_err(WebSocketUpgradeRejection::of)?;
        let upgraded =
            endpoint::pending(&mut parts.extensions).map_err(WebSocketUpgradeRejection::not_upgradable)?;
        // Subprotocols are tokens, so each is a valid header value.
        let offered =
            asked.offer.subprotocols().iter().filter_map(|name| HeaderValue::from_str(name).ok()).collect();
        Ok(WebSocketUpgrade {
            endpoint,
            asked,
            offered,
            selected: None,
            upgraded,
            peer_addr: None,
            max_message_size: None,
            max_write_buffer_size: None,
            on_failed_upgrade: DefaultOnFailedUpgrade,
        })
    }
}

impl<F> fmt::Debug for WebSocketUpgrade<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("uri", self.asked.request.uri())
            .field("offer", &self.asked.offer)
            .field("selected", &self.selected)
            .finish_non_exhaustive()
    }
}
