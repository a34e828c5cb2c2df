//! Which clients may connect, and on which terms.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{Response, StatusCode};
use longwire_proto::Config;
use longwire_proto::deflate::Agreement;
use longwire_proto::handshake::{Offer, Refusal, negotiate};

use super::decision::{Accept, Attached, Upgrade};
use super::hook::{Decide, unless_it_panics};
use super::lowered_limits::LoweredLimits;
use super::origin::{InvalidOrigin, Origin, Origins, OwnPages};
use super::refusals::{Case, Refusals, RequestSummary};
use super::trusted_proxies::TrustedProxies;
use crate::error::{Error, Result, without_effect};
use crate::established::{Negotiated, extensions_header};
use crate::telemetry::NotLetIn;

/// Which clients may connect, and on which terms.
#[derive(Clone)]
pub(crate) struct AdmissionPolicy {
    origins: Origins,
    own_pages: OwnPages,
    refusals: Arc<Refusals>,
    proxies: Option<Arc<TrustedProxies>>,
    lowered_limits: Arc<LoweredLimits>,
    /// An invalid origin in the settings; reported when the server starts.
    invalid_origin: Option<InvalidOrigin>,
    /// Whether the settings list origins, which has no effect if any origin is allowed.
    names_origins: bool,
    pub(crate) subprotocols: Vec<String>,
    /// The hook that decides about the connections of [`Server::serve`](crate::Server::serve).
    pub(crate) decide: Option<Arc<Decide>>,
}

/// An accepted request: the response, and the negotiated terms.
pub(super) struct Settled<S> {
    pub(super) response: Response<()>,
    pub(super) negotiated: Negotiated,
    pub(super) config: Arc<Config>,
    /// The negotiated compression, if the client offered it.
    pub(super) deflate: Option<Agreement>,
    pub(super) state: S,
}

/// The policy of an endpoint. Its log of refusals is limited for the whole process, since it does not belong to a
/// server.
impl Default for AdmissionPolicy {
    fn default() -> AdmissionPolicy {
        AdmissionPolicy {
            origins: Origins::default(),
            own_pages: OwnPages::Plain,
            refusals: Refusals::of_process(),
            proxies: None,
            lowered_limits: Arc::default(),
            invalid_origin: None,
            names_origins: false,
            subprotocols: Vec::new(),
            decide: None,
        }
    }
}

impl AdmissionPolicy {
    /// The policy of one server.
    pub(crate) fn of_server() -> AdmissionPolicy {
        AdmissionPolicy { refusals: Refusals::new(), ..AdmissionPolicy::default() }
    }

    /// Sets that clients speak TLS, to the server or to a proxy in front of it.
    pub(crate) fn serve_over_tls(&mut self) {
        self.own_pages = OwnPages::Secure;
    }

    /// Trusts these proxies to name clients.
    pub(crate) fn trust(&mut self, proxies: TrustedProxies) {
        self.proxies = Some(Arc::new(proxies));
    }

    /// The proxies that are trusted to name clients.
    pub(crate) fn proxies(&self) -> Option<&TrustedProxies> {
        self.proxies.as_deref()
    }

    /// Whether a connection from this address begins with a PROXY header.
    pub(crate) fn expects_proxy_header(&self, peer: Option<SocketAddr>) -> bool {
        self.proxies().is_some_and(|proxies| proxies.speak_first(peer))
    }

    /// The address for which a new connection counts. `None`: it comes from a proxy, and may be any client's.
    pub(crate) fn counted_ip(&self, peer: Option<SocketAddr>) -> Option<IpAddr> {
        let is_proxy = self.proxies().is_some_and(|proxies| proxies.trust(peer));
        peer.filter(|_| !is_proxy).map(|peer| peer.ip())
    }

