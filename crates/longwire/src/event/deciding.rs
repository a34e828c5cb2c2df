//! A decision about a request for a WebSocket that the application does not make at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use longwire_proto::handshake::Refusal;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tracing::Instrument;

use super::key::Key;
use super::mailbox::{Mail, Mailbox};
use crate::admission::decision::Accept;
use crate::admission::handshake::PendingUpgrade;
use crate::admission::hook::MAX_BEHIND;
use crate::panic_message::panic_message;

/// A request, and the application's decision about it.
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
    /// The bytes behind the request.
    pub(super) behind: Vec<u8>,
}

impl<S: Send + 'static> AwaitedDecision<S> {
    /// Continues a future on the current runtime. Its end is reported to the loop through `mailbox`.
    pub(super) fn start(
        future: DecisionFuture<S>,
        begun: Instant,
        behind: &[u8],
        to: Key,
        mailbox: Arc<Mailbox>,
    ) -> AwaitedDecision<S> {
        let (sender, decided) = oneshot::channel();
        let deciding = async move {
            // Sending fails if the connection has ended.
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
    /// Whether more bytes behind the request are read.
    pub(super) fn wants_read(&self) -> bool {
        self.behind.len() < MAX_BEHIND
    }
}

impl<S> Drop for AwaitedDecision<S> {
    fn drop(&mut self) {
        self.task.abort();
        // A decision that was not taken contains a state of the application, whose `Drop` may panic.
        if let Ok(decided) = self.decided.try_recv()
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(decided)))
        {
            tracing::error!(
                panic = panic_message(&*payload),
                "a value of the handler panicked when it was dropped"
            );
        }
    }
}
