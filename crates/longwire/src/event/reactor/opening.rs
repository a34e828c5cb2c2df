//! From the first byte of a connection to the handler.

use std::sync::Arc;
use std::time::Instant;

use http::Request;
use longwire_proto::handshake::{HeadStatus, encode_response_head, is_upgrade};
use longwire_proto::{Protocol, Role};

use super::Reactor;
use crate::admission::answer::{Rejected, judge, without_service};
use crate::admission::policy::AgreedTerms;
use crate::event::application::{Application, HandlerCall};
use crate::event::connection::{Attended, Lifecycle, Open, Refused, RoundBudget};
use crate::event::key::Key;
use crate::telemetry;
use crate::telemetry::phase::Phase;

/// What the first bytes of a connection come to.
enum First {
    Partial,
    Request { request: Request<()>, consumed: usize },
    Bad(Rejected),
}

impl<A: Application, L> Reactor<A, L> {
    /// Takes more of the first request.
    pub(super) fn open(&mut self, key: Key, bytes: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Lifecycle::Opening(head) = &mut connection.stage else { return };
        connection.place.show(Phase::Head);
        let first = match head.feed(bytes) {
            Ok(HeadStatus::Partial) => First::Partial,
            Ok(HeadStatus::Complete { consumed }) => match judge(head) {
                Ok((request, _body)) => First::Request { request, consumed },
                Err(rejected) => First::Bad(rejected),
            },
            Err(error) => First::Bad(Rejected { refusal: error.into(), request: None }),
        };
        match first {
            First::Partial => {}
            First::Bad(Rejected { refusal, request }) => {
                let peer_addr = connection.peer_addr;
                self.rules.admission.refusals().bad_request(&refusal, peer_addr, request.as_deref());
                self.refuse(key, Refused::new(&refusal.response(), request.as_deref()));
            }
            First::Request { request, consumed } if is_upgrade(&request) => {
                self.upgrade(key, &request, bytes.get_mut(consumed..).unwrap_or_default());
            }
            First::Request { consumed, .. } if self.rules.serves_http => {
                let mut read = head.as_bytes().to_vec();
                read.extend_from_slice(bytes.get(consumed..).unwrap_or_default());
                connection.stage = Lifecycle::Http(read);
                connection.place.show(Phase::HandedOver);
                self.mark(key);
            }
            First::Request { request, .. } => {
                let peer_addr = connection.peer_addr;
                let response = without_service(&request).unwrap_or_else(|refusal| {
                    self.rules.admission.refusals().not_websocket(&refusal, peer_addr, &request);
                    refusal.response()
                });
                self.refuse(key, Refused::new(&response, Some(&request)));
            }
        }
    }

    /// Answers a request for a WebSocket; `behind` came after it.
    fn upgrade(&mut self, key: Key, request: &Request<()>, behind: &mut [u8]) {
        let rules = Arc::clone(&self.rules);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let begun = Instant::now();
        let deflate = rules.config.deflate.as_ref();
        let admitted =
            rules.admission.admit_by(request, connection.peer_addr, deflate, |upgrade| rules.decide(upgrade));
        match admitted {
            Ok(admitted) => {
                telemetry::shook_hands(Role::Server, begun);
                let mut response = Vec::new();
                encode_response_head(&admitted.response, &mut response);
                let open = self.accepted(admitted, &response);
                if let Some(connection) = self.connections.get_mut(key) {
                    connection.stage = Lifecycle::Open(Box::new(open));
                }
                self.opened(key, behind);
            }
            Err(refusal) => self.refuse(key, Refused::new(&refusal.response(), Some(request))),
        }
    }

    /// A connection that is accepted with this response, if that has not been written.
    pub(super) fn accepted(&self, admitted: AgreedTerms<A::State>, response: &[u8]) -> Attended<A::State> {
        let protocol = Protocol::new(Role::Server, Arc::clone(&self.rules.config)).with_preface(response);
        let protocol = match &admitted.deflate {
            Some(agreement) => protocol.with_deflate(agreement),
            None => protocol,
        };
        let open = Open {
            protocol,
            subprotocol: admitted.opening.subprotocol.map(Into::into),
            account: self.rules.ledger.open(),
            subscriptions: Vec::new(),
            was_full: false,
            is_watched: false,
            is_on_the_brink: false,
            was_told: false,
            backlog: None,
            deferred: None,
            share: RoundBudget::default(),
        };
        Attended { open, state: admitted.state }
    }

    pub(super) fn opened(&mut self, key: Key, behind: &mut [u8]) {
        tracing::debug!("open");
        telemetry::opened(Role::Server);
        if let Some(connection) = self.connections.get_mut(key) {
            connection.place.show(Phase::Open);
        }
        self.call(key, HandlerCall::Open);
        self.give_out();
        self.watch(key);
        self.deliver(key, behind);
    }
}
