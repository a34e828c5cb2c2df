//! What the handles of one connection share, and the task that does what nobody else is there to do.

#[cfg(feature = "server")]
pub(crate) mod attended;
pub(crate) mod driver;

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use longwire_proto::{CloseFrame, Closed, SendError};
use tokio::runtime::Handle;
use tokio::task::coop::poll_proceed;

use crate::bell::Bell;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::message::{Message, Outgoing};
use crate::opening::Opening;
use crate::telemetry;
use driver::{DrivenBy, Driver};

/// How often the driver reads before it lets other tasks go on.
const READS_PER_TURN: usize = 32;

/// What the handles of one connection share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Rung when some of what waited to be written has been.
    room: Bell,
    /// Rung when the connection has come nearer to its end.
    end: Bell,
    /// Whether the task that attends the connection is at it, and will do what the driver is to do before it waits.
    in_turn: AtomicBool,
    runtime: Handle,
    pub(crate) opening: Opening,
}

struct State {
    connection: Connection,
    driver: Driver,
    /// Whether there is a `Receiver`. Without one, the driver reads and discards.
    receiver: Presence,
    /// Who waits in `recv` for what the driver does.
    receiver_waker: Option<Waker>,
    senders: usize,
    /// Whether the queue has been above the high-water mark and not yet below the low one.
    congested: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Here,
    Gone,
}

/// When something that was queued is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Soon: at once, or together with the answers to what was read with it.
    Soon,
    /// With the next flush.
    Later,
}

/// What waits for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frames {
    /// A message, or the first fragment of one.
    Message,
    /// What may go between the fragments of a message, or is one (RFC 6455 §5.4).
    Within,
}

