//! The application's HTTP service for plain requests.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use longwire_proto::handshake::Refusal;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type HttpBody = UnsyncBoxBody<Bytes, BoxError>;
type HttpFuture = Pin<Box<dyn Future<Output = Response<HttpBody>> + Send>>;

/// The address of the client of a plain request, as in [`Upgrade::peer_addr`](crate::Upgrade::peer_addr). The service
/// of [`Server::http`](crate::Server::http) finds it in the extensions of the request. `None`: the client has connected
/// through a Unix socket.
///
/// ```
/// use longwire::PeerAddr;
///
/// fn from<B>(request: &http::Request<B>) -> String {
///     match request.extensions().get() {
///         Some(PeerAddr(Some(address))) => address.to_string(),
///         _ => "a Unix socket".to_owned(),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub Option<SocketAddr>);

/// Whether the page that sent a plain request may open WebSockets here, by the rule of
/// [`Server::origins`](crate::Server::origins). The service of [`Server::http`] finds it in the extensions of the request,
/// so that it can hold scripts to the same rule. A request without an `Origin` is allowed: it comes from no page, or from one
/// of the server's own.
///
/// ```
/// use longwire::PageAccess;
///
/// fn is_foreign<B>(request: &http::Request<B>) -> bool {
///     request.extensions().get() == Some(&PageAccess::Foreign)
/// }
/// ```
///
/// [`Server::http`]: crate::Server::http
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageAccess {
    /// It may.
    Allowed,
    /// It may not: its origin is neither the server's own nor one that the settings allow.
    Foreign,
}

/// The application's `tower::Service`, with its type erased.
pub(crate) type HttpService = Box<dyn Fn(Request<Incoming>) -> HttpFuture + Send + Sync>;

/// Erases the type of a service.
pub(crate) fn erase<S, B>(service: S) -> HttpService
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Box::new(move |request| {
        let mut service = service.clone();
        Box::pin(async move {
            let answered = async {
                std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
                service.call(request).await.map_err(Into::into)
            };
            match answered.await {
                Ok(response) => response.map(|body| body.map_err(Into::into).boxed_unsync()),
                Err(error) => {
                    let error: BoxError = error;
                    tracing::error!(%error, "the HTTP service failed");
                    let refusal =
                        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed to answer");
                    with_text(refusal.response())
                }
            }
        })
    })
}

/// A response with a text body.
pub(crate) fn with_text(response: Response<String>) -> Response<HttpBody> {
    response.map(|text| Full::from(text).map_err(|never| match never {}).boxed_unsync())
}
