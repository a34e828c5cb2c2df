//! Runs the handlers of a socket, one at a time.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::runtime::Handle;

use super::caught::{Caught, Running};
use super::handlers::Handlers;
use super::incoming::Incoming;
use super::queue::{Earlier, Freed, Queue};
use super::reason::DisconnectReason;

/// What runs for a socket.
pub(super) enum Job {
    /// The handler of the connection.
    Connection(Running),
    Event(Incoming),
    Disconnection(DisconnectReason),
}

/// The handlers of a socket, and what waits for them.
pub(super) struct Runner<S> {
    pub(super) handlers: Handlers<S>,
    queue: Queue<Job>,
}

/// A socket that has handlers. Its text says which client it is.
pub(super) trait Runs: Clone + Display + Send + Sync + 'static {
    fn runner(&self) -> &Runner<Self>;

    /// Where handlers go on when they have to wait.
    fn runtime(&self) -> &Handle;

    /// Something went wrong: ends the client.
    fn fail(&self);

    /// An event of this many bytes waits.
    fn event_waits(&self, bytes: usize);

    /// Events wait no longer.
    fn events_freed(&self, freed: Freed);
}

impl<S> Runner<S> {
    /// For a socket whose connection handler is to run first.
    pub(super) fn new() -> Runner<S> {
        Runner { handlers: Handlers::default(), queue: Queue::running() }
    }
}

impl<S: Runs> Runner<S> {
    /// Runs the handler of the connection, for which the queue has waited.
    pub(super) fn run_first(socket: &S, handler: Running) {
        run_here(socket, Job::Connection(handler));
    }

    /// An event has arrived, which costs some bytes of memory while it waits.
    pub(super) fn receive(socket: &S, event: Incoming, bytes: usize) {
        let waits = || socket.event_waits(bytes);
        if let Some(job) = socket.runner().queue.push(Job::Event(event), bytes, waits) {
            run_here(socket, job);
        }
    }

    /// The socket is disconnected. Its handler runs as a task, because the caller may hold locks.
    pub(super) fn run_last(socket: &S, reason: DisconnectReason, earlier: Earlier) {
        let (job, freed) = socket.runner().queue.push_last(Job::Disconnection(reason), earlier);
        socket.events_freed(freed);
        if let Some(job) = job {
            socket.runtime().spawn(run(socket.clone(), job));
        }
    }
}

/// Runs a job, and those that follow, up to the first wait; the rest is a task.
fn run_here<S: Runs>(socket: &S, job: Job) {
    let mut running = Box::pin(run(socket.clone(), job));
    if running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        // The task polls at once, and registers its own waker then.
        socket.runtime().spawn(running);
    }
}

async fn run<S: Runs>(socket: S, first: Job) {
    let mut next = first;
    loop {
        run_one(&socket, next).await;
        tokio::task::consume_budget().await;
        let Some((job, freed)) = socket.runner().queue.next() else { return };
        socket.events_freed(freed);
        next = job;
    }
}

async fn run_one<S: Runs>(socket: &S, job: Job) {
    let handlers = &socket.runner().handlers;
    match job {
        Job::Connection(handler) => {
            contain(socket, handler).await;
        }
        Job::Event(event) => {
            for middleware in handlers.middleware() {
                if contain(socket, middleware(socket.clone(), event.clone())).await != Some(true) {
                    return;
                }
            }
            let mut called = handlers.of_event(&event.name).into_iter();
            let last = called.next_back();
            for handler in called {
                contain(socket, handler(socket.clone(), event.clone())).await;
            }
            // Most events have one handler, so this is the usual way: without a clone.
            if let Some(handler) = last {
                contain(socket, handler(socket.clone(), event)).await;
            }
        }
        Job::Disconnection(reason) => {
            for handler in handlers.of_disconnect() {
                contain(socket, handler(socket.clone(), reason)).await;
            }
            handlers.clear();
        }
    }
}

/// The result of a handler, unless it panics.
async fn contain<S: Runs, T>(socket: &S, handler: Pin<Box<dyn Future<Output = T> + Send>>) -> Option<T> {
    match Caught(handler).await {
        Ok(done) => Some(done),
        Err(panic) => {
            tracing::error!(%socket, "closing: a handler panicked: {panic}");
            socket.fail();
            None
        }
    }
}
