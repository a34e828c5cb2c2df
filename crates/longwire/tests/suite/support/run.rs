//! Runtimes with a time limit, and single steps of a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

#[cfg(feature = "metrics")]
use super::counts::{Counts, counted};

/// Far more than any test needs.
const DEADLINE: Duration = Duration::from_secs(180);

/// Runs a test on a single-threaded runtime.
pub(crate) fn run(test: impl Future<Output = ()> + Send + 'static) {
    on_own_thread(|| block_on(Builder::new_current_thread(), test));
}

/// Runs a test on a multi-threaded runtime, where tasks run in any order.
pub(crate) fn run_on_threads(test: impl Future<Output = ()> + Send + 'static) {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(4);
    on_own_thread(|| block_on(builder, test));
}

/// Runs a test with a paused clock, which jumps ahead when all tasks wait for time. A task that waits for anything else
/// forever is detected immediately.
pub(crate) fn run_paused(test: impl Future<Output = ()> + Send + 'static) {
    let mut builder = Builder::new_current_thread();
    builder.start_paused(true);
    on_own_thread(|| block_on(builder, test));
}

/// Like [`run`], with metrics.
#[cfg(feature = "metrics")]
pub(crate) fn run_counted<F: Future<Output = ()>>(test: impl FnOnce(Counts) -> F + Send + 'static) {
    on_own_thread(|| counted(|counts| block_on(Builder::new_current_thread(), test(counts))));
}

/// Like [`run_paused`], with metrics.
#[cfg(feature = "metrics")]
pub(crate) fn run_paused_counted<F: Future<Output = ()>>(test: impl FnOnce(Counts) -> F + Send + 'static) {
    let mut builder = Builder::new_current_thread();
    builder.start_paused(true);
    on_own_thread(|| counted(|counts| block_on(builder, test(counts))));
}

pub(super) fn block_on(mut builder: Builder, test: impl Future<Output = ()>) {
    let runtime: Runtime = builder.enable_all().build().unwrap();
    let outcome = runtime.block_on(async { tokio::time::timeout(DEADLINE * 100, test).await });
    drop(runtime);
    assert!(outcome.is_ok(), "all tasks wait for something other than time");
}

/// Runs a test on its own thread, so that the time limit applies even to code that never yields.
pub(super) fn on_own_thread(test: impl FnOnce() + Send + 'static) {
    let (done, finished) = channel();
    let thread = std::thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    match finished.recv_timeout(DEADLINE) {
        Err(RecvTimeoutError::Timeout) => panic!("the test did not end within {DEADLINE:?}"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// Polls once, with the waker of the current task.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|cx: &mut Context<'_>| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// Polls at most `polls` times, letting other tasks run in between, and then drops the future.
pub(crate) async fn polled<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_once(&mut future).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Lets all other tasks of a single-threaded runtime run until they wait.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
