//! Asking the shared broker whether it works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::broker::Broker;
use crate::broker::remote::runtime::Runtime;
use crate::time::Millis;

/// How many channels are asked for: an engine of several servers divides them.
const CHANNELS: u8 = 8;

/// Asks one question after another, each in a task.
#[derive(Debug, Default)]
pub(super) struct Probe {
    runs: AtomicBool,
    outcome: Mutex<Option<bool>>,
}

impl Probe {
    /// The outcome of a probe that has ended since the last call.
    pub(super) fn take(&self) -> Option<bool> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Begins one, unless one runs.
    pub(super) fn begin(self: &Arc<Self>, broker: &Arc<dyn Broker>, runtime: &dyn Runtime, now: Millis) {
        if self.runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let (running, broker) = (Running(Arc::clone(self)), Arc::clone(broker));
        runtime.spawn(Box::pin(async move {
            let works = works(&*broker, now).await;
            *running.0.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(works);
        }));
    }
}

async fn works(broker: &dyn Broker, now: Millis) -> bool {
    for number in 0..CHANNELS {
        // No client can publish to it under this name in the default configuration.
        let Ok(channel) = format!("longwire:probe:{number}").parse() else { return false };
        if broker.presence_stats(&channel, now).answer().await.is_err() {
            return false;
        }
    }
    true
}

/// A probe that runs, until it is dropped.
struct Running(Arc<Probe>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.runs.store(false, Ordering::Release);
    }
}
