//! How connections get to the loop of the readiness engine, and how plain HTTP leaves it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::Response;
use hyper::upgrade::OnUpgrade;
use longwire_proto::handshake::Refusal;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use super::application::Application;
use super::deciding::Decided;
use super::reactor::Removed;
use super::readiness::{ACCEPTS_AT_A_TIME, Incoming, NewConnection, NewConnectionKind};
use super::rules::Rules;
use crate::admission::accepting::{Accepted, Acceptors, span_of};
use crate::admission::census::{Census, Place, TurnedAway};
use crate::admission::handshake::{PendingUpgrade, ServerTerms};
use crate::admission::hook::decided_in_time;
use crate::admission::introduction::{NotIntroduced, introduce};
#[cfg(feature = "tls")]
use crate::admission::tls_handshake::shake_hands;
use crate::http1::service::HttpService;
use crate::http1::{self, Host};
use crate::telemetry::phase::Phase;
use crate::telemetry::{self, NotLetIn};
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::transport::Transport;

/// State shared by a loop's tasks on tokio: TLS handshakes, and connections that serve plain HTTP.
pub(super) struct LoopHost<A: Application> {
    pub(super) rules: Arc<Rules<A>>,
    pub(super) http: Option<Arc<HttpService>>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
    pub(super) census: Arc<Census>,
    /// Cancelled when the server shuts down.
    pub(super) closing: CancellationToken,
    /// Cancelled when the remaining connections are dropped, which ends every task.
    pub(super) dropping: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// The runtime on which plain HTTP is served.
    pub(super) caller: Handle,
}

/// The source of a loop's connections: the listener, and connections that tasks have prepared. The census bounds the
/// number of the latter.
pub(super) struct Intake<A: Application> {
    acceptors: Option<Acceptors>,
    prepared: UnboundedReceiver<NewConnection<A::State, Transport>>,
    hand_off: HandOff<A>,
}

/// Hands connections to hyper, and to the loop those that hyper has upgraded.
pub(super) struct HandOff<A: Application> {
    host: Arc<LoopHost<A>>,
    sender: UnboundedSender<NewConnection<A::State, Transport>>,
}

impl<A: Application> Clone for HandOff<A> {
    fn clone(&self) -> HandOff<A> {
        HandOff { host: Arc::clone(&self.host), sender: self.sender.clone() }
    }
}

impl<A: Application> HandOff<A> {
    /// Lets hyper serve a connection whose first request is not for a WebSocket.
    pub(super) fn hand_over(&self, transport: Transport, removed: Removed<()>) {
        let host = Arc::new(self.clone());
        let dropping = self.host.dropping.clone();
        let read = removed.read.as_slice().into();
        let serving = async move {
            tokio::select! {
                () = http1::serve(transport, read, removed.peer_addr, removed.place, host) => {}
                () = dropping.cancelled() => {}
            }
        };
        self.host.tasks.spawn_on(serving.instrument(removed.span), &self.host.caller);
    }
}

impl<A: Application> Intake<A> {
    pub(super) fn new(host: Arc<LoopHost<A>>, acceptors: Option<Acceptors>) -> Intake<A> {
        let (sender, prepared) = unbounded_channel();
        Intake { acceptors, prepared, hand_off: HandOff { host, sender } }
    }

    /// Hands over connections that come from another loop.
    #[cfg(unix)]
    pub(super) fn hand_off(&self) -> HandOff<A> {
        self.hand_off.clone()
    }

    /// Admits an accepted connection. `None` if a task prepares it.
    fn admit(&self, accepted: Accepted) -> Option<NewConnection<A::State, Transport>> {
        let host = &self.hand_off.host;
        let Accepted { transport, peer_addr } = accepted;
        let span = span_of(peer_addr);
        let admission = &host.rules.admission;
        let stage = match host.census.enter(admission.counted_ip(peer_addr)) {
            Ok(place) if host.is_secure() || admission.expects_proxy_header(peer_addr) => {
                self.prepare(transport, peer_addr, place, span);
                return None;
            }
            Ok(place) => NewConnectionKind::New(place),
            // The refusal would need a TLS handshake first, which costs more than it is worth.
            Err(turned_away) if host.is_secure() => {
                span.in_scope(|| admission.refusals().turned_away(turned_away.why, peer_addr));
                return None;
            }
            Err(turned_away) => NewConnectionKind::TurnedAway(turned_away),
        };
        Some(NewConnection { transport, peer_addr, stage, span })
    }

