//! The opening handshake of a server, from the first bytes to the decision. All I/O front ends use it: the async
//! server, an event loop, hyper on the server's port, and other HTTP servers.
//!
//! ```text
//! bytes ── receive() ──► OpeningStep::Pending ── PendingUpgrade::decide() ──► response and AgreedTerms
//!             │  ▲                                       │
//!             │  └── More                                └──► Refusal
//!             ├──► Http, for the application's service
//!             └──► Refused, with the bytes of the answer
//! ```

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response};
use longwire_proto::handshake::{
    HandshakeProgress, Refusal, ServerHandshake, UpgradeRequest, encode_response, encode_response_head,
};
use longwire_proto::{Config, Role};
use tracing::Span;

use super::answer::without_service;
use super::census::{Full, Place};
use super::decision::{Accept, Attached, Upgrade};
use super::policy::AdmissionPolicy;
use super::refusals::RequestSummary;
use crate::established::Established;
use crate::telemetry;

/// The terms on which a server opens connections.
#[derive(Clone, Copy)]
pub(crate) struct ServerTerms<'a> {
    pub(crate) policy: &'a AdmissionPolicy,
    pub(crate) config: &'a Arc<Config>,
    /// Whether the application has a service for plain HTTP.
    pub(crate) serves_http: bool,
}

/// The result of reading the first bytes of a connection.
pub(crate) enum OpeningStep {
    /// More bytes are needed.
    More,
    /// The request is valid, and its page may connect. The application decides, until the
    /// [deadline](ServerHandshake::deadline) of the handshake.
    Pending {
        pending: Box<PendingUpgrade>,
        /// How many bytes of this input belong to the request. The rest are the first frames.
        consumed: usize,
    },
    /// The request is for the application's HTTP service, with everything that was read so far.
    Http(Vec<u8>),
    /// The response, after which the connection is closed.
    Refused(Vec<u8>),
}

/// A valid request for a WebSocket whose page may connect, before the application has decided.
#[derive(Debug)]
pub(crate) struct PendingUpgrade {
    asked: UpgradeRequest,
    peer: Option<SocketAddr>,
}

/// The terms that both ends agreed on when a request was accepted, and the application's state for the connection.
pub(crate) struct AgreedTerms<S> {
    pub(crate) established: Established,
    pub(crate) state: S,
}

