//! WebSockets in the handlers of [axum](https://docs.rs/axum): what `axum::extract::ws` has, by Longwire.
//!
//! ```
//! use axum::{Router, response::Response, routing::any};
//! use longwire::axum::{WebSocket, WebSocketUpgrade}; // instead of `axum::extract::ws`
//!
//! async fn handler(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.protocols(["chat.v2"]).on_upgrade(echo)
//! }
//!
//! async fn echo(mut socket: WebSocket) {
//!     while let Ok(Some(message)) = socket.recv().await {
//!         if socket.send(message).await.is_err() {
//!             break;
//!         }
//!     }
//! }
//!
//! let router: Router = Router::new().route("/socket", any(handler));
//! ```
//!
//! Three things differ from `axum::extract::ws`:
//!
//! - Browsers are accepted from pages of the server's own origin only, unless
//!   [`origins`](WebSocketUpgrade::origins) or [`any_origin`](WebSocketUpgrade::any_origin) says otherwise.
//! - [`WebSocket::recv`] gives `Result<Option<Message>>`, so that an end is told from an error; `StreamExt::next` gives
//!   `Option<Result<Message>>` here as there.
//! - Pings, pongs and Close frames are not among the messages: they are answered, and [`WebSocket::closed`] tells the
//!   end.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Request, Uri};
use hyper::upgrade::OnUpgrade;
use longwire_proto::Limits;
use longwire_proto::deflate::Deflate;
use longwire_proto::handshake::{Offer, Refusal};
use tracing::Instrument;

use crate::error::{Error, Result};
pub use crate::message::{Message, Utf8Bytes};
use crate::server::acceptor::{self, Acceptor};
use crate::server::origin::{InvalidOrigin, Origin};
pub use crate::websocket::WebSocket;
pub use longwire_proto::{CloseCode, CloseFrame};

/// Extracts a request for a WebSocket (RFC 6455 §4.2.1), to be accepted with
/// [`on_upgrade`](WebSocketUpgrade::on_upgrade). What is no such request is [rejected](WebSocketUpgradeRejection); over
/// HTTP/2 there are no WebSockets yet.
#[must_use = "the connection is opened by `on_upgrade`"]
pub struct WebSocketUpgrade {
    acceptor: Acceptor,
    offer: Offer,
    headers: HeaderMap,
    uri: Uri,
    upgraded: OnUpgrade,
    peer_addr: Option<SocketAddr>,
    failed: Box<dyn FnOnce(Error) + Send>,
}

/// Why a request is not answered with a WebSocket: it is none for one, or it is not what RFC 6455 wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketUpgradeRejection(Refusal);

/// What the work on a connection may come to: nothing, or a `Result`. An error closes the connection with 1011.
pub trait Outcome: sealed::Sealed {
    /// As a `Result`.
    ///
    /// # Errors
    ///
    /// The error that it is.
    fn into_result(self) -> Result<()>;
}

impl Outcome for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl Outcome for Result<()> {
    fn into_result(self) -> Result<()> {
        self
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for super::Result<()> {}
}

impl WebSocketUpgrade {
    /// Accepts on these terms instead of those that were set so far.
    pub fn acceptor(mut self, acceptor: Acceptor) -> WebSocketUpgrade {
        self.acceptor = acceptor;
        self
    }

    /// Accepts browsers on pages of these origins besides the server's own, as [`Acceptor::origins`] does.
    pub fn origins<O>(self, origins: impl IntoIterator<Item = O>) -> WebSocketUpgrade
    where
        O: TryInto<Origin, Error: Into<InvalidOrigin>>,
    {
        self.terms(|acceptor| acceptor.origins(origins))
    }

    /// Accepts browsers on pages of any origin. Only for services that anybody may use: the cookies of a visitor come
    /// along with requests that other sites make.
    pub fn any_origin(self) -> WebSocketUpgrade {
        self.terms(Acceptor::any_origin)
    }

    /// The subprotocols that are spoken, the preferred one first. The first that the client offers too is chosen.
    pub fn protocols<S: Into<String>>(self, protocols: impl IntoIterator<Item = S>) -> WebSocketUpgrade {
        self.terms(|acceptor| acceptor.subprotocols(protocols))
    }