    /// The log of refused clients.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(crate) fn allow_origin(&mut self, origin: Result<Origin, InvalidOrigin>) {
        self.names_origins = true;
        match (origin, &mut self.origins) {
            (Ok(origin), Origins::Own { and }) => and.push(origin),
            (Ok(_), Origins::Any) => {}
            (Err(invalid), _) => self.invalid_origin = Some(invalid),
        }
    }

    pub(crate) fn allow_any_origin(&mut self) {
        self.origins = Origins::Any;
    }

    /// Checks the settings.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(invalid) = &self.invalid_origin {
            return Err(Error::other(invalid.clone()));
        }
        if self.names_origins && matches!(self.origins, Origins::Any) {
            return Err(without_effect("origins", "any_origin", "pages of any origin may connect").into());
        }
        Ok(())
    }

    /// Calls the hook of [`Server::on_upgrade`](crate::Server::on_upgrade), if there is one.
    pub(crate) async fn ask(&self, upgrade: &Upgrade<'_>) -> Result<Accept<Attached>, Refusal> {
        match &self.decide {
            Some(decide) => unless_it_panics(async { decide(upgrade).await }).await,
            None => Ok(Accept::new()),
        }
    }

    /// Whether the page that sent a request may connect.
    pub(crate) fn may_connect(&self, asked: RequestSummary<'_>) -> bool {
        self.origins.check(self.own_pages, asked.headers, asked.host()).is_ok()
    }

    /// Checks whether the page that sent the request may connect.
    pub(super) fn check_origin(
        &self,
        asked: RequestSummary<'_>,
        peer: Option<SocketAddr>,
    ) -> Result<(), Refusal> {
        let host = asked.host();
        self.origins.check(self.own_pages, asked.headers, host).map_err(|foreign| {
            let refusal = Refusal::forbidden(foreign.reason());
            let (why, allowed_by) = (NotLetIn::Origin, foreign.allowed_by());
            self.refusals.tell(&Case {
                peer,
                asked: Some(asked),
                allowed_by,
                ..Case::answered(why, &refusal)
            });
            refusal
        })
    }

    /// Accepts an offer on the application's terms.
    pub(super) fn settle<S>(
        &self,
        offer: Offer,
        accept: Accept<S>,
        asked: RequestSummary<'_>,
        peer_addr: Option<SocketAddr>,
        config: &Arc<Config>,
    ) -> Result<Settled<S>, Refusal> {
        let chosen = match accept.subprotocol {
            Some(subprotocol) => Some(subprotocol),
            None => offer.choose_subprotocol(&self.subprotocols).map(str::to_owned),
        };
        let mut agreement = None;
        let extensions = negotiate(offer.extensions(), |offered| {
            let (answer, agreed) = config.deflate.as_ref()?.answer(offered)?;
            agreement = Some(agreed);
            Some(answer)
        });
        let cannot_have = |error: &dyn fmt::Display| {
            tracing::error!(%error, "the application accepted a request on invalid terms");
            let refusal =
                Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot accept this request");
            let (why, asked) = (NotLetIn::Application, Some(asked));
            self.refusals.tell(&Case { peer: peer_addr, asked, ..Case::answered(why, &refusal) });
            refusal
        };
        if let Some(invalid) = &accept.invalid {
            return Err(cannot_have(invalid));
        }
        let (mut response, agreed) =
            offer.accept(chosen.as_deref(), &extensions).map_err(|error| cannot_have(&error))?;
        for (name, value) in &accept.headers {
            response.headers_mut().append(name, value.clone());
        }
        let negotiated = Negotiated {
            uri: asked.uri.clone(),
            subprotocol: agreed.subprotocol,
            agreed: extensions_header(response.headers()),
            peer_addr,
            ..Negotiated::default()
        };
        let config = match accept.max_message {
            Some(bytes) => self.lowered_limits.lower(config, bytes),
            None => Arc::clone(config),
        };
        Ok(Settled { response, negotiated, config, deflate: agreement, state: accept.state })
    }
}

impl fmt::Debug for AdmissionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmissionPolicy")
            .field("origins", &self.origins)
            .field("subprotocols", &self.subprotocols)
            .finish_non_exhaustive()
    }
}
