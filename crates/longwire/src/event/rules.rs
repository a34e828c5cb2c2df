//! The configuration that the loops of a server share.

use std::sync::Arc;
use std::time::Duration;

use longwire_proto::Config;

use super::application::Application;
use super::deciding::Decided;
use crate::admission::handshake::{PendingUpgrade, ServerTerms};
use crate::admission::hook::unless_it_panics;
use crate::admission::policy::AdmissionPolicy;
use crate::ledger::Ledger;

/// The configuration that the loops of a server share.
pub(crate) struct Rules<A> {
    pub(crate) application: A,
    pub(crate) config: Arc<Config>,
    pub(crate) admission: AdmissionPolicy,
    /// Whether the server has a service for other HTTP requests.
    pub(crate) serves_http: bool,
    pub(crate) ledger: Arc<Ledger>,
    /// How many futures run at a time for a connection.
    pub(crate) max_spawned: usize,
    /// Whether each connection counts its traffic.
    pub(crate) counts_traffic: bool,
    /// How often the handler's `on_tick` is called for each connection.
    pub(crate) tick_every: Option<Duration>,
}

impl<A: Application> Rules<A> {
    /// The terms on which connections are accepted.
    pub(super) fn terms(&self) -> ServerTerms<'_> {
        ServerTerms { policy: &self.admission, config: &self.config, serves_http: self.serves_http }
    }

    /// Asks the application about a request. A panic counts as a refusal.
    pub(super) async fn decide(self: Arc<Self>, pending: Box<PendingUpgrade>) -> Decided<A::State> {
        let upgrade = pending.upgrade();
        let decision = unless_it_panics(async { self.application.decide(&upgrade).await }).await;
        Decided { pending, decision }
    }
}
