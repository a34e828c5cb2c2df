//! How many requests run at a time, and how many wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::kind::HookFailure;

/// Lets so many requests run at a time. So many more wait, each for a limited time; others are refused. Of the places to wait,
/// a client's address has at most as many as are free: half if it is alone, a third beside another greedy one. Whatever some
/// do, there is a place for the next address.
#[derive(Debug)]
pub(super) struct Gate {
    slots: Arc<Semaphore>,
    queue: Mutex<Queue>,
    max_waiting: usize,
}

/// The requests that wait.
#[derive(Debug, Default)]
struct Queue {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts a request that waits.
struct InQueue<'a> {
    gate: &'a Gate,
    address: Option<IpAddr>,
}

impl Gate {
    pub(super) fn new(slots: usize, max_waiting: usize) -> Gate {
        let slots = Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS)));
        Gate { slots, queue: Mutex::default(), max_waiting }
    }

    /// Waits for a slot, which is free again once the permit is dropped. The request is caused by a client with this address;
    /// without one, it has no share that it may not exceed.
    pub(super) async fn enter(
        &self,
        address: Option<IpAddr>,
        patience: Duration,
    ) -> Result<OwnedSemaphorePermit, HookFailure> {
        if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(permit);
        }
        let _in_queue = self.join(address).ok_or(HookFailure::Busy)?;
        match tokio::time::timeout(patience, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(HookFailure::Busy),
        }
    }

    fn join(&self, address: Option<IpAddr>) -> Option<InQueue<'_>> {
        self.lock().join(address, self.max_waiting)?;
        Some(InQueue { gate: self, address })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn join(&mut self, address: Option<IpAddr>, max_waiting: usize) -> Option<()> {
        let free = max_waiting.checked_sub(self.total).filter(|free| *free > 0)?;
        if let Some(address) = address {
            let own = self.by_address.get(&address).copied().unwrap_or_default();
            if own >= free {
                return None;
            }
            self.by_address.insert(address, own + 1);
        }
        self.total += 1;
        Some(())
    }

    fn leave(&mut self, address: Option<IpAddr>) {
        self.total = self.total.saturating_sub(1);
        if let Some(address) = address
            && let Some(own) = self.by_address.get_mut(&address)
        {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        self.gate.lock().leave(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_run_some_wait_and_the_rest_is_refused() {
        let (gate, patience) = (Gate::new(1, 1), Duration::from_secs(2));
        let first = gate.enter(None, patience).await.unwrap();
        let (waits, refused) = tokio::join!(gate.enter(None, patience), gate.enter(None, patience));
        // The queue is full at once; the one in it waits in vain.
        assert!(matches!((waits, refused), (Err(HookFailure::Busy), Err(HookFailure::Busy))));
        let (second, ()) = tokio::join!(gate.enter(None, patience), async { drop(first) });
        assert!(second.is_ok());
    }
    fn address(number: u8) -> Option<IpAddr> {
        Some([192, 0, 2, number].into())
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_leaves_places_to_the_others() {
        let gate = Gate::new(1, 100);
        let _running = gate.enter(address(1), Duration::ZERO).await.unwrap();
        let mut waiting = Vec::new();
        let mut join = |number, most: usize| {
            let joined = (0..most).map_while(|_| gate.join(address(number))).collect::<Vec<_>>();
            let count = joined.len();
            waiting.extend(joined);
            count
        };
        assert_eq!(join(1, 1_000), 50);
        assert_eq!(join(2, 1_000), 25);
        assert_eq!(join(1, 1_000), 0);
        assert_eq!(
            (3..100).map(|number| join(number, 1)).sum::<usize>(),
            25,
            "each has a place until all are taken"
        );
        drop(waiting);
        assert!(gate.lock().by_address.is_empty() && gate.lock().total == 0);
    }

    #[tokio::test(start_paused = true)]
    async fn clients_without_an_address_share_all_places() {
        let gate = Gate::new(1, 4);
        let waiting: Vec<_> = (0..10).map_while(|_| gate.join(None)).collect();
        assert_eq!(waiting.len(), 4);
        assert!(gate.join(address(1)).is_none());
    }
}
