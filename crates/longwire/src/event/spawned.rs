//! The futures that a connection has spawned.

use std::any::Any;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::AbortHandle;
use tracing::Instrument;

use super::key::Key;
use super::mailbox::{Mail, Mailbox};
use super::resumption::Resumption;

/// A future of the application. Its output is the callback together with the outcome.
pub(super) type SpawnedFuture = Pin<Box<dyn Future<Output = Resumption> + Send>>;

/// The outcome of a future; the error is its panic payload.
pub(super) type SpawnOutcome = Result<Resumption, Box<dyn Any + Send>>;

/// The futures that a connection has spawned. Dropping this aborts them.
#[derive(Default)]
pub(super) struct SpawnedTasks {
    running: Vec<(u64, AbortHandle)>,
    /// Futures that have not started, because the maximum number is running.
    waiting: VecDeque<(u64, SpawnedFuture)>,
    /// Outcomes that the handler has not received, with the numbers of their futures.
    outcomes: VecDeque<(u64, SpawnOutcome)>,
    /// The futures for which the connection's messages wait, however few run.
    awaited: Vec<u64>,
}

impl SpawnedTasks {
    /// Adds a future, which waits until it is [started](SpawnedTasks::start).
    pub(super) fn add(&mut self, number: u64, task: SpawnedFuture) {
        self.waiting.push_back((number, task));
    }

    /// No message is delivered until the handler has received the outcome of this future.
    pub(super) fn wait_for(&mut self, number: u64) {
        self.awaited.push(number);
    }

    /// Starts waiting futures, up to `most`. Their outcomes are sent to `mailbox`.
    pub(super) fn start(&mut self, to: Key, mailbox: &Arc<Mailbox>, most: usize) {
        while !self.is_full(most)
            && let Some((number, task)) = self.waiting.pop_front()
        {
            let work = report(task, to, number, Arc::clone(mailbox)).in_current_span();
            self.running.push((number, tokio::spawn(work).abort_handle()));
        }
    }

    /// Whether messages wait: for a certain future, or because the maximum number is running.
    pub(super) fn is_busy(&self, most: usize) -> bool {
        !self.awaited.is_empty() || self.is_full(most)
    }

    /// Whether the maximum number of futures is running. A finished one counts until the handler has received its
    /// outcome.
    fn is_full(&self, most: usize) -> bool {
        self.running.len() + self.outcomes.len() >= most
    }

    /// Records the outcome of a future.
    pub(super) fn finished(&mut self, number: u64, outcome: SpawnOutcome) {
        if let Some(place) = self.running.iter().position(|(running, _)| *running == number) {
            self.running.swap_remove(place);
            self.outcomes.push_back((number, outcome));
        }
    }

    pub(super) fn take_outcome(&mut self) -> Option<SpawnOutcome> {
        let (number, outcome) = self.outcomes.pop_front()?;
        self.awaited.retain(|awaited| *awaited != number);
        Some(outcome)
    }

    pub(super) fn has_outcome(&self) -> bool {
        !self.outcomes.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty() && self.outcomes.is_empty()
    }
}

/// Runs a future, and sends its outcome to its connection's loop.
async fn report(mut task: SpawnedFuture, to: Key, number: u64, mailbox: Arc<Mailbox>) {
    let outcome = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(resumption)) => Poll::Ready(Ok(resumption)),
        Err(payload) => Poll::Ready(Err(payload)),
    });
    let outcome = outcome.await;
    mailbox.put(Mail::Outcome { to, number, outcome });
}

impl Drop for SpawnedTasks {
    fn drop(&mut self) {
        for (_, running) in &self.running {
            running.abort();
        }
    }
}

impl std::fmt::Debug for SpawnedTasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpawnedTasks")
            .field("running", &self.running.len())
            .field("waiting", &self.waiting.len())
            .field("outcomes", &self.outcomes.len())
            .finish()
    }
}
