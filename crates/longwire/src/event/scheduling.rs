//! What a handler can ask to be called with later: a time, and the outcome of a future.

use std::future::Future;
use std::time::Duration;

use super::deferred::Timer;
use super::handler::{Handler, Socket};
use super::resumption::Resumption;

/// No timer is shorter: one that always sets another has the loop wait in between.
const SHORTEST_TIMER: Duration = Duration::from_millis(1);

/// No timer is longer: 30 years, which every clock can count.
const LONGEST_TIMER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// What a handler wants to do with a connection later.
pub(super) type Call<H> = Box<dyn FnOnce(&H, &mut Socket<'_, H>) + Send>;

impl<H: Handler> Socket<'_, H> {
    /// Calls `resume` on the connection's loop, once, when this time has passed: after at least a millisecond, and at most
    /// 30 years. A connection that ends calls nothing any more, and on one that has ended nothing is set.
    ///
    /// A connection without timers costs nothing; each timer costs some 200 bytes, and what `resume` has captured.
    pub fn after(
        &mut self,
        time: Duration,
        resume: impl FnOnce(&H, &mut Socket<'_, H>) + Send + 'static,
    ) -> Timer {
        let at = self.context.time() + time.clamp(SHORTEST_TIMER, LONGEST_TIMER);
        let number = self.context.next_number();
        if !self.open.was_told {
            let call: Call<H> = Box::new(resume);
            self.open.deferred().set(at, number, Resumption::new(call));
        }
        Timer { socket: self.id(), at, number }
    }

    /// Cancels a timer. `false`: it has called already, or is another connection's.
    pub fn cancel(&mut self, timer: Timer) -> bool {
        if timer.socket != self.id() {
            return false;
        }
        let Some(deferred) = &mut self.open.deferred else { return false };
        let cancelled = deferred.cancel(timer);
        if deferred.is_empty() {
            self.open.deferred = None;
        }
        cancelled.is_some()
    }

    /// Runs a future on the tokio runtime that the server was run on, and calls `resume` with its outcome on the
    /// connection's loop. If the connection ends first, the future is aborted or its outcome dropped.
    ///
    /// ```
    /// use longwire::{Handler, MessageRef, Socket};
    ///
    /// async fn answer(question: String) -> String {
    ///     question.to_uppercase() // asks a database
    /// }
    ///
    /// /// Called by `on_message`.
    /// fn ask<H: Handler<State = ()>>(socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
    ///     let Some(question) = message.as_text() else { return };
    ///     socket.spawn(answer(question.to_owned()), |_handler, socket, answer| {
    ///         socket.send(answer.as_str()).or_drop();
    ///     });
    /// }
    /// ```
    ///
    /// For each connection [`Server::spawned_per_connection`](crate::Server::spawned_per_connection) futures run at a
    /// time. Those that a handler spawns beyond that are started as others end. Until one ends, the connection's messages
    /// wait, as they do while its queue is full, so that a client cannot start more than the handler does for one message.
    /// An outcome counts until `resume` was called with it, and that waits while the queue is full: as with a message,
    /// what is sent in answer always finds room for the first of it.
    ///
    /// Futures run at the same time, and their outcomes come in the order in which they are ready. A panic of the future
    /// or of `resume` closes the connection with 1011 and no other.
    ///
    /// # Panics
    ///
    /// If the runtime that the server was run on has shut down.
    pub fn spawn<T: Send + 'static>(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
        resume: impl FnOnce(&H, &mut Socket<'_, H>, T) + Send + 'static,
    ) {
        if self.open.was_told {
            return;
        }
        let task = Box::pin(async move {
            let outcome = future.await;
            let call: Call<H> = Box::new(move |handler, socket| resume(handler, socket, outcome));
            Resumption::new(call)
        });
        let number = self.context.next_number();
        let (mailbox, most) = (&self.context.mailbox, self.context.max_spawned);
        let deferred = self.open.deferred.get_or_insert_default();
        deferred.spawn(task, number, self.key, mailbox, most);
        if deferred.is_busy(most) {
            // The connection's messages wait, as they do when it has had its share of the round.
            self.open.share.left = 0;
        }
    }
}
