//! The state of a connection, and every step that its handles take under the lock.

use std::mem;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use longwire_proto::{CloseFrame, SendError};

use super::both::poll_read;
use super::driver::Driver;
use super::teardown::Teardown;
use crate::connection::Connection;
use crate::connection::receive::Keeping;
use crate::error::{Error, Result};
use crate::telemetry;

/// How often the driver reads before it yields to other tasks.
const READS_PER_TURN: usize = 32;

/// The state of a connection. Its methods never wait or take a lock.
pub(super) struct SharedState {
    pub(super) connection: Connection,
    pub(super) driver: Driver,
    /// Whether there is a `Receiver`. Without one, the driver reads and discards.
    pub(super) receiver: Presence,
    /// The receiver's task, while it waits.
    receiver_waker: Option<Waker>,
    /// The task of a sink that closes, while it waits for the end.
    closer: Option<Box<Waker>>,
    pub(super) senders: usize,
    /// Whether the queue has exceeded the high-water mark and not yet fallen below the low-water mark.
    congested: bool,
    awaited: Awaited,
    /// The teardown progress of which the driver was last notified.
    notified: Teardown,
    due: Due,
}

/// The changes that tasks wait for.
#[derive(Debug, Default)]
struct Awaited {
    room: bool,
    room_within: bool,
    flush: bool,
    pong: bool,
    end: bool,
}

/// A change that a task can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// There is room to queue these frames.
    Room(Frames),
    /// The transport has taken all queued data.
    Flushed,
    /// A pong has arrived, or can no longer arrive.
    Pong,
    /// The connection has ended.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    Gone,
}

/// Follow-up work of a step.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Start a driver task.
    pub(super) start: bool,
    /// Wake the driver.
    pub(super) wake: bool,
    /// Wake the receiver.
    pub(super) receiver: bool,
    /// Wake the tasks that wait for room.
    pub(super) room: bool,
    /// Wake the tasks that wait for the end.
    pub(super) end: bool,
}

/// When queued data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Soon: at once, or together with the replies to the same read.
    Soon,
    /// With the next flush.
    Later,
}

/// The kind of frames that wait for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frames {
    /// A message, or the first fragment of one.
    Message,
    /// Frames that may be sent between the fragments of a message, or are fragments (RFC 6455 §5.4).
    Within,
}

// Combined without branches, because this is checked for each message.
impl Awaited {
    #[inline]
    fn is_any(&self) -> bool {
        self.room | self.room_within | self.flush | self.pong | self.end
    }
}

impl Due {
    #[inline]
    fn is_any(&self) -> bool {
        self.start | self.wake | self.receiver | self.room | self.end
    }
}

impl SharedState {
    pub(super) fn new(connection: Connection, driver: Driver) -> SharedState {
        SharedState {
            connection,
            driver,
            receiver: Presence::Here,
            receiver_waker: None,
            closer: None,
            senders: 1,
            congested: false,
            awaited: Awaited::default(),
            notified: Teardown::default(),
            due: Due::default(),
        }
    }

    /// Whether the last step caused any follow-up work.
    #[inline]
    pub(super) fn is_anything_due(&mut self) -> bool {
        if self.awaited.is_any() || !self.connection.is_open() {
            self.find_waiters();
        }
        self.due.is_any() || self.connection.has_notes()
    }

