//! How many requests run at a time, and how many wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::kind::HookFailure;

/// Lets so many requests run at a time. So many more wait, each for a limited time; others are refused.
#[derive(Debug)]
pub(super) struct Gate {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// Counts a request that waits.
struct InQueue<'a>(&'a AtomicUsize);

impl Gate {
    pub(super) fn new(slots: usize, max_waiting: usize) -> Gate {
        let slots = Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS)));
        Gate { slots, waiting: AtomicUsize::new(0), max_waiting }
    }

    /// Waits for a slot, which is free again once the permit is dropped.
    pub(super) async fn enter(&self, patience: Duration) -> Result<OwnedSemaphorePermit, HookFailure> {
        if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(permit);
        }
        let _in_queue = InQueue::join(&self.waiting, self.max_waiting).ok_or(HookFailure::Busy)?;
        match tokio::time::timeout(patience, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(HookFailure::Busy),
        }
    }
}

impl InQueue<'_> {
    fn join(waiting: &AtomicUsize, limit: usize) -> Option<InQueue<'_>> {
        let place = waiting.fetch_add(1, Ordering::Relaxed);
        // Leaves again when it is dropped.
        let in_queue = InQueue(waiting);
        (place < limit).then_some(in_queue)
    }
}

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_run_some_wait_and_the_rest_is_refused() {
        let (gate, patience) = (Gate::new(1, 1), Duration::from_secs(2));
        let first = gate.enter(patience).await.unwrap();
        let (waits, refused) = tokio::join!(gate.enter(patience), gate.enter(patience));
        // The queue is full at once; the one in it waits in vain.
        assert!(matches!((waits, refused), (Err(HookFailure::Busy), Err(HookFailure::Busy))));
        let (second, ()) = tokio::join!(gate.enter(patience), async { drop(first) });
        assert!(second.is_ok());
    }
}
