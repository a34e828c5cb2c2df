//! How a connection stands, and every step that it takes while its handles' lock is held.

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

/// How often the driver reads before it lets other tasks go on.
const READS_PER_TURN: usize = 32;

/// How a connection stands. None of its methods waits, or takes a lock.
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
    /// Whether the queue has been above the high-water mark and not yet below the low one.
    congested: bool,
    awaited: Awaited,
    /// How far the connection was when the driver was last told.
    told: Teardown,
    due: Due,
}

/// What somebody waits for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Awaited {
    room: bool,
    room_within: bool,
    flush: bool,
    pong: bool,
    end: bool,
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Something can be queued.
    Room(Frames),
    /// The transport has taken everything that was queued.
    Flushed,
    /// The answer to a ping has come, or will not.
    Pong,
    /// The connection has ended.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    Gone,
}

/// What is to follow a step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// A task is to be started that drives the connection.
    pub(super) start: bool,
    /// The driver has been scheduled.
    pub(super) wake: bool,
    /// Who receives is to look again.
    pub(super) receiver: bool,
    /// Whoever waits for room is to look again.
    pub(super) room: bool,
    /// Whoever waits for the end is to look again.
    pub(super) end: bool,
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
            told: Teardown::default(),
            due: Due::default(),
        }
    }

    /// Whether anything is to follow the step that has been taken.
    #[inline]
    pub(super) fn is_anything_due(&mut self) -> bool {
        if self.awaited != Awaited::default() || !self.connection.is_open() {
            self.look_who_waits();
        }
        self.due != Due::default() || self.connection.has_notes()
    }

    /// Finds whoever waits for what is there, after each step and whoever took it. A step that brings something need not
    /// know who waits for it.
    #[cold]
    fn look_who_waits(&mut self) {
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
        // The driver keeps the deadline of the closing handshake, reads when nobody else does, and ends the transport.
        if stage != self.told {
            self.told = stage;
            self.wake_driver();
        }
    }

    /// What is to follow the step that has been taken.
    pub(super) fn take_due(&mut self) -> Due {
        if self.connection.take_news_of_pings() && mem::take(&mut self.awaited.pong) {
            self.due.end = true;
        }
        mem::take(&mut self.due)
    }

    /// Who receives, and a sink that closes, to be told to look again.
    pub(super) fn take_receivers(&mut self) -> [Option<Waker>; 2] {
        [self.receiver_waker.take(), self.closer.take().map(|closer| *closer)]
    }

    /// Somebody will wait for this.
    pub(super) fn await_change(&mut self, change: Change) {
        match change {
            Change::Room(Frames::Message) => self.awaited.room = true,
            Change::Room(Frames::Within) => self.awaited.room_within = true,
            Change::Flushed => self.awaited.flush = true,
            Change::Pong => self.awaited.pong = true,
            Change::End => self.awaited.end = true,
        }
    }

    /// What `next` finds among what arrives, or the end.
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
            // Everything that was read has been handled: this is the one write for the one read.
            self.write_now();
            if self.connection.has_ended() {
                self.receiver_waker = None;
                return Poll::Ready(Ok(None));
            }
            // After the last message, the driver reads.
            if self.connection.protocol.closed().is_some()
                || poll_read(&mut self.connection, cx, self.closer.as_deref()).is_pending()
            {
                if !self.receiver_waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    self.receiver_waker = Some(cx.waker().clone());
                }
                // Whoever waits for a pong does not rely on this one to come back: the driver reads, and wakes it.
                if self.connection.awaits_pong() {
                    self.wake_driver();
                }
                return Poll::Pending;
            }
        }
    }

    /// Waits for the end for a sink that closes, and reads for the time that the receiver does not: what arrives is kept
    /// for that. `Ready`: the connection has ended, or so much is kept that the receiver has to read the rest.
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

    /// How many bytes may wait while there is room.
    fn mark(&self) -> usize {
        let limits = &self.connection.protocol.config().limits;
        if self.congested { limits.low_water } else { limits.high_water }
    }

    /// Whether [`has_room`](SharedState::has_room) would say that there is room, or will be none.
    fn is_room_decided(&self, frames: Frames) -> bool {
        let is_in_turn = frames == Frames::Within || !self.connection.is_amid_message;
        !self.connection.is_open() || (is_in_turn && self.connection.protocol.queued() <= self.mark())
    }

    /// Has what was only fed written, since whoever needs room would wait for it for ever.
    pub(super) fn make_room(&mut self) {
        // A message in pieces is not ended by the driver.
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
        self.connection.settle();
        match write {
            Write::Later => {}
            // More messages were read together with the one that this may be the answer to: their answers go out in
            // one write. The receiver does it before it reads again; the driver, should the receiver not come back.
            Write::Soon if self.connection.has_unparsed() => self.wake_driver(),
            Write::Soon => self.write_now(),
        }
        Ok(())
    }

    /// Writes what the transport takes at once; the rest is left to the driver.
    pub(super) fn write_now(&mut self) {
        if self.driver.is_writing() || self.connection.is_quiet() {
            return;
        }
        // Nobody is woken when the transport takes bytes again: the driver, woken here, tries and waits for it.
        if self.connection.poll_write(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.wake_driver();
        }
    }

    /// Whether everything has been written; it is tried at once. An error: it will not be.
    pub(super) fn is_flushed(&mut self) -> Result<bool> {
        self.write_now();
        if self.is_flush_lost() {
            return Err(self.closed());
        }
        Ok(self.is_flush_decided())
    }

    /// Whether what was queued will never be written.
    fn is_flush_lost(&self) -> bool {
        let closed = self.connection.protocol.closed();
        self.connection.is_broken() || closed.is_some_and(|closed| !closed.clean)
    }

    fn is_flush_decided(&self) -> bool {
        // What has ended cleanly has said all that it had to say.
        self.is_flush_lost() || self.connection.is_flushed() || self.connection.has_ended()
    }

    /// How long the round trip of this ping took, when its answer is there. An error: it will not be.
    pub(super) fn took(&mut self, ping: u32) -> Option<Result<Duration>> {
        if let Some(took) = self.connection.took(ping) {
            return Some(Ok(took));
        }
        if self.is_pong_lost() {
            return Some(Err(self.closed()));
        }
        // It looks ahead while nobody receives.
        self.wake_driver();
        None
    }

    /// Whether whoever closes need not wait any more.
    pub(super) fn is_end_certain(&self) -> bool {
        self.connection.has_ended() || self.connection.is_lost()
    }

    /// Whether no answer to a ping will come any more.
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

    /// The driver's turn. `Ready`: the connection is over.
    pub(super) fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut writing = self.poll_exchange(cx).is_pending();
        while self.connection.poll_overdue(cx) {
            writing = self.poll_exchange(cx).is_pending();
        }
        if self.connection.has_looked_ahead() {
            self.due.receiver = true;
        }
        // It has seen that itself.
        self.told = Teardown::of(&self.connection);
        if self.connection.protocol.is_over() {
            self.driver = Driver::Done;
            return Poll::Ready(());
        }
        self.driver = Driver::Running { waker: Some(cx.waker().clone()), scheduled: false, writing };
        Poll::Pending
    }

    /// The driver is gone. If the connection is not over, this end goes away: nobody is left to write what waits, and to
    /// keep the times.
    pub(super) fn lose_driver(&mut self) {
        if matches!(self.driver, Driver::Done) {
            return;
        }
        self.driver = Driver::Done;
        self.connection.protocol.close(CloseFrame::new(1001, "").ok());
        let _as_far_as_it_goes = self.connection.poll_write(&mut Context::from_waker(Waker::noop()));
        self.connection.give_up();
    }

    /// Writes, and reads where it falls to the driver. `Pending`: the transport takes no more for now.
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
                // What was discarded may have asked for an answer.
                return self.connection.poll_write(cx);
            }
        }
        cx.waker().wake_by_ref();
        self.connection.poll_write(cx)
    }

    /// While the receiver takes nothing, the pong that somebody waits for may be behind what it has not taken.
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

    /// The receiver reads while the connection is open; after the last message nobody does but the driver.
    pub(super) fn driver_reads(&self) -> bool {
        let protocol = &self.connection.protocol;
        !protocol.is_over() && (self.receiver == Presence::Gone || protocol.closed().is_some())
    }

    fn closed(&self) -> Error {
        Error::Closed(Box::new(self.connection.closed()))
    }
}