    /// Finds the tasks whose awaited change has happened. It runs after every step, so a step that causes a change need
    /// not know which tasks wait for it.
    #[cold]
    fn find_waiters(&mut self) {
        let awaited = &self.awaited;
        let has_come = (awaited.room && self.is_room_decided(Frames::Message))
            || (awaited.room_within && self.is_room_decided(Frames::Within))
            || (awaited.flush && self.is_flush_decided());
        if has_come {
            self.awaited = Awaited { pong: awaited.pong, end: awaited.end, ..Awaited::default() };
            self.due.room = true;
        }
        if self.awaited.pong && self.is_pong_lost() {
            self.awaited.pong = false;
            self.due.end = true;
        }
        let stage = Teardown::of(&self.connection);
        if self.awaited.end && self.is_end_certain() {
            self.awaited.end = false;
            self.due.end = true;
        }
        if stage.has_ended {
            self.due.receiver |= self.receiver_waker.is_some() || self.closer.is_some();
        }
        // The driver enforces the deadline of the closing handshake, reads if no other task does, and ends the
        // transport.
        if stage != self.notified {
            self.notified = stage;
            self.wake_driver();
        }
    }

    /// Takes the follow-up work of the last step.
    pub(super) fn take_due(&mut self) -> Due {
        if self.connection.take_news_of_pings() && mem::take(&mut self.awaited.pong) {
            self.due.end = true;
        }
        mem::take(&mut self.due)
    }

    /// Takes the wakers of the receiver and of a closing sink.
    pub(super) fn take_receivers(&mut self) -> [Option<Waker>; 2] {
        [self.receiver_waker.take(), self.closer.take().map(|closer| *closer)]
    }

    /// Registers that a task will wait for this change.
    pub(super) fn await_change(&mut self, change: Change) {
        match change {
            Change::Room(Frames::Message) => self.awaited.room = true,
            Change::Room(Frames::Within) => self.awaited.room_within = true,
            Change::Flushed => self.awaited.flush = true,
            Change::Pong => self.awaited.pong = true,
            Change::End => self.awaited.end = true,
        }
    }

    /// Polls until `next` finds something in the received data, or for the end.
    #[inline]
    pub(super) fn poll_receive<T>(
        &mut self,
        next: impl Fn(&mut Connection) -> Result<Option<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<T>>> {
        loop {
            match next(&mut self.connection) {
                Ok(Some(found)) => {
                    if self.connection.awaits_pong() {
                        self.wake_driver();
                    }
                    return Poll::Ready(Ok(Some(found)));
                }
                Ok(None) => ready!(self.connection.poll_rest(cx)),
                Err(error) => {
                    self.write_now();
                    return Poll::Ready(Err(error));
                }
            }
            if let Some(failure) = self.connection.take_failure() {
                return Poll::Ready(Err(failure));
            }
            // All bytes of the last read are parsed: write the replies to them in one write.
            self.write_now();
            if self.connection.has_ended() {
                self.receiver_waker = None;
                return Poll::Ready(Ok(None));
            }
            // After the last message, only the driver reads.
            if self.connection.protocol.closed().is_some()
                || poll_read(&mut self.connection, cx, self.closer.as_deref()).is_pending()
            {
                if !self.receiver_waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    self.receiver_waker = Some(cx.waker().clone());
                }
                // A task that awaits a pong cannot rely on the receiver to return: the driver reads, too, and wakes it.
                if self.connection.awaits_pong() {
                    self.wake_driver();
                }
                return Poll::Pending;
            }
        }
    }

