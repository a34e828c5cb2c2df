//! How a connection stands, and every step that it takes while its handles' lock is held.

use std::mem;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use longwire_proto::{CloseFrame, SendError};

use super::driver::Driver;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::telemetry;

/// How often the driver reads before it lets other tasks go on.
const READS_PER_TURN: usize = 32;

/// How a connection stands. None of its methods waits, or takes a lock.
pub(super) struct State {
    pub(super) connection: Connection,
    pub(super) driver: Driver,
    /// Whether there is a `Receiver`. Without one, the driver reads and discards.
    pub(super) receiver: Presence,
    /// Who waits in `recv` for what the driver does.
    receiver_waker: Option<Waker>,
    pub(super) senders: usize,
    /// Whether the queue has been above the high-water mark and not yet below the low one.
    congested: bool,
    awaited: Awaited,
    due: Due,
}

/// What somebody waits for.
#[derive(Debug, Default)]
struct Awaited {
    room: bool,
    end: bool,
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Some of what waited to be written has been.
    Room,
    /// The connection has come nearer to its end, or a ping was answered.
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

impl State {
    pub(super) fn new(connection: Connection, driver: Driver) -> State {
        State {
            connection,
            driver,
            receiver: Presence::Here,
            receiver_waker: None,
            senders: 1,
            congested: false,
            awaited: Awaited::default(),
            due: Due::default(),
        }
    }

    /// Whether anything is to follow the step that has been taken.
    pub(super) fn is_anything_due(&self) -> bool {
        self.due != Due::default() || self.connection.has_notes()
    }

    /// What is to follow the step that has been taken.
    pub(super) fn take_due(&mut self) -> Due {
        if self.connection.take_news_of_pings() && mem::take(&mut self.awaited.end) {
            self.due.end = true;
        }
        mem::take(&mut self.due)
    }

    /// Who receives, to be told to look again.
    pub(super) fn take_receiver(&mut self) -> Option<Waker> {
        self.receiver_waker.take()
    }

    /// Somebody will wait for this.
    pub(super) fn await_change(&mut self, change: Change) {
        match change {
            Change::Room => self.awaited.room = true,
            Change::End => self.awaited.end = true,
        }
    }

    fn room_has_changed(&mut self) {
        if mem::take(&mut self.awaited.room) {
            self.due.room = true;
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
                    self.wake_driver();
                    return Poll::Ready(Err(error));
                }
            }
            if let Some(failure) = self.connection.take_failure() {
                return Poll::Ready(Err(failure));
            }
            // Everything that was read has been handled: this is the one write for the one read.
            self.write_now();
            if self.connection.has_ended() {
                self.wake_driver();
                return Poll::Ready(Ok(None));
            }
            if self.connection.protocol.closed().is_some() {
                self.receiver_waker = Some(cx.waker().clone());
                self.wake_driver();
                return Poll::Pending;
            }
            if self.connection.poll_read(cx).is_pending() {
                // The driver wakes the receiver if it gives the connection up.
                if !self.receiver_waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    self.receiver_waker = Some(cx.waker().clone());
                }
                // Whoever waits for a pong does not rely on this one to come back: the driver reads, and wakes it.
                if self.connection.awaits_pong() {
                    self.wake_driver();
                }
                return Poll::Pending;
            }
            self.tell_if_ended();
        }
    }

    pub(super) fn has_room(&mut self, frames: Frames) -> Result<bool> {
        if !self.connection.is_open() {
            return Err(self.closed());
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
        let mut cx = Context::from_waker(Waker::noop());
        let before = self.connection.protocol.queued();
        let was_settled = self.connection.is_settled();
        if self.connection.poll_write(&mut cx).is_pending() || self.connection.is_settled() != was_settled {
            self.wake_driver();
        }
        // Only what has changed is told: whoever waits for it calls this, too, and would wake itself for ever.
        if self.connection.protocol.queued() < before {
            self.room_has_changed();
        }
        self.tell_if_ended();
    }

    /// Whether everything has been written; it is tried at once. An error: it will not be.
    pub(super) fn is_flushed(&mut self) -> Result<bool> {
        self.write_now();
        let connection = &self.connection;
        let closed = connection.protocol.closed();
        if connection.is_broken() || closed.is_some_and(|closed| !closed.clean) {
            return Err(self.closed());
        }
        // What has ended cleanly has said all that it had to say.
        Ok(connection.is_flushed() || connection.has_ended())
    }

    /// How long the round trip of this ping took, when its answer is there. An error: it will not be.
    pub(super) fn took(&mut self, ping: u32) -> Option<Result<Duration>> {
        if let Some(took) = self.connection.took(ping) {
            return Some(Ok(took));
        }
        let connection = &self.connection;
        if connection.has_ended() || connection.is_settled() || connection.is_end_ahead() {
            return Some(Err(self.closed()));
        }
        // It looks ahead while nobody receives.
        self.wake_driver();
        None
    }

    pub(super) fn begin_close(&mut self, frame: Option<CloseFrame>) {
        self.connection.protocol.close(frame);
        self.write_now();
        // The closing handshake has a deadline, which the driver keeps.
        self.wake_driver();
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
        self.close_if_abandoned();
        self.wake_driver();
    }

    fn close_if_abandoned(&mut self) {
        if self.receiver == Presence::Gone && self.senders == 0 && self.connection.is_open() {
            self.begin_close(CloseFrame::new(1001, "").ok());
        }
    }

    fn tell_if_ended(&mut self) {
        let has_ended = self.connection.has_ended();
        if (has_ended || self.connection.is_settled()) && mem::take(&mut self.awaited.end) {
            self.due.end = true;
        }
        // Nobody waits for ever for room in a connection that has none any more.
        if has_ended {
            self.room_has_changed();
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
            writing = self.connection.poll_write(cx).is_pending();
        }
        self.driven();
        if self.connection.has_looked_ahead() {
            self.due.receiver = true;
        }
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
        self.driven();
    }

    /// Tells whoever waits for what the driver does.
    fn driven(&mut self) {
        self.room_has_changed();
        self.tell_if_ended();
        if self.connection.has_ended() {
            self.due.receiver = true;
        }
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