impl Shared {
    pub(crate) fn new(
        connection: Connection,
        runtime: Handle,
        opening: Opening,
        driven_by: DrivenBy,
    ) -> Arc<Shared> {
        let state = State {
            connection,
            driver: match driven_by {
                DrivenBy::Itself => Driver::NotStarted,
                #[cfg(feature = "server")]
                DrivenBy::Opener => Driver::Running { waker: None, scheduled: true, writing: false },
            },
            receiver: Presence::Here,
            receiver_waker: None,
            senders: 1,
            congested: false,
        };
        let keeps_time = state.connection.protocol.keeps_time();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            room: Bell::default(),
            end: Bell::default(),
            in_turn: AtomicBool::new(false),
            runtime,
            opening,
        });
        if keeps_time {
            shared.wake_driver(&mut shared.lock());
        }
        shared
    }

    /// The next message, or the end.
    pub(crate) fn poll_recv(self: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<Result<Option<Message>>> {
        self.poll_receive(Connection::next_message, cx)
    }

    /// What `next` finds among what arrives, or the end.
    pub(crate) fn poll_receive<T>(
        self: &Arc<Shared>,
        next: impl Fn(&mut Connection) -> Result<Option<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<T>>> {
        let mut state = self.lock();
        loop {
            match next(&mut state.connection) {
                Ok(Some(found)) => return Poll::Ready(Ok(Some(found))),
                Ok(None) => {}
                Err(error) => {
                    self.write_now(&mut state);
                    self.wake_driver(&mut state);
                    return Poll::Ready(Err(error));
                }
            }
            if let Some(failure) = state.connection.take_failure() {
                return Poll::Ready(Err(failure));
            }
            // Everything that was read has been handled: this is the one write for the one read.
            self.write_now(&mut state);
            if state.connection.has_ended() {
                self.wake_driver(&mut state);
                return Poll::Ready(Ok(None));
            }
            if state.connection.protocol.closed().is_some() {
                state.receiver_waker = Some(cx.waker().clone());
                self.wake_driver(&mut state);
                return Poll::Pending;
            }
            if state.connection.poll_read(cx).is_pending() {
                // The driver wakes the receiver if it gives the connection up.
                if !state.receiver_waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    state.receiver_waker = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
            self.ring_if_ended(&state);
        }
    }

    /// Queues a message when there is room for it.
    pub(crate) fn send(
        self: &Arc<Shared>,
        message: Outgoing,
        write: Write,
    ) -> impl Future<Output = Result<()>> + Send {
        self.when_there_is_room(Frames::Message, |connection| connection.queue(message), write)
    }

    /// Queues a ping when there is room for it.
    pub(crate) async fn ping(self: &Arc<Shared>, payload: &[u8]) -> Result<()> {
        let queue = |connection: &mut Connection| connection.protocol.send_ping(payload);
        self.when_there_is_room(Frames::Within, queue, Write::Soon).await
    }

    /// Queues a message, or gives it back if there is no room.
    pub(crate) fn try_send(self: &Arc<Shared>, message: Outgoing) -> Result<Option<Message>> {
        let mut state = self.lock();
        if !state.has_room(Frames::Message)? {
            return Ok(Some(message.message));
        }
        self.queue(&mut state, |connection| connection.queue(message), Write::Soon)?;
        Ok(None)
    }

    /// Queues a message for which there was room, even if others have taken it since.
    pub(crate) fn send_granted(self: &Arc<Shared>, message: Outgoing) -> Result<()> {
        let mut state = self.lock();
        self.queue(&mut state, |connection| connection.queue(message), Write::Later)
    }

    /// Waits until a message, or something within one, can be queued.
    pub(crate) async fn room(self: &Arc<Shared>, frames: Frames) -> Result<()> {
        self.wait_until(&self.room, |state| match state.has_room(frames) {
            Ok(true) => Some(Ok(())),
            Ok(false) => {
                // A message in pieces is not ended by the driver.
                if state.congested {
                    self.make_room(state);
                }
                None
            }
            Err(error) => Some(Err(error)),
        })
        .await
    }

    /// Waits until the transport has taken everything that was queued.
    pub(crate) async fn flush(self: &Arc<Shared>) -> Result<()> {
        self.wait_until(&self.room, |state| {
            self.write_now(state);
            let connection = &state.connection;
            let lost =
                connection.is_broken() || connection.protocol.closed().is_some_and(|closed| !closed.clean);
            if lost {
                return Some(Err(Error::Closed(Box::new(connection.closed()))));
            }
            connection.is_flushed().then_some(Ok(()))
        })
        .await
    }

    /// Writes what waits, as far as the transport takes it at once; the rest follows by itself.
    #[cfg(feature = "server")]
    pub(crate) fn write(self: &Arc<Shared>) {
        let mut state = self.lock();
        self.write_now(&mut state);
    }

    /// Begins the closing handshake, unless it has begun.
    pub(crate) fn begin_close(self: &Arc<Shared>, frame: Option<CloseFrame>) {
        let mut state = self.lock();
        self.begin_close_locked(&mut state, frame);
    }

    /// Waits for the end of the connection. Someone has to receive meanwhile, or the time for closing has to pass.
    pub(crate) async fn ended(&self) -> Closed {
        self.wait_until(&self.end, |state| state.connection.has_ended().then(|| state.connection.closed()))
            .await
    }

    /// How the connection ended, or would end if the transport vanished now.
    pub(crate) fn closed(&self) -> Closed {
        self.lock().connection.closed()
    }

    /// Whether messages can be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().connection.is_open()
    }

    /// The round-trip time, as the keepalive last measured it.
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
        let mut state = self.lock();
        state.senders -= 1;
        self.close_if_abandoned(&mut state);
        if state.receiver == Presence::Gone {
            self.wake_driver(&mut state);
        }
    }

    pub(crate) fn remove_receiver(self: &Arc<Shared>) {
        let mut state = self.lock();
        state.receiver = Presence::Gone;
        state.receiver_waker = None;
        self.close_if_abandoned(&mut state);
        self.wake_driver(&mut state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock leaves the state half changed, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Not an `async fn`: its future would have room for the arguments twice, and so would each that awaits it.
    pub(crate) fn when_there_is_room(
        self: &Arc<Shared>,
        frames: Frames,
        queue: impl FnOnce(&mut Connection) -> Result<(), SendError> + Send,
        write: Write,
    ) -> impl Future<Output = Result<()>> + Send {
        let mut queue = Some(queue);
        async move {
            while !poll_fn(|cx| self.poll_queue(frames, &mut queue, write, cx)).await? {
                // Boxed, because it is rare, and every connection that sends has room for the future.
                Box::pin(self.room(frames)).await?;
            }
            Ok(())
        }
    }

    /// `true`: what is in `queue` has been done; `false`: there is no room for it.
    fn poll_queue(
        self: &Arc<Shared>,
        frames: Frames,
        queue: &mut Option<impl FnOnce(&mut Connection) -> Result<(), SendError>>,
        write: Write,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool>> {
        let mut state = self.lock();
        // A sender that never has to wait still lets other tasks have their turn: before the message is queued, so that a
        // dropped future has not queued it, and not between the answers to one read, which leave in one write.
        if !state.connection.has_unparsed() {
            ready!(poll_proceed(cx)).made_progress();
        }
        if !state.has_room(frames)? {
            return Poll::Ready(Ok(false));
        }
        if let Some(queue) = queue.take() {
            self.queue(&mut state, queue, write)?;
        }
        Poll::Ready(Ok(true))
    }

    async fn wait_until<T>(&self, bell: &Bell, mut check: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let rung = bell.listen();
            {
                let mut state = self.lock();
                if let Some(value) = check(&mut state) {
                    return value;
                }
                bell.wanted();
            }
            rung.await;
        }
    }

    fn queue(
        self: &Arc<Shared>,
        state: &mut State,
        queue: impl FnOnce(&mut Connection) -> Result<(), SendError>,
        write: Write,
    ) -> Result<()> {
        queue(&mut state.connection).map_err(|error| match error {
            SendError::Closed => Error::Closed(Box::new(state.connection.closed())),
            other => Error::Send(other),
        })?;
        state.connection.settle();
        match write {
            Write::Later => {}
            // More messages were read together with the one that this may be the answer to: their answers go out in
            // one write. The receiver does it before it reads again; the driver, should the receiver not come back.
            Write::Soon if state.connection.has_unparsed() => self.wake_driver(state),
            Write::Soon => self.write_now(state),
        }
        Ok(())
    }

    fn begin_close_locked(self: &Arc<Shared>, state: &mut State, frame: Option<CloseFrame>) {
        state.connection.protocol.close(frame);
        self.write_now(state);
        // The closing handshake has a deadline, which the driver keeps.
        self.wake_driver(state);
    }

    fn close_if_abandoned(self: &Arc<Shared>, state: &mut State) {
        if state.receiver == Presence::Gone && state.senders == 0 && state.connection.is_open() {
            self.begin_close_locked(state, CloseFrame::new(1001, "").ok());
        }
    }

    /// Writes what the transport takes at once; the rest is left to the driver.
    fn write_now(self: &Arc<Shared>, state: &mut State) {
        if state.driver.is_writing() || state.connection.is_quiet() {
            return;
        }
        // Nobody is woken when the transport takes bytes again: the driver, woken here, tries and waits for it.
        let mut cx = Context::from_waker(Waker::noop());
        let before = state.connection.protocol.queued();
        let was_settled = state.connection.is_settled();
        if state.connection.poll_write(&mut cx).is_pending() || state.connection.is_settled() != was_settled {
            self.wake_driver(state);
        }
        // Only what has changed is told: whoever waits for it calls this, too, and would wake itself for ever.
        if state.connection.protocol.queued() < before {
            self.room.ring();
        }
        self.ring_if_ended(state);
    }

    /// Has what was only fed written, since whoever needs room would wait for it for ever.
    fn make_room(self: &Arc<Shared>, state: &mut State) {
        if !state.driver.is_writing() {
            self.wake_driver(state);
        }
    }

    fn ring_if_ended(&self, state: &State) {
        if state.connection.is_settled() || state.connection.has_ended() {
            self.end.ring();
        }
        // Nobody waits for ever for room in a connection that has none any more.
        if state.connection.has_ended() {
            self.room.ring();
        }
    }

    fn wake_driver(self: &Arc<Shared>, state: &mut State) {
        match &mut state.driver {
            Driver::NotStarted if state.connection.protocol.is_over() => {}
            Driver::NotStarted => {
                state.driver = Driver::Running { waker: None, scheduled: true, writing: false };
                let shared = Arc::clone(self);
                self.runtime.spawn(poll_fn(move |cx| shared.poll_drive(cx)));
            }
            Driver::Running { waker: Some(waker), scheduled: scheduled @ false, .. } => {
                *scheduled = true;
                if !self.in_turn.load(Ordering::Relaxed) {
                    waker.wake_by_ref();
                }
            }
            Driver::Running { .. } | Driver::Done => {}
        }
    }

    /// The driver's turn. `Ready`: the connection is over.
    fn poll_drive(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.drive(&mut self.lock(), cx)
    }

    fn drive(&self, state: &mut State, cx: &mut Context<'_>) -> Poll<()> {
        let mut writing = state.poll_exchange(cx).is_pending();
        while state.connection.poll_overdue(cx) {
            writing = state.connection.poll_write(cx).is_pending();
        }
        self.room.ring();
        self.ring_if_ended(state);
        if state.connection.has_ended()
            && let Some(waker) = state.receiver_waker.take()
        {
            waker.wake();
        }
        if state.connection.protocol.is_over() {
            state.driver = Driver::Done;
            return Poll::Ready(());
        }
        state.driver = Driver::Running { waker: Some(cx.waker().clone()), scheduled: false, writing };
        Poll::Pending
    }
}

impl State {
    /// Writes, and reads where it falls to the driver. `Pending`: the transport takes no more for now.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..READS_PER_TURN {
            let written = self.connection.poll_write(cx);
            if !self.driver_reads() {
                return written;
            }
            if self.connection.is_broken() {
                self.connection.give_up();
            }
            if self.connection.poll_discard(cx).is_pending() {
                // What was discarded may have asked for an answer.
                return self.connection.poll_write(cx);
            }
        }
        cx.waker().wake_by_ref();
        self.connection.poll_write(cx)
    }

    fn has_room(&mut self, frames: Frames) -> Result<bool> {
        if !self.connection.is_open() {
            return Err(Error::Closed(Box::new(self.connection.closed())));
        }
        let protocol = &self.connection.protocol;
        let limits = &protocol.config().limits;
        let mark = if self.congested { limits.low_water } else { limits.high_water };
        let congested = protocol.queued() > mark;
        if congested && !self.congested {
            telemetry::backpressure(protocol.role());
        }
        self.congested = congested;
        Ok(!congested && (frames == Frames::Within || !self.connection.is_amid_message))
    }

    /// The receiver reads while the connection is open; after the last message nobody does but the driver.
    fn driver_reads(&self) -> bool {
        let protocol = &self.connection.protocol;
        !protocol.is_over() && (self.receiver == Presence::Gone || protocol.closed().is_some())
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("opening", &self.opening).finish_non_exhaustive()
    }
}
