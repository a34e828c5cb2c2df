//! The opening handshake of a connection, from its first byte to the handler.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use longwire_proto::Role;

use super::Reactor;
use crate::admission::handshake::{AgreedTerms, OpeningStep, PendingUpgrade, encode_refusal};
use crate::admission::hook::refuse_late;
use crate::event::application::{Application, HandlerCall};
use crate::event::connection::{Attended, Lifecycle, Open, Refused};
use crate::event::deciding::{AwaitedDecision, Decided, DecisionFuture};
use crate::event::key::Key;
use crate::event::round_budget::RoundBudget;
use crate::telemetry;
use crate::telemetry::phase::Phase;

impl<A: Application, L> Reactor<A, L> {
    /// Handles more bytes of the first request.
    pub(super) fn open(&mut self, key: Key, bytes: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Lifecycle::Opening(handshake) = &mut connection.stage else { return };
        connection.place.show(Phase::Head);
        let place = &mut connection.place;
        match self.rules.terms().receive(handshake, bytes, place.peer().get(), place) {
            OpeningStep::More => {}
            OpeningStep::Pending { pending, consumed } => {
                connection.place.keep_peer(pending.peer());
                self.decide(key, pending, bytes.get_mut(consumed..).unwrap_or_default());
            }
            OpeningStep::Http(read) => {
                connection.stage = Lifecycle::Http(read);
                connection.place.show(Phase::HandedOver);
                self.mark(key);
            }
            OpeningStep::Refused(answer) => self.refuse(key, Refused::new(answer)),
        }
    }

    /// Asks the application about a valid request for a WebSocket; the bytes `behind` came after it. A decision that
    /// waits becomes a task.
    fn decide(&mut self, key: Key, pending: Box<PendingUpgrade>, behind: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let begun = Instant::now();
        let mut future: DecisionFuture<A::State> = Box::pin(Arc::clone(&self.rules).decide(pending));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(decided) => self.decided(key, decided, begun, behind),
            Poll::Pending => {
                let mailbox = Arc::clone(&self.context.mailbox);
                let awaited = AwaitedDecision::start(future, begun, behind, key, mailbox);
                connection.stage = Lifecycle::Deciding(Box::new(awaited));
                connection.place.show(Phase::Deciding);
            }
        }
    }

    /// Continues a connection whose decision has been made.
    pub(super) fn take_decision(&mut self, key: Key) {
        let _entered = self.spans.enter(key);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Lifecycle::Deciding(awaited) = &mut connection.stage else { return };
        let Some(decided) = awaited.take() else { return };
        let (begun, mut behind) = (awaited.begun, std::mem::take(&mut awaited.behind));
        self.decided(key, decided, begun, &mut behind);
        // Reading may have paused; the next round resumes it.
        self.resting.push(key);
    }

    /// Refuses a request that the application has not decided about in time.
    pub(super) fn refuse_undecided(&mut self, key: Key) {
        self.refuse(key, Refused::new(encode_refusal(&refuse_late())));
        self.resting.push(key);
    }

    /// Answers a request for a WebSocket as the handler has decided; the bytes `behind` came after it.
    fn decided(&mut self, key: Key, decided: Decided<A::State>, begun: Instant, behind: &mut [u8]) {
        let Decided { pending, decision } = decided;
        match pending.decide(decision, self.rules.terms(), begun) {
            Ok((response, agreed)) => {
                let open = self.accepted(agreed.answered_by(&response));
                if let Some(connection) = self.connections.get_mut(key) {
                    connection.stage = Lifecycle::Open(open);
                }
                self.opened(key, behind);
            }
            Err(refusal) => self.refuse(key, Refused::new(encode_refusal(&refusal))),
        }
    }

    /// Makes an accepted connection.
    pub(super) fn accepted(&self, agreed: AgreedTerms<A::State>) -> Attended<A::State> {
        // Nothing was read ahead: the bytes behind the request are delivered next.
        let (protocol, _, negotiated) = agreed.established.into_parts();
        let mut open = Open {
            protocol,
            account: self.rules.ledger.open(),
            extra: None,
            share: RoundBudget::default(),
            is_resting: false,
            was_full: false,
            is_watched: false,
            awaits_second_look: false,
            end_was_reported: false,
        };
        if negotiated.subprotocol.is_some() || self.rules.counts_traffic {
            let extra = open.extra();
            extra.subprotocol = negotiated.subprotocol.map(Into::into);
            extra.traffic = self.rules.counts_traffic.then(Box::default);
        }
        Attended { open, state: agreed.state }
    }

    pub(super) fn opened(&mut self, key: Key, behind: &mut [u8]) {
        tracing::debug!("open");
        telemetry::opened(Role::Server);
        if let Some(connection) = self.connections.get_mut(key) {
            connection.place.show(Phase::Open);
        }
        self.call(key, HandlerCall::Open);
        self.deliver_publications();
        self.watch(key);
        self.deliver(key, behind);
    }
}
