//! New connections.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use tracing::Span;

use super::SocketLoop;
use crate::admission::accepting::span_of;
use crate::admission::census::{Place, TurnedAway};
use crate::event::application::Application;
use crate::event::reactor::Life;
use crate::event::sockets::driver::SocketDriver;
use crate::event::sockets::introductions::{Introduced, Unintroduced};
use crate::telemetry::phase::Phase;

impl<A: Application, D: SocketDriver> SocketLoop<A, D> {
    /// Handles a connection that was accepted.
    pub(in crate::event) fn accepted(&mut self, socket: OwnedFd, peer_addr: Option<SocketAddr>) {
        let span = span_of(peer_addr);
        let admission = self.reactor.admission();
        let entered = self.census.enter(admission.counted_ip(peer_addr));
        if let Ok(place) = entered {
            if !admission.expects_proxy_header(peer_addr) {
                return self.admit(socket, peer_addr, Ok(place), span);
            }
            let arrival = Unintroduced { place, socket, peer_addr };
            return self.introductions.begin(self.reactor.rules(), arrival, span);
        }
        self.admit(socket, peer_addr, entered, span);
    }

    /// Begins the first request of a connection, or refuses it.
    fn admit(
        &mut self,
        socket: OwnedFd,
        peer_addr: Option<SocketAddr>,
        entered: Result<Place, TurnedAway>,
        span: Span,
    ) {
        let tls = match self.secure.as_ref().map(|begin| begin()).transpose() {
            Ok(tls) => tls,
            Err(error) => return tracing::error!(%error, "cannot begin TLS"),
        };
        let is_secure = tls.is_some();
        let link = self.driver.link(socket, tls);
        let key = match entered {
            Ok(mut place) => {
                if is_secure {
                    place.show(Phase::Tls);
                }
                Ok(self.reactor.accept(link, peer_addr, place, span))
            }
            // The refusal would need a TLS handshake first, which costs more than it is worth.
            Err(turned_away) if is_secure => {
                let refusals = self.reactor.admission().refusals();
                span.in_scope(|| refusals.turned_away(turned_away.why, peer_addr));
                Err(link)
            }
            Err(turned_away) => self.reactor.turn_away(link, peer_addr, turned_away, span),
        };
        match key {
            Ok(key) => self.read_on(key),
            Err(link) => self.driver.forget(link),
        }
    }

    /// Goes on with connections whose PROXY header was read.
    pub(in crate::event) fn take_introduced(&mut self) {
        while let Some(introduced) = self.introductions.next(&self.waker) {
            let Introduced { socket, peer_addr, entered, span } = introduced;
            if self.reactor.life() == Life::Runs {
                self.admit(socket, peer_addr, entered, span);
            }
        }
    }

    /// Drops the connections whose PROXY header is not read yet.
    pub(in crate::event) fn stop_introductions(&mut self) {
        self.introductions.stop();
    }
}
