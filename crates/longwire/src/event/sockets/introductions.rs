//! Connections from proxies, while their PROXY headers are read: by tasks of the caller's runtime, since they come before
//! everything that the loop does, and the loop takes the socket back as it was.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{Instrument, Span};

use super::handed_over::{off_tokio, on_tokio};
use crate::admission::census::{Place, TurnedAway};
use crate::admission::introduction::{NotIntroduced, introduce};
use crate::event::application::Application;
use crate::event::rules::Rules;
use crate::telemetry::{self, NotLetIn};

/// The tasks that read PROXY headers. The census bounds their number, since each has a place.
pub(super) struct Introductions {
    caller: Handle,
    tasks: JoinSet<Option<Introduced>>,
}

/// A connection that was accepted from a proxy.
pub(super) struct Unintroduced {
    /// Dropped before the socket.
    pub(super) place: Place,
    pub(super) socket: OwnedFd,
    pub(super) peer_addr: Option<SocketAddr>,
}

/// A connection whose client is known.
pub(super) struct Introduced {
    /// Dropped before the socket.
    pub(super) entered: Result<Place, TurnedAway>,
    pub(super) socket: OwnedFd,
    pub(super) peer_addr: Option<SocketAddr>,
    pub(super) span: Span,
}

impl Introductions {
    pub(super) fn new(caller: Handle) -> Introductions {
        Introductions { caller, tasks: JoinSet::new() }
    }

    /// Starts to read the PROXY header of a connection. Ask for it with [`next`](Introductions::next) before the loop
    /// waits.
    pub(super) fn begin<A: Application>(&mut self, rules: Arc<Rules<A>>, arrival: Unintroduced, span: Span) {
        let in_time = async move {
            let limit = rules.config.limits.handshake_time;
            timeout(limit, read(&rules, arrival)).await.unwrap_or_else(|_| {
                telemetry::refused(NotLetIn::HandshakeTimeout);
                None
            })
        };
        self.tasks.spawn_on(in_time.instrument(span), &self.caller);
    }

    /// The next connection whose client is known. If there is none, the waker is called when there is one.
    pub(super) fn next(&mut self, waker: &Waker) -> Option<Introduced> {
        loop {
            match self.tasks.poll_join_next(&mut Context::from_waker(waker)) {
                Poll::Ready(Some(Ok(Some(introduced)))) => return Some(introduced),
                // It has ended, and is counted.
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) | Poll::Pending => return None,
            }
        }
    }

    /// Drops the connections whose header is not read yet.
    pub(super) fn stop(&mut self) {
        self.tasks.abort_all();
    }
}

/// Reads the PROXY header of a connection. `None`: the connection has ended, and is counted.
async fn read<A: Application>(rules: &Rules<A>, arrival: Unintroduced) -> Option<Introduced> {
    let Unintroduced { place, socket, peer_addr } = arrival;
    let unusable = |error| tracing::debug!(%error, "cannot read from a connection");
    let mut transport = on_tokio(socket).map_err(unusable).ok()?;
    // Declared after the transport, so that it is dropped first.
    let mut place = place;
    let span = Span::current();
    let (entered, peer_addr) = match introduce(&rules.admission, &mut transport, peer_addr, &mut place).await
    {
        Ok(client) => (Ok(place), client),
        Err(NotIntroduced::Full { why, client }) => (Err(TurnedAway { why, place }), Some(client)),
        Err(NotIntroduced::Closed) => return None,
    };
    let socket = off_tokio(transport).map_err(unusable).ok()?;
    Some(Introduced { entered, socket, peer_addr, span })
}
