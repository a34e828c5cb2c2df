//! Asking the shared broker whether it works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::broker::Broker;
use crate::broker::remote::runtime::Runtime;
use crate::time::Millis;

/// How many channels are asked for: an engine of several servers divides them.
const CHANNELS: u8 = 8;

/// Asks one set of questions after another, each question in a task: a part that does not answer holds up no other.
#[derive(Debug, Default)]
pub(super) struct Probe {
    runs: AtomicBool,
    heard: Mutex<Heard>,
}

/// What was heard since the last time.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Heard {
    /// Whether any question was answered.
    pub(super) answers: bool,
    /// Whether the probe that has ended had all its answers.
    pub(super) probe: Option<bool>,
}

impl Probe {
    /// What was heard since the last call.
    pub(super) fn take(&self) -> Heard {
        std::mem::take(&mut *self.heard())
    }

    /// Begins one, unless one runs.
    pub(super) fn begin(self: &Arc<Self>, broker: &Arc<dyn Broker>, runtime: &dyn Runtime, now: Millis) {
        if self.runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let running = Arc::new(Running { probe: Arc::clone(self), answers: AtomicU8::new(0) });
        for number in 0..CHANNELS {
            // No client can publish to it under this name in the default configuration.
            let Ok(channel) = format!("longwire:probe:{number}").parse() else { continue };
            let (running, broker) = (Arc::clone(&running), Arc::clone(broker));
            runtime.spawn(Box::pin(async move {
                if broker.presence_stats(&channel, now).answer().await.is_ok() {
                    running.answered();
                }
            }));
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A probe that runs, until its last question has an outcome.
struct Running {
    probe: Arc<Probe>,
    answers: AtomicU8,
}

impl Running {
    fn answered(&self) {
        self.answers.fetch_add(1, Ordering::AcqRel);
        self.probe.heard().answers = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.probe.heard().probe = Some(*self.answers.get_mut() == CHANNELS);
        self.probe.runs.store(false, Ordering::Release);
    }
}