    /// Does what comes before HTTP: the PROXY header and the TLS handshake.
    fn prepare(&self, transport: Transport, peer_addr: Option<SocketAddr>, place: Place, span: Span) {
        let host = Arc::clone(&self.hand_off.host);
        let sender = self.hand_off.sender.clone();
        let in_time = async move {
            let limit = host.rules.config.limits.handshake_time;
            let prepared = tokio::select! {
                prepared = timeout(limit, host.begin(transport, peer_addr, place)) => prepared,
                () = host.closing.cancelled() => return,
            };
            match prepared {
                Ok(Some((transport, peer_addr, stage))) => {
                    let span = Span::current();
                    // Sending fails if the loop has ended.
                    let _ended = sender.send(NewConnection { transport, peer_addr, stage, span });
                }
                Ok(None) => {}
                Err(_) => telemetry::refused(NotLetIn::HandshakeTimeout),
            }
        };
        self.hand_off.host.tasks.spawn(in_time.instrument(span));
    }
}

/// A connection whose first request comes next.
type Begun<S> = (Transport, Option<SocketAddr>, NewConnectionKind<S>);

impl<A: Application> LoopHost<A> {
    fn is_secure(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        return false;
    }

    /// Reads a PROXY header, and performs the TLS handshake. `None`: the connection has ended, and is counted.
    async fn begin(
        &self,
        transport: Transport,
        peer_addr: Option<SocketAddr>,
        place: Place,
    ) -> Option<Begun<A::State>> {
        let mut transport = transport;
        // Declared after the transport, so that it is dropped first.
        let mut place = place;
        let admission = &self.rules.admission;
        let peer_addr = match introduce(admission, &mut transport, peer_addr, &mut place).await {
            Ok(client) => client,
            Err(NotIntroduced::Full { why, client }) if !self.is_secure() => {
                let stage = NewConnectionKind::TurnedAway(TurnedAway { why, place });
                return Some((transport, Some(client), stage));
            }
            Err(NotIntroduced::Full { why, client }) => {
                admission.refusals().turned_away(why, Some(client));
                return None;
            }
            Err(NotIntroduced::Closed) => return None,
        };
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let shaken = shake_hands(tls, transport, place).await;
            let (place, transport) = shaken.map_err(telemetry::refused).ok()?;
            return Some((transport, peer_addr, NewConnectionKind::New(place)));
        }
        Some((transport, peer_addr, NewConnectionKind::New(place)))
    }
}

impl<A: Application> Incoming<A::State, Transport> for Intake<A> {
    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<NewConnection<A::State, Transport>> {
        if let Poll::Ready(Some(arrival)) = self.prepared.poll_recv(cx) {
            return Poll::Ready(arrival);
        }
        for _ in 0..ACCEPTS_AT_A_TIME {
            let Some(acceptors) = &mut self.acceptors else { return Poll::Pending };
            let accepted = ready!(acceptors.poll_accept(cx));
            if let Some(arrival) = self.admit(accepted) {
                return Poll::Ready(arrival);
            }
        }
        // Connections that a task prepares have cost the loop little, but there may be any number of them.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn stop(&mut self) {
        self.acceptors = None;
        self.prepared.close();
        self.hand_off.host.closing.cancel();
    }

    fn hand_over(&mut self, transport: Transport, removed: Removed<()>) {
        self.hand_off.hand_over(transport, removed);
    }
}

/// The connections that hyper serves belong to this server.
impl<A: Application> Host for HandOff<A> {
    fn terms(&self) -> ServerTerms<'_> {
        self.host.rules.terms()
    }

    fn closing(&self) -> &CancellationToken {
        &self.host.closing
    }

    fn http(&self) -> Option<&HttpService> {
        self.host.http.as_deref()
    }

    async fn decide(
        self: Arc<Self>,
        pending: PendingUpgrade,
        upgraded: OnUpgrade,
        take_place: impl FnOnce() -> Option<Place> + Send,
    ) -> Result<Response<()>, Refusal> {
        let rules = &self.host.rules;
        let begun = Instant::now();
        let limit = rules.config.limits.handshake_time;
        let deciding = Arc::clone(rules).decide(Box::new(pending));
        let Decided { pending, decision } = decided_in_time(deciding, limit, &self.host.closing).await?;
        let peer_addr = pending.peer();
        let (response, agreed) = pending.decide(decision, rules.terms(), begun)?;
        let mut place = take_place();
        if let Some(place) = &mut place {
            place.show(Phase::HandedBack);
        }
        let (sender, tasks) = (self.sender.clone(), self.host.tasks.clone());
        let upgrading = async move {
            if let (Some(transport), Some(place)) = (http1::transport(upgraded).await, place) {
                let (stage, span) = (NewConnectionKind::Accepted(Box::new(agreed), place), Span::current());
                let _ended = sender.send(NewConnection { transport, peer_addr, stage, span });
            }
        };
        tasks.spawn(upgrading.in_current_span());
        Ok(response)
    }
}
