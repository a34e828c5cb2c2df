//! The tokio runtime of a stage, which reports when it is idle.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

use crate::event::mailbox::Mailbox;

/// The runtime is idle when it has parked this often in a row. At the first park, it may still find I/O or a due timer.
const IDLE_PARKS: u32 = 2;

/// The runtime that a stage owns.
pub(super) struct StageRuntime {
    runtime: Runtime,
    parks: Arc<Parks>,
}

/// Counts how often the runtime has parked.
#[derive(Default)]
struct Parks(Mutex<ParkState>);

#[derive(Default)]
struct ParkState {
    count: u32,
    waker: Option<Waker>,
}

impl Parks {
    fn note(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count = state.count.saturating_add(1);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count = 0;
    }

    fn poll_idle(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.count >= IDLE_PARKS {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl StageRuntime {
    pub(super) fn new() -> io::Result<StageRuntime> {
        let parks = Arc::<Parks>::default();
        let parked = Arc::clone(&parks);
        let runtime =
            Builder::new_current_thread().enable_all().on_thread_park(move || parked.note()).build()?;
        Ok(StageRuntime { runtime, parks })
    }

    pub(super) fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// Runs every task as far as it gets without waiting.
    pub(super) fn run_until_idle(&self) {
        self.parks.begin();
        self.runtime.block_on(poll_fn(|cx| self.parks.poll_idle(cx)));
    }

    /// Runs the tasks until one has sent mail to the loop, or until `time` has passed in real time.
    pub(super) fn wait_for_mail(&self, mailbox: &Mailbox, time: Duration) {
        let mail = poll_fn(|cx| if mailbox.listen(cx.waker()) { Poll::Pending } else { Poll::Ready(()) });
        // The timeout is created inside the runtime because it needs the runtime's clock.
        let _in_time = self.runtime.block_on(async { timeout(time, mail).await });
    }

    /// Whether no task is left.
    pub(super) fn has_no_tasks(&self) -> bool {
        self.runtime.metrics().num_alive_tasks() == 0
    }
}
