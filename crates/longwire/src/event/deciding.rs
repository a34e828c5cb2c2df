//! A decision about a request for a WebSocket that takes its time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use longwire_proto::handshake::Refusal;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tracing::Instrument;

use super::key::Key;
use super::mailbox::{Mail, Mailbox};
use crate::admission::decision::Accept;
use crate::admission::handshake::PendingUpgrade;
use crate::panic_message::panic_message;
use crate::telemetry::{self, NotLetIn};

/// How many bytes are kept of what comes behind a request that is not decided. Then the connection is not read any more.
const MAX_BEHIND: usize = 16 << 10;

/// A request, and what the application has decided about it.
pub(super) struct Decided<S> {
    pub(super) pending: Box<PendingUpgrade>,
    pub(super) decision: Result<Accept<S>, Refusal>,
}

pub(super) type DecisionFuture<S> = Pin<Box<dyn Future<Output = Decided<S>> + Send>>;

/// A decision that a connection waits for. Dropping it aborts its future.
pub(super) struct AwaitedDecision<S> {
    task: AbortHandle,
    decided: oneshot::Receiver<Decided<S>>,
    /// When the application was asked.
    pub(super) begun: Instant,
    /// What came behind the request.
    pub(super) behind: Vec<u8>,
}

impl<S: Send + 'static> AwaitedDecision<S> {
    /// Goes on with a future on the current runtime. When it has ended, `mailbox` is told so.
    pub(super) fn start(
        future: DecisionFuture<S>,
        begun: Instant,
        behind: &[u8],
        to: Key,
        mailbox: Arc<Mailbox>,
    ) -> AwaitedDecision<S> {
        let (sender, decided) = oneshot::channel();
        let deciding = async move {
            // Nobody takes it if the connection has ended.
            let _not_taken = sender.send(future.await);
            mailbox.put(Mail::Decided { to });
        };
        let task = tokio::spawn(deciding.in_current_span()).abort_handle();
        AwaitedDecision { task, decided, begun, behind: behind.to_vec() }
    }

    /// The decision, if it has come.
    pub(super) fn take(&mut self) -> Option<Decided<S>> {
        self.decided.try_recv().ok()
    }
}

impl<S> AwaitedDecision<S> {
    /// Whether what comes behind the request is still read.
    pub(super) fn wants_read(&self) -> bool {
        self.behind.len() < MAX_BEHIND
    }
}

impl<S> Drop for AwaitedDecision<S> {
    fn drop(&mut self) {
        self.task.abort();
        // A decision that nobody has taken has a state of the application, whose `Drop` may panic.
        if let Ok(decided) = self.decided.try_recv()
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(decided)))
        {
            tracing::error!(panic = panic_message(&*payload), "what belongs to the handler panicked");
        }
    }
}

/// The refusal of a request that the application has not decided about in time, which is counted.
pub(super) fn refuse_late() -> Refusal {
    tracing::debug!("the application has not decided about the request in time");
    telemetry::refused(NotLetIn::HandshakeTimeout);
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server has not decided in time")
}