    /// Waits for the end on behalf of a closing sink, and reads while the receiver does not; messages are kept for the
    /// receiver. `Ready` if the connection has ended, or if so much is kept that the receiver has to read the rest.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Keeping> {
        loop {
            let keeping = self.connection.keep_messages().unwrap_or_else(|error| {
                self.connection.fail(error);
                Keeping::More
            });
            ready!(self.connection.poll_rest(cx));
            self.due.receiver |= self.connection.has_kept() && self.receiver_waker.is_some();
            self.write_now();
            if keeping == Keeping::Full || self.connection.has_ended() {
                self.closer = None;
                return Poll::Ready(keeping);
            }
            if self.connection.protocol.closed().is_some()
                || poll_read(&mut self.connection, cx, self.receiver_waker.as_ref()).is_pending()
            {
                self.closer = Some(Box::new(cx.waker().clone()));
                return Poll::Pending;
            }
        }
    }

    pub(super) fn has_room(&mut self, frames: Frames) -> Result<bool> {
        if !self.connection.is_open() {
            return Err(self.closed());
        }
        let congested = self.connection.protocol.queued() > self.mark();
        if congested && !self.congested {
            telemetry::backpressure(self.connection.protocol.role());
        }
        self.congested = congested;
        Ok(!congested && (frames == Frames::Within || !self.connection.is_amid_message))
    }

    /// The queue length up to which there is room, in bytes.
    fn mark(&self) -> usize {
        let limits = &self.connection.protocol.config().limits;
        if self.congested { limits.low_water } else { limits.high_water }
    }

    /// Whether [`has_room`](SharedState::has_room) would return `true` or an error.
    fn is_room_decided(&self, frames: Frames) -> bool {
        let is_in_turn = frames == Frames::Within || !self.connection.is_amid_message;
        !self.connection.is_open() || (is_in_turn && self.connection.protocol.queued() <= self.mark())
    }

    /// Has fed data written; a task that needs room would otherwise wait forever.
    pub(super) fn make_room(&mut self) {
        // The driver cannot end a message that is sent in pieces.
        if self.congested && !self.driver.is_writing() {
            self.wake_driver();
        }
    }

    #[inline]
    pub(super) fn queue(
        &mut self,
        queue: impl FnOnce(&mut Connection) -> Result<(), SendError>,
        write: Write,
    ) -> Result<()> {
        queue(&mut self.connection).map_err(|error| match error {
            SendError::Closed => self.closed(),
            other => Error::Send(other),
        })?;
        // What was written at once is never held. What waits for a write is counted then.
        match write {
            Write::Later => self.connection.settle(),
            // More messages arrived in the same read, and this message may reply to one of them. All replies leave in
            // one write: the receiver writes them before it reads again, or else the driver does.
            Write::Soon if self.connection.has_unparsed() => self.wake_driver(),
            Write::Soon => {
                self.write_now();
                self.connection.settle();
            }
        }
        Ok(())
    }

    /// Writes what the transport takes at once; the driver writes the rest.
    pub(super) fn write_now(&mut self) {
        if self.driver.is_writing() || self.connection.is_quiet() {
            return;
        }
        // No waker is registered here. If the write is pending, the driver tries again and registers its own.
        if self.connection.poll_write(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.wake_driver();
        }
    }

    /// Tries to write and returns whether everything is written. An error if it never will be.
    pub(super) fn is_flushed(&mut self) -> Result<bool> {
        self.write_now();
        if self.is_flush_lost() {
            return Err(self.closed());
        }
        Ok(self.is_flush_decided())
    }

    /// Whether queued data will never be written.
    fn is_flush_lost(&self) -> bool {
        let closed = self.connection.protocol.closed();
        self.connection.is_broken() || closed.is_some_and(|closed| !closed.clean)
    }

    fn is_flush_decided(&self) -> bool {
        // After a clean end, nothing is left to be written.
        self.is_flush_lost() || self.connection.is_flushed() || self.connection.has_ended()
    }

    /// The round-trip time of this ping if its pong has arrived. An error if it never will.
    pub(super) fn took(&mut self, ping: u32) -> Option<Result<Duration>> {
        if let Some(took) = self.connection.took(ping) {
            return Some(Ok(took));
        }
        if self.is_pong_lost() {
            return Some(Err(self.closed()));
        }
        // The driver looks ahead while no task receives.
        self.wake_driver();
        None
    }

    /// Whether `close` may stop waiting.
    pub(super) fn is_end_certain(&self) -> bool {
        self.connection.has_ended() || self.connection.is_lost()
    }

    /// Whether no pong can arrive any more.
    fn is_pong_lost(&self) -> bool {
        let connection = &self.connection;
        connection.has_ended() || connection.is_settled() || connection.is_end_ahead()
    }

    pub(super) fn begin_close(&mut self, frame: Option<CloseFrame>) {
        self.connection.protocol.close(frame);
        self.write_now();
    }

    pub(super) fn remove_sender(&mut self) {
        self.senders -= 1;
        self.close_if_abandoned();
        if self.receiver == Presence::Gone {
            self.wake_driver();
        }
    }

    pub(super) fn remove_receiver(&mut self) {
        self.receiver = Presence::Gone;
        self.receiver_waker = None;
        self.connection.discard_kept();
        self.close_if_abandoned();
        self.wake_driver();
    }

    fn close_if_abandoned(&mut self) {
        if self.receiver == Presence::Gone && self.senders == 0 && self.connection.is_open() {
            self.begin_close(CloseFrame::new(1001, "").ok());
        }
    }

    pub(super) fn wake_driver(&mut self) {
        match &mut self.driver {
            Driver::NotStarted if self.connection.protocol.is_over() => {}
            Driver::NotStarted => {
                self.driver = Driver::Running { waker: None, scheduled: true, writing: false };
                self.due.start = true;
            }
            Driver::Running { waker: Some(_), scheduled: scheduled @ false, .. } => {
                *scheduled = true;
                self.due.wake = true;
            }
            Driver::Running { .. } | Driver::Done => {}
        }
    }

    /// Polls the driver. `Ready` if the connection is over.
    pub(super) fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut writing = self.poll_exchange(cx).is_pending();
        while self.connection.poll_overdue(cx) {
            writing = self.poll_exchange(cx).is_pending();
        }
        if self.connection.has_looked_ahead() {
            self.due.receiver = true;
        }
        // The driver has just seen this progress; it needs no wake-up for it.
        self.notified = Teardown::of(&self.connection);
        if self.connection.protocol.is_over() {
            self.driver = Driver::Done;
            return Poll::Ready(());
        }
        self.driver = Driver::Running { waker: Some(cx.waker().clone()), scheduled: false, writing };
        Poll::Pending
    }

    /// Handles the loss of the driver. If the connection is not over, this end closes it: no task is left to write
    /// pending data and to enforce the time limits.
    pub(super) fn lose_driver(&mut self) {
        if matches!(self.driver, Driver::Done) {
            return;
        }
        self.driver = Driver::Done;
        self.connection.protocol.close(CloseFrame::new(1001, "").ok());
        let _as_far_as_it_goes = self.connection.poll_write(&mut Context::from_waker(Waker::noop()));
        self.connection.give_up();
    }

    /// Writes, and reads if that is the driver's job. `Pending` if the transport takes no more for now.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..READS_PER_TURN {
            let written = self.connection.poll_write(cx);
            if !self.driver_reads() {
                self.look_ahead(cx);
                return written;
            }
            if self.connection.is_broken() {
                self.connection.give_up();
            }
            if self.connection.poll_discard(cx).is_pending() {
                // The discarded data may have required a reply.
                return self.connection.poll_write(cx);
            }
        }
        cx.waker().wake_by_ref();
        self.connection.poll_write(cx)
    }

    /// Looks for an awaited pong behind the data that the receiver has not taken.
    fn look_ahead(&mut self, cx: &mut Context<'_>) {
        if self.connection.awaits_pong() {
            self.connection.look_for_pongs();
        }
        for _ in 0..READS_PER_TURN {
            if !self.connection.wants_to_look_ahead() || self.connection.poll_ahead(cx).is_pending() {
                return;
            }
            self.due.receiver = true;
        }
        cx.waker().wake_by_ref();
    }

    /// Whether the driver reads. The receiver reads while the connection is open; after the last message only the
    /// driver does.
    pub(super) fn driver_reads(&self) -> bool {
        let protocol = &self.connection.protocol;
        !protocol.is_over() && (self.receiver == Presence::Gone || protocol.closed().is_some())
    }

    fn closed(&self) -> Error {
        Error::Closed(Box::new(self.connection.closed()))
    }
}
