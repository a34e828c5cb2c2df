//! Runs the handlers of a socket, one at a time.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use bytestring::ByteString;

use super::super::caught::{Caught, Running};
use super::super::incoming::Incoming;
use super::super::queue::{Pushed, QueueLimits, Waiting};
use super::super::reason::DisconnectReason;
use super::Socket;
use crate::protocol::Arguments;

/// What runs for a socket.
pub(in crate::io) enum Job {
    /// The handler of the connection.
    Connection(Running),
    Event(Incoming),
    Disconnection(DisconnectReason),
}

impl Socket {
    /// Runs the handler of the connection, for which the queue has waited.
    pub(in crate::io) fn run_first(&self, handler: Running) {
        self.run_here(Job::Connection(handler));
    }

    /// An event has arrived.
    pub(in crate::io) fn receive(&self, name: ByteString, id: Option<u64>, arguments: Arguments) {
        let config = &self.client().config;
        let limits = QueueLimits { jobs: config.waiting_events, bytes: config.waiting_event_bytes };
        let cost = arguments.size();
        let mut event = Incoming::new(name, arguments);
        if let Some(id) = id {
            event.expect_answer(&self.client().connection, self.namespace_name(), id);
        }
        match self.shared.queue.push(Job::Event(event), cost, limits) {
            Pushed::Run(job) => self.run_here(job),
            Pushed::Waits => {}
            Pushed::Full => {
                tracing::warn!(
                    client = %self.client(),
                    "closing: too many events wait for a handler that has not returned; does it loop instead of using tokio::spawn?"
                );
                self.client().close(DisconnectReason::ForcedServerClose);
            }
        }
    }

    /// An acknowledgement has arrived.
    pub(in crate::io) fn acknowledge(&self, id: u64, arguments: Arguments) {
        self.acks().answer(id, arguments);
    }

    /// The socket is disconnected. Its handler runs as a task, because the caller may hold locks.
    pub(super) fn run_last(&self, reason: DisconnectReason, waiting: Waiting) {
        if let Pushed::Run(job) = self.shared.queue.push_last(Job::Disconnection(reason), waiting) {
            self.client().runtime.spawn(self.clone().run(job));
        }
    }

    /// Runs a job, and those that follow, up to the first wait; the rest is a task.
    fn run_here(&self, job: Job) {
        let mut running = Box::pin(self.clone().run(job));
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Pending = running.as_mut().poll(&mut context) {
            // The task polls at once, and registers its own waker then.
            self.client().runtime.spawn(running);
        }
    }

    async fn run(self, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            self.run_one(job).await;
            tokio::task::consume_budget().await;
            next = self.shared.queue.next();
        }
    }

    async fn run_one(&self, job: Job) {
        match job {
            Job::Connection(handler) => self.contain(handler).await,
            Job::Event(event) => {
                for handler in self.shared.handlers.of_event(&event.name) {
                    self.contain(handler(self.clone(), event.clone())).await;
                }
            }
            Job::Disconnection(reason) => {
                for handler in self.shared.handlers.of_disconnect() {
                    self.contain(handler(self.clone(), reason)).await;
                }
                self.shared.handlers.clear();
            }
        }
    }

    async fn contain(&self, handler: Running) {
        if let Err(panic) = Caught(handler).await {
            tracing::error!(client = %self.client(), namespace = self.namespace(), "closing: a handler panicked: {panic}");
            self.client().close(DisconnectReason::ForcedServerClose);
        }
    }
}
