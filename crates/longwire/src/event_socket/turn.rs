//! The turn of whoever makes a socket: what it does before it waits for something. A browser tells nobody anything in it
//! (WHATWG WebSockets, "Feedback from the protocol": what is told is a task of its own).

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// How long a turn is taken to be where nobody tells its end.
const UNTOLD: Duration = Duration::from_millis(100);

/// The turn in which a socket was made.
#[derive(Debug)]
pub(super) enum Turn {
    /// That of a task: its thread comes back to the runtime when it is over.
    OfTask(Arc<End>),
    /// That of a thread which is none of the runtime's. What `block_on` of a runtime of several threads polls runs on
    /// one.
    Untold { until: Instant },
}

#[derive(Debug, Default)]
pub(super) struct End {
    has_come: AtomicBool,
    told: Notify,
}

impl Wake for End {
    fn wake(self: Arc<Self>) {
        self.has_come.store(true, Ordering::Release);
        self.told.notify_one();
    }
}

impl Turn {
    /// The turn that goes on.
    pub(super) fn current() -> Turn {
        let end = Arc::new(End::default());
        let waker = Waker::from(Arc::clone(&end));
        // Whoever yields is woken when the runtime has its thread back; on a thread that it has not, at once.
        let _pending = pin!(yield_now()).poll(&mut Context::from_waker(&waker));
        if end.has_come.load(Ordering::Acquire) {
            Turn::Untold { until: Instant::now() + UNTOLD }
        } else {
            Turn::OfTask(end)
        }
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) {
        match self {
            Turn::OfTask(end) => end.told.notified().await,
            Turn::Untold { until } => sleep_until(*until).await,
        }
    }
}
