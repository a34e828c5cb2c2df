//! The state that the handles of one connection share, and the background task that works for it when no handle does.

#[cfg(feature = "server")]
pub(crate) mod attended;
mod both;
pub(crate) mod driver;
// Sessions are drivers too, and one of their transports is TLS.
#[cfg(test)]
#[cfg(all(feature = "server", feature = "tls"))]
mod model;
pub(crate) mod state;
mod teardown;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use longwire_proto::{CloseFrame, Closed, SendError};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::coop::poll_proceed;

use crate::connection::Connection;
use crate::connection::receive::Keeping;
use crate::error::Result;
use crate::established::{Negotiated, OpeningResults};
use crate::message::{Message, Outgoing};
use driver::{DrivenBy, Driver};
use state::{Change, Frames, SharedState, Write};

/// The state that the handles of one connection share.
pub(crate) struct Shared {
    state: Mutex<SharedState>,
    /// Wakes the tasks that wait. Not allocated until one does.
    waits: OnceLock<Box<Waits>>,
    /// Whether the attending task is running. It does the driver's work before it waits.
    in_turn: AtomicBool,
    runtime: Handle,
    pub(crate) opening: OpeningResults,
}

/// Wakes tasks that wait for a change.
#[derive(Debug, Default)]
struct Waits {
    /// For room or for a flush.
    room: Notify,
    /// For the end or for a pong.
    end: Notify,
}

