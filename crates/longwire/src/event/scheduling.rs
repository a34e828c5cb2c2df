//! Callbacks that a handler asks for: after a time, or with the outcome of a future.

use std::future::Future;
use std::time::Duration;

use super::deferred::Timer;
use super::handler::{Handler, Socket};
use super::resumption::Resumption;

/// The shortest timer. It keeps the loop from spinning when a timer always sets another.
const SHORTEST_TIMER: Duration = Duration::from_millis(1);

/// The longest timer: 30 years, which every clock can represent.
const LONGEST_TIMER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// A callback that a handler has asked for.
pub(super) type ResumeCall<H> = Box<dyn FnOnce(&H, &mut Socket<'_, H>) + Send>;

impl<H: Handler> Socket<'_, H> {
    /// Calls `resume` once on the connection's loop, after `time` has passed. The time is clamped to between a
    /// millisecond and 30 years. Once the connection has ended, pending timers do not call, and new ones are not set.
    ///
    /// A connection without timers costs nothing. Each timer costs some 200 bytes, plus what `resume` captures.
    pub fn after(
        &mut self,
        time: Duration,
        resume: impl FnOnce(&H, &mut Socket<'_, H>) + Send + 'static,
    ) -> Timer {
        let at = self.context.time() + time.clamp(SHORTEST_TIMER, LONGEST_TIMER);
        let number = self.context.next_number();
        if !self.open.end_was_reported {
            let call: ResumeCall<H> = Box::new(resume);
            self.open.deferred().set(at, number, Resumption::new(call));
        }
        Timer { socket: self.id(), at, number }
    }

    /// Cancels a timer. Returns `false` if it has already called, or belongs to another connection.
    pub fn cancel(&mut self, timer: Timer) -> bool {
        if timer.socket != self.id() {
            return false;
        }
        let Some(deferred) = self.open.known_deferred() else { return false };
        let cancelled = deferred.cancel(timer);
        self.open.free_deferred();
        cancelled.is_some()
    }

    /// Calls [`Handler::on_alarm`](crate::Handler::on_alarm) once on the connection's loop, after `time` has passed; `None`
    /// for no call. The time is clamped as that of [`after`](Socket::after). A connection has one alarm, which this
    /// replaces. Once the connection has ended, there are no more calls.
    ///
    /// Unlike a timer, an alarm allocates nothing. It suits what every one of many connections does from time to time.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use longwire::{Handler, Socket};
    ///
    /// /// Called by `on_open`, and again by `on_alarm`.
    /// fn greet<H: Handler>(socket: &mut Socket<'_, H>) {
    ///     socket.send("still there?").or_drop();
    ///     socket.set_alarm(Some(Duration::from_secs(60)));
    /// }
    /// ```
    pub fn set_alarm(&mut self, time: Option<Duration>) {
        if self.open.end_was_reported {
            return;
        }
        let at = time.map(|time| self.context.time() + time.clamp(SHORTEST_TIMER, LONGEST_TIMER));
        self.open.set_alarm(at);
        self.open.is_watched = true;
    }

    /// Runs a future on the tokio runtime that the server was started on, and calls `resume` with its outcome on the
    /// connection's loop. If the connection ends first, the future is aborted or its outcome dropped.
    /// [`server_topics`](Socket::server_topics) has an example of a task that goes on.
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
    /// At most [`Server::spawned_per_connection`](crate::Server::spawned_per_connection) futures run at a time for each
    /// connection. Futures that a handler spawns beyond that start as others end. Until one ends, the connection's
    /// messages wait, as they do while its queue is full. A client therefore cannot start more futures than the handler
    /// spawns for one message. A future counts until `resume` has been called with its outcome, and that call waits
    /// while the queue is full. As with a message, the first message that `resume` sends always fits.
    ///
    /// Futures run concurrently, and their outcomes are delivered in the order in which they become ready. With a limit of
    /// 1 that is the order of the calls. If the future or `resume` panics, only this connection is closed, with 1011.
    ///
    /// # Panics
    ///
    /// If the runtime that the server was started on has shut down.
    pub fn spawn<T: Send + 'static>(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
        resume: impl FnOnce(&H, &mut Socket<'_, H>, T) + Send + 'static,
    ) {
        let number = self.context.next_number();
        self.run(number, future, resume);
    }

    /// Like [`spawn`](Socket::spawn), but the connection's messages wait for this future, whatever
    /// [`Server::spawned_per_connection`](crate::Server::spawned_per_connection) is. Nothing more is read from the client until
    /// `resume` has been called, so a client that sends faster than the application works is slowed down, and nothing is lost.
    ///
    /// Messages that have arrived when the transport breaks are delivered then, without waiting.
    ///
    /// ```
    /// use longwire::{Handler, MessageRef, Socket};
    /// use tokio::sync::mpsc::Sender;
    ///
    /// /// Called by `on_message`: passes a message on, and takes the next one when there was room for it.
    /// fn pass_on<H: Handler>(socket: &mut Socket<'_, H>, to: &Sender<String>, message: MessageRef<'_>) {
    ///     let Some(text) = message.as_text() else { return };
    ///     let (to, text) = (to.clone(), text.to_owned());
    ///     socket.spawn_and_wait(async move { to.send(text).await }, |_handler, _socket, _sent| ());
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the runtime that the server was started on has shut down.
    pub fn spawn_and_wait<T: Send + 'static>(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
        resume: impl FnOnce(&H, &mut Socket<'_, H>, T) + Send + 'static,
    ) {
        let number = self.context.next_number();
        if !self.open.end_was_reported {
            self.open.deferred().wait_for(number);
        }
        self.run(number, future, resume);
    }

    fn run<T: Send + 'static>(
        &mut self,
        number: u64,
        future: impl Future<Output = T> + Send + 'static,
        resume: impl FnOnce(&H, &mut Socket<'_, H>, T) + Send + 'static,
    ) {
        if self.open.end_was_reported {
            return;
        }
        let task = Box::pin(async move {
            let outcome = future.await;
            let call: ResumeCall<H> = Box::new(move |handler, socket| resume(handler, socket, outcome));
            Resumption::new(call)
        });
        let (mailbox, most) = (&self.context.mailbox, self.context.max_spawned);
        let deferred = self.open.deferred();
        deferred.spawn(task, number, self.key, mailbox, most);
        if deferred.is_busy(most) {
            // The connection's messages wait, as they do when it has used up its share of the round.
            self.open.share.left = 0;
        }
    }
}