    /// The subprotocols that the client offers, the preferred one first.
    pub fn requested_protocols(&self) -> impl Iterator<Item = &str> {
        self.offer.subprotocols().iter().map(String::as_str)
    }

    /// How many bytes a message may have; as [`limits`](WebSocketUpgrade::limits) has it unless set.
    pub fn max_message_size(self, bytes: usize) -> WebSocketUpgrade {
        self.terms(|acceptor| acceptor.max_message(bytes))
    }

    /// What the connection may cost.
    pub fn limits(self, limits: Limits) -> WebSocketUpgrade {
        self.terms(|acceptor| acceptor.limits(limits))
    }

    /// How messages are compressed, if the client offers it (permessage-deflate, RFC 7692). `None`: not at all.
    pub fn deflate(self, deflate: impl Into<Option<Deflate>>) -> WebSocketUpgrade {
        self.terms(|acceptor| acceptor.deflate(deflate))
    }

    /// Sets what [`WebSocket::peer_addr`] tells, such as the address in axum's `ConnectInfo`.
    pub fn peer_addr(mut self, peer_addr: SocketAddr) -> WebSocketUpgrade {
        self.peer_addr = Some(peer_addr);
        self
    }

    /// Tells `callback` if the client leaves before it is accepted.
    pub fn on_failed_upgrade(mut self, callback: impl FnOnce(Error) + Send + 'static) -> WebSocketUpgrade {
        self.failed = Box::new(callback);
        self
    }

    /// Accepts: return the response, and `callback` gets the connection, on a task of its own. When it is done and
    /// nobody else holds the connection, that is closed with 1000, or with 1011 if the callback failed or panicked.
    ///
    /// A page of an origin that may not connect is refused with 403 in the response.
    #[must_use = "the connection is opened by returning the response"]
    pub fn on_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let accepted = self.acceptor.accept(self.offer, &self.headers, &self.uri, self.upgraded);
        let (response, mut upgrading) = match accepted {
            Ok(accepted) => accepted,
            Err(refusal) => return WebSocketUpgradeRejection(refusal).into_response(),
        };
        if let Some(peer_addr) = self.peer_addr {
            upgrading = upgrading.peer_addr(peer_addr);
        }
        let failed = self.failed;
        let serving = async move {
            let handler = |socket| async { callback(socket).await.into_result() };
            if let Err(error) = upgrading.serve(handler).await {
                failed(error);
            }
        };
        tokio::spawn(serving.in_current_span());
        response.map(|()| Body::empty())
    }

    fn terms(mut self, change: impl FnOnce(Acceptor) -> Acceptor) -> WebSocketUpgrade {
        self.acceptor = change(self.acceptor);
        self
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, WebSocketUpgradeRejection> {
        let acceptor = Acceptor::new();
        let (empty, ()) = Request::new(()).into_parts();
        let request = Request::from_parts(std::mem::replace(parts, empty), ());
        let offer = acceptor.offer(&request);
        (*parts, ()) = request.into_parts();
        let offer = offer.map_err(WebSocketUpgradeRejection)?;
        let upgraded = acceptor::pending(&mut parts.extensions).map_err(WebSocketUpgradeRejection)?;
        Ok(WebSocketUpgrade {
            acceptor,
            offer,
            headers: parts.headers.clone(),
            uri: parts.uri.clone(),
            upgraded,
            peer_addr: None,
            failed: Box::new(|error| tracing::debug!(%error, "the client left before it was accepted")),
        })
    }
}

impl WebSocketUpgradeRejection {
    /// What the client is answered: the status, and the reason in words.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        &self.0
    }
}

impl IntoResponse for WebSocketUpgradeRejection {
    fn into_response(self) -> Response {
        self.0.response().map(Body::from)
    }
}

impl fmt::Display for WebSocketUpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for WebSocketUpgradeRejection {}

impl fmt::Debug for WebSocketUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("uri", &self.uri)
            .field("offer", &self.offer)
            .finish_non_exhaustive()
    }
}
