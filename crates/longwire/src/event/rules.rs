//! What the loops of a server share.

use std::sync::Arc;
use std::time::Duration;

use longwire_proto::Config;
use longwire_proto::handshake::Refusal;

use super::application::Application;
use crate::admission::decision::{Accept, Upgrade, unless_it_panics};
use crate::admission::handshake::ServerTerms;
use crate::admission::policy::AdmissionPolicy;
use crate::ledger::Ledger;

/// What the loops of a server share.
pub(crate) struct Rules<A> {
    pub(crate) application: A,
    pub(crate) config: Arc<Config>,
    pub(crate) admission: AdmissionPolicy,
    /// Whether there is a service for requests that are not for a WebSocket.
    pub(crate) serves_http: bool,
    pub(crate) ledger: Arc<Ledger>,
    /// How many futures run at a time for a connection.
    pub(crate) max_spawned: usize,
    /// The period in which the handler is called for each connection.
    pub(crate) tick_every: Option<Duration>,
}

impl<A: Application> Rules<A> {
    /// On which terms connections are opened.
    pub(super) fn terms(&self) -> ServerTerms<'_> {
        ServerTerms { policy: &self.admission, config: &self.config, serves_http: self.serves_http }
    }

    /// Asks the application about a request; if it panics, it has refused.
    pub(super) fn decide(&self, request: &Upgrade<'_>) -> Result<Accept<A::State>, Refusal> {
        unless_it_panics(|| self.application.decide(request))
    }
}
