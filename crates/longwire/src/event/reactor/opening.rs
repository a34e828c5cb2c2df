//! From the first byte of a connection to the handler.

use std::sync::Arc;
use std::time::Instant;

use http::{Request, StatusCode};
use longwire_proto::handshake::{HeadStatus, Refusal, encode_response_head, is_upgrade};
use longwire_proto::{Protocol, Role};

use super::Reactor;
use crate::event::connection::{Open, Refused, Stage};
use crate::event::handler::Handler;
use crate::event::key::Key;
use crate::server::admission::Admitted;
use crate::telemetry::{self, NotLetIn};

/// What the first bytes of a connection come to.
enum First {
    Partial,
    Request { request: Request<()>, consumed: usize },
    Bad(Refusal),
}

impl<H: Handler, L> Reactor<H, L> {
    /// Takes more of the first request.
    pub(super) fn open(&mut self, key: Key, bytes: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Stage::Opening(head) = &mut connection.stage else { return };
        let first = match head.feed(bytes) {
            Ok(HeadStatus::Partial) => First::Partial,
            Ok(HeadStatus::Complete { consumed }) => match head.request() {
                Ok(request) => First::Request { request, consumed },
                Err(error) => First::Bad(error.into()),
            },
            Err(error) => First::Bad(error.into()),
        };
        match first {
            First::Partial => {}
            First::Bad(refusal) => {
                let too_large = refusal.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                telemetry::refused(if too_large { NotLetIn::TooLarge } else { NotLetIn::BadRequest });
                self.refuse(key, Refused::new(&refusal));
            }
            First::Request { request, consumed } if is_upgrade(&request) => {
                self.upgrade(key, &request, bytes.get_mut(consumed..).unwrap_or_default());
            }
            First::Request { consumed, .. } if self.rules.serves_http => {
                let mut read = head.as_bytes().to_vec();
                read.extend_from_slice(bytes.get(consumed..).unwrap_or_default());
                connection.stage = Stage::Http(read);
                self.mark(key);
            }
            First::Request { .. } => {
                telemetry::refused(NotLetIn::NotWebSocket);
                let refusal = Refusal::upgrade_required("only WebSockets are served here");
                self.refuse(key, Refused::new(&refusal));
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
                    connection.stage = Stage::Open(Box::new(open));
                }
                self.opened(key, behind);
            }
            Err(refusal) => self.refuse(key, Refused::new(&refusal)),
        }
    }

    /// A connection that is accepted with this response, if that has not been written.
    pub(super) fn accepted(&self, admitted: Admitted<H::State>, response: &[u8]) -> Open<H::State> {
        let protocol = Protocol::new(Role::Server, Arc::clone(&self.rules.config)).with_preface(response);
        let protocol = match &admitted.deflate {
            Some(agreement) => protocol.with_deflate(agreement),
            None => protocol,
        };
        Open {
            protocol,
            state: admitted.state,
            subprotocol: admitted.opening.subprotocol.map(Into::into),
            account: self.rules.ledger.open(),
            subscriptions: Vec::new(),
            was_full: false,
            is_watched: false,
            was_told: false,
            backlog: None,
        }
    }

    pub(super) fn opened(&mut self, key: Key, behind: &mut [u8]) {
        tracing::debug!("open");
        telemetry::opened(Role::Server);
        self.call(key, H::on_open);
        self.give_out();
        self.watch(key);
        self.deliver(key, behind);
    }
}
