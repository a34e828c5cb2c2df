//! What the loops of a server share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::StatusCode;
use longwire_proto::Config;
use longwire_proto::handshake::Refusal;

use super::handler::Handler;
use crate::ledger::Ledger;
use crate::server::admission::{Accept, Admission, Upgrade};

/// What the loops of a server share.
pub(crate) struct Rules<H> {
    pub(crate) handler: H,
    pub(crate) config: Arc<Config>,
    pub(crate) admission: Admission,
    /// Whether there is a service for requests that are not for a WebSocket.
    pub(crate) serves_http: bool,
    pub(crate) ledger: Arc<Ledger>,
}

impl<H: Handler> Rules<H> {
    /// Asks the handler about a request; if it panics, it has refused.
    pub(super) fn decide(&self, request: &Upgrade<'_>) -> Result<Accept<H::State>, Refusal> {
        catch_unwind(AssertUnwindSafe(|| self.handler.on_upgrade(request))).unwrap_or_else(|_| {
            tracing::error!("the handler panicked");
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot accept this request"))
        })
    }
}