impl ServerTerms<'_> {
    /// The handshake of a connection that was accepted at `begun`.
    pub(crate) fn begin(&self, begun: Instant) -> ServerHandshake {
        ServerHandshake::begin(&self.config.limits, begun)
    }

    /// Processes the next bytes of a connection's first request, and counts a refusal.
    pub(crate) fn receive(
        &self,
        handshake: &mut ServerHandshake,
        bytes: &[u8],
        peer: Option<SocketAddr>,
        place: &mut Place,
    ) -> OpeningStep {
        match handshake.receive(bytes) {
            HandshakeProgress::More => OpeningStep::More,
            HandshakeProgress::WebSocket { asked, consumed } => {
                let client = self.identify(&asked.request, peer, |ip| place.count_for(ip));
                match client.and_then(|client| self.admit(*asked, client)) {
                    Ok(pending) => OpeningStep::Pending { pending: Box::new(pending), consumed },
                    Err(refusal) => OpeningStep::Refused(encode_refusal(&refusal)),
                }
            }
            HandshakeProgress::Http { consumed, .. } if self.serves_http => {
                let behind = bytes.get(consumed..).unwrap_or_default();
                OpeningStep::Http([handshake.head(), behind].concat())
            }
            HandshakeProgress::Http { request, .. } => {
                let response = self.without_service(&request, peer);
                OpeningStep::Refused(encode_response(&response, Some(request.method())))
            }
            HandshakeProgress::Refused(refused) => {
                self.policy.refusals().bad_request(&refused, peer);
                OpeningStep::Refused(refused.encode())
            }
        }
    }

    /// The address of the client that has sent a request: the connection's, unless a trusted proxy names another.
    /// `count_for` then counts the connection for that one. `None`: the client has connected through a Unix socket.
    ///
    /// # Errors
    ///
    /// If the client that the proxy names has as many connections as it may.
    pub(crate) fn identify<B>(
        &self,
        request: &Request<B>,
        peer: Option<SocketAddr>,
        count_for: impl FnOnce(Option<IpAddr>) -> Result<(), Full>,
    ) -> Result<Option<SocketAddr>, Refusal> {
        let Some(proxies) = self.policy.proxies().filter(|proxies| proxies.trust(peer)) else {
            return Ok(peer);
        };
        let named = proxies.client(request.headers());
        if let Some(client) = named {
            Span::current().record("client", tracing::field::display(client));
        }
        let client = named.or(peer);
        count_for(named.map(|client| client.ip()))
            .map_err(|full| self.policy.refusals().turned_away(full, client))?;
        Ok(client)
    }

    /// Checks that the page of a valid request may connect, before the application decides.
    pub(crate) fn admit(
        &self,
        asked: UpgradeRequest,
        peer: Option<SocketAddr>,
    ) -> Result<PendingUpgrade, Refusal> {
        self.policy.check_origin(RequestSummary::by(&asked.request), peer)?;
        Ok(PendingUpgrade { asked, peer })
    }

    /// The response to a plain request where only WebSockets are served.
    fn without_service(&self, request: &Request<()>, peer: Option<SocketAddr>) -> Response<String> {
        without_service(request).unwrap_or_else(|refusal| {
            self.policy.refusals().not_websocket(&refusal, peer, request);
            refusal.response()
        })
    }
}

impl PendingUpgrade {
    /// The address of the client. `None`: it has connected through a Unix socket, or nobody has told this program.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The request as the application sees it.
    pub(crate) fn upgrade(&self) -> Upgrade<'_> {
        let UpgradeRequest { request, offer, .. } = &self.asked;
        Upgrade { request, offer, peer_addr: self.peer, parameters: &[] }
    }

    /// Completes the handshake with the application's decision: with the response that accepts, or with a refusal,
    /// which is counted. The handshake began at `begun`.
    pub(crate) fn decide<S>(
        self,
        decision: Result<Accept<S>, Refusal>,
        terms: ServerTerms<'_>,
        begun: Instant,
    ) -> Result<(Response<()>, AgreedTerms<S>), Refusal> {
        let PendingUpgrade { asked: UpgradeRequest { request, offer, .. }, peer } = self;
        let asked = RequestSummary::by(&request);
        let accept =
            decision.inspect_err(|refusal| terms.policy.refusals().application(refusal, peer, asked))?;
        let settled = terms.policy.settle(offer, accept, asked, peer, terms.config)?;
        telemetry::shook_hands(Role::Server, begun);
        let established = Established::new(Role::Server, settled.config)
            .deflate(settled.deflate)
            .negotiated(settled.negotiated);
        Ok((settled.response, AgreedTerms { established, state: settled.state }))
    }
}

impl<S> AgreedTerms<S> {
    /// Makes the connection write the response before its first frame.
    pub(crate) fn answered_by(self, response: &Response<()>) -> AgreedTerms<S> {
        let mut bytes = Vec::new();
        encode_response_head(response, &mut bytes);
        AgreedTerms { established: self.established.preface(bytes), state: self.state }
    }
}

impl AgreedTerms<Attached> {
    /// Passes the attached values to the connection.
    pub(crate) fn attach(self) -> Established {
        let AgreedTerms { mut established, state: Attached(attached) } = self;
        established.negotiated.attached = attached;
        established
    }
}

/// Encodes a refusal of a valid request, which cannot be a HEAD.
pub(crate) fn encode_refusal(refusal: &Refusal) -> Vec<u8> {
    encode_response(&refusal.response(), None)
}

#[cfg(test)]
mod tests;
