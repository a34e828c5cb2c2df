//! The tokio runtime of a stage, which says when it has nothing more to do.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

use crate::event::mailbox::Mailbox;

/// A runtime is idle when it has parked this often in a row: the first time it may have found I/O or a time that is due.
const IDLE_PARKS: u32 = 2;

/// The runtime that a stage owns.
pub(super) struct StageRuntime {
    runtime: Runtime,
    parks: Arc<Parks>,
}

/// How often the runtime has found nothing to do.
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

    /// Runs the tasks until one has something for the loop, or this real time has passed.
    pub(super) fn wait_for_mail(&self, mailbox: &Mailbox, time: Duration) {
        let mail = poll_fn(|cx| if mailbox.listen(cx.waker()) { Poll::Pending } else { Poll::Ready(()) });
        // Entered, since a timeout needs the runtime's clock when it is made.
        let _in_time = self.runtime.block_on(async { timeout(time, mail).await });
    }

    /// Whether no task is left.
    pub(super) fn has_no_tasks(&self) -> bool {
        self.runtime.metrics().num_alive_tasks() == 0
    }
}