impl Shared {
    pub(crate) fn new(
        connection: Connection,
        runtime: Handle,
        opening: Negotiated,
        driven_by: DrivenBy,
    ) -> Arc<Shared> {
        let driver = match driven_by {
            DrivenBy::Itself => Driver::NotStarted,
            #[cfg(feature = "server")]
            DrivenBy::Opener => Driver::Running { waker: None, scheduled: true, writing: false },
        };
        let state = SharedState::new(connection, driver);
        let keeps_time = state.connection.protocol.keeps_time();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            waits: OnceLock::new(),
            in_turn: AtomicBool::new(false),
            runtime,
            opening: opening.into(),
        });
        if keeps_time {
            shared.locked(SharedState::wake_driver);
        }
        shared
    }

    /// Polls for the next message or the end.
    pub(crate) fn poll_recv(self: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<Result<Option<Message>>> {
        self.poll_receive(Connection::next_message, cx)
    }

    /// Polls until `next` finds something in the received data, or for the end.
    pub(crate) fn poll_receive<T>(
        self: &Arc<Shared>,
        next: impl Fn(&mut Connection) -> Result<Option<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<T>>> {
        self.locked(|state| state.poll_receive(next, cx))
    }

    /// Waits for the end on behalf of a closing sink. Messages that arrive are kept for the receiver, up to a limit.
    pub(crate) fn poll_close(self: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<Keeping> {
        self.locked(|state| state.poll_close(cx))
    }

    /// Queues a message once there is room for it.
    pub(crate) fn send(
        self: &Arc<Shared>,
        message: Outgoing,
        write: Write,
    ) -> impl Future<Output = Result<()>> + Send {
        self.when_there_is_room(Frames::Message, |connection| connection.queue(message), write)
    }

    /// Sends a ping once there is room for it, waits for its pong, and returns the round-trip time.
    pub(crate) async fn ping(self: &Arc<Shared>) -> Result<Duration> {
        let mut number = None;
        let queue = |connection: &mut Connection| {
            number = Some(connection.queue_ping()?);
            Ok(())
        };
        self.when_there_is_room(Frames::Within, queue, Write::Soon).await?;
        let asked = AwaitedPing { shared: self, number: number.unwrap_or_default() };
        self.wait_until(Change::Pong, |state| state.took(asked.number)).await
    }

    /// Queues a ping with this payload once there is room for it.
    pub(crate) async fn send_ping(self: &Arc<Shared>, payload: &[u8]) -> Result<()> {
        let queue = |connection: &mut Connection| connection.protocol.send_ping(payload);
        self.when_there_is_room(Frames::Within, queue, Write::Soon).await
    }

    /// Queues a message, or returns it if there is no room.
    pub(crate) fn try_send(self: &Arc<Shared>, message: Outgoing) -> Result<Option<Message>> {
        self.locked(|state| {
            if !state.has_room(Frames::Message)? {
                return Ok(Some(message.message));
            }
            state.queue(|connection| connection.queue(message), Write::Soon)?;
            Ok(None)
        })
    }

    /// Queues a message for which there was room earlier, even if other tasks have used the room since.
    pub(crate) fn send_granted(self: &Arc<Shared>, message: Outgoing) -> Result<()> {
        self.locked(|state| state.queue(|connection| connection.queue(message), Write::Later))
    }

    /// Waits until a message, or a frame within one, can be queued.
    pub(crate) async fn room(self: &Arc<Shared>, frames: Frames) -> Result<()> {
        self.wait_until(Change::Room(frames), |state| match state.has_room(frames) {
            Ok(true) => Some(Ok(())),
            Ok(false) => {
                state.make_room();
                None
            }
            Err(error) => Some(Err(error)),
        })
        .await
    }

    /// Waits until the transport has taken all queued data.
    pub(crate) async fn flush(self: &Arc<Shared>) -> Result<()> {
        self.wait_until(Change::Flushed, |state| {
            state.is_flushed().map(|is_flushed| is_flushed.then_some(())).transpose()
        })
        .await
    }

    /// Writes pending data as far as the transport takes it at once; the rest is written in the background.
    #[cfg(feature = "server")]
    pub(crate) fn write(self: &Arc<Shared>) {
        self.locked(SharedState::write_now);
    }

    /// Begins the closing handshake if it has not begun.
    pub(crate) fn begin_close(self: &Arc<Shared>, frame: Option<CloseFrame>) {
        self.locked(|state| state.begin_close(frame));
    }

    /// Waits for the end of the connection. A task has to receive at the same time, or the close timeout has to pass.
    pub(crate) async fn ended(self: &Arc<Shared>) -> Closed {
        self.wait_until(Change::End, |state| state.is_end_certain().then(|| state.connection.closed())).await
    }

    /// How the connection ended, or would end if the transport vanished now.
    pub(crate) fn closed(&self) -> Closed {
        self.lock().connection.closed()
    }

    /// Whether messages can be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().connection.is_open()
    }

    /// The last measured round-trip time.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.lock().connection.protocol.round_trip()
    }

    /// How many bytes wait to be written.
    pub(crate) fn buffered(&self) -> usize {
        self.lock().connection.protocol.queued()
    }

    pub(crate) fn add_sender(&self) {
        self.lock().senders += 1;
    }

    pub(crate) fn remove_sender(self: &Arc<Shared>) {
        self.locked(SharedState::remove_sender);
    }

    pub(crate) fn remove_receiver(self: &Arc<Shared>) {
        self.locked(SharedState::remove_receiver);
    }

    /// Runs a step under the lock, then the follow-up work that it caused.
    #[inline]
    fn locked<T>(self: &Arc<Shared>, step: impl FnOnce(&mut SharedState) -> T) -> T {
        let mut state = self.lock();
        let outcome = step(&mut state);
        if state.is_anything_due() {
            self.follow(state);
        }
        outcome
    }

    /// Runs the follow-up work of a step after releasing the lock, because it can run foreign code that takes the lock:
    /// a runtime that is gone drops a new task at once, a waker can do anything, and a log may be sent over this very
    /// connection.
    fn follow(self: &Arc<Shared>, mut state: MutexGuard<'_, SharedState>) {
        let due = state.take_due();
        let driver = match &state.driver {
            Driver::Running { waker, .. } if due.wake && !self.in_turn.load(Ordering::Relaxed) => {
                waker.clone()
            }
            _ => None,
        };
        let receivers = if due.receiver { state.take_receivers() } else { [None, None] };
        let notes = state.connection.take_notes();
        drop(state);
        between_steps();
        if due.start {
            start(Driving(Arc::clone(self)), &self.runtime);
        }
        if let Some(waits) = self.waits.get() {
            if due.room {
                waits.room.notify_waiters();
            }
            if due.end {
                waits.end.notify_waiters();
            }
        }
        driver.into_iter().chain(receivers.into_iter().flatten()).for_each(Waker::wake);
        if let Some(notes) = notes {
            notes.log();
        }
    }

    fn lock(&self) -> MutexGuard<'_, SharedState> {
        between_steps();
        // No panic can leave the state half changed, so a poisoned lock is still usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Not an `async fn`: its future would store the arguments twice, and so would every future that awaits it.
    pub(crate) fn when_there_is_room(
        self: &Arc<Shared>,
        frames: Frames,
        queue: impl FnOnce(&mut Connection) -> Result<(), SendError> + Send,
        write: Write,
    ) -> impl Future<Output = Result<()>> + Send {
        let mut queue = Some(queue);
        async move {
            while !poll_fn(|cx| self.poll_queue(frames, &mut queue, write, cx)).await? {
                // Boxed, because waiting is rare, but every future that sends would contain it.
                Box::pin(self.room(frames)).await?;
            }
            Ok(())
        }
    }

    /// Returns whether `queue` was called; `false` if there is no room.
    fn poll_queue(
        self: &Arc<Shared>,
        frames: Frames,
        queue: &mut Option<impl FnOnce(&mut Connection) -> Result<(), SendError>>,
        write: Write,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool>> {
        self.locked(|state| {
            // A sender that never has to wait still yields to other tasks. It yields before the message is queued, so
            // that a dropped future has queued nothing. It does not yield between the replies to one read, so that they
            // leave in one write.
            if !state.connection.takes_an_answer() {
                ready!(poll_proceed(cx)).made_progress();
            }
            if !state.has_room(frames)? {
                return Poll::Ready(Ok(false));
            }
            if let Some(queue) = queue.take() {
                state.queue(queue, write)?;
            }
            Poll::Ready(Ok(true))
        })
    }

    async fn wait_until<T>(
        self: &Arc<Shared>,
        change: Change,
        mut check: impl FnMut(&mut SharedState) -> Option<T>,
    ) -> T {
        let waits = self.waits.get_or_init(Box::default);
        loop {
            let changed = match change {
                Change::Room(_) | Change::Flushed => waits.room.notified(),
                Change::Pong | Change::End => waits.end.notified(),
            };
            let found = self.locked(|state| {
                let found = check(state);
                if found.is_none() {
                    // Only now: changes that this check made concern other tasks.
                    state.await_change(change);
                }
                found
            });
            if let Some(value) = found {
                return value;
            }
            changed.await;
        }
    }
}

/// A sent ping whose pong a task awaits.
struct AwaitedPing<'a> {
    shared: &'a Arc<Shared>,
    number: u32,
}

impl Drop for AwaitedPing<'_> {
    fn drop(&mut self) {
        self.shared.locked(|state| state.connection.forget_ping(self.number));
    }
}

/// A point at which another thread may take a step: in the tests' model, another task does.
#[inline]
fn between_steps() {
    #[cfg(all(test, feature = "server", feature = "tls"))]
    model::between_steps();
}

/// Starts a driver. In the tests' model, it is polled by hand.
fn start(driving: Driving, runtime: &Handle) {
    #[cfg(all(test, feature = "server", feature = "tls"))]
    let Some(driving) = model::adopt(driving) else { return };
    runtime.spawn(driving);
}

/// The task that drives a connection. If it is dropped before the end, by a panic or with its runtime, the connection
/// ends, and no task waits for it forever.
struct Driving(Arc<Shared>);

impl Future for Driving {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.locked(|state| state.poll_drive(cx))
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.locked(SharedState::lose_driver);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("opening", &self.opening).finish_non_exhaustive()
    }
}
