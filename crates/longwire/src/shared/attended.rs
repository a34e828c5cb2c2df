//! A connection whose driver is the task that runs its handler: the server's session.
//!
//! One task for both saves the memory of the other, and waking it. The session takes turns: it lets the handler run, and
//! then does what has fallen to the driver meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::Shared;
use super::driver::Driver;
use super::state::{Presence, SharedState};

/// How a connection stands after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    InUse,
    /// It is open, and nobody holds a handle but one sender.
    Abandoned,
    /// Nothing of this end is left to be written, the end of the transport included.
    Settled,
}

impl Shared {
    /// Begins a turn. Until it ends, the task that attends the connection is not woken.
    pub(crate) fn begin_turn(&self) {
        // Whoever would wake the task holds the lock, and so does `end_turn` when it looks whether to drive: nothing is
        // missed between the two.
        self.in_turn.store(true, Ordering::Relaxed);
    }

    /// Ends a turn: does what there is to do for the driver.
    pub(crate) fn end_turn(self: &Arc<Shared>, cx: &mut Context<'_>) -> Standing {
        self.locked(|state| {
            self.in_turn.store(false, Ordering::Relaxed);
            if state.wants_driving(cx) {
                let _over = state.poll_drive(cx);
            } else if let Driver::Running { scheduled, .. } = &mut state.driver {
                *scheduled = false;
            }
            state.standing()
        })
    }

    /// Takes turns until the connection is no longer in use.
    pub(crate) fn poll_out_of_use(self: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<Standing> {
        match self.end_turn(cx) {
            Standing::InUse => Poll::Pending,
            standing => Poll::Ready(standing),
        }
    }

    /// Takes turns until nothing is left to be written.
    pub(crate) fn poll_settled(self: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<()> {
        match self.end_turn(cx) {
            Standing::Settled => Poll::Ready(()),
            Standing::InUse | Standing::Abandoned => Poll::Pending,
        }
    }

    /// The task that attended the connection does so no more: what is left to do, a task of its own does.
    pub(crate) fn release(self: &Arc<Shared>) {
        self.locked(|state| {
            self.in_turn.store(false, Ordering::Relaxed);
            if let Driver::Running { .. } = state.driver {
                state.driver = Driver::NotStarted;
                state.wake_driver();
            }
        });
    }

    /// Whether nobody holds a handle but one sender.
    pub(crate) fn has_one_sender_only(&self) -> bool {
        self.lock().has_one_sender_only()
    }
}

impl SharedState {
    fn standing(&self) -> Standing {
        if self.connection.is_settled() {
            Standing::Settled
        } else if self.has_one_sender_only() && self.connection.is_open() {
            Standing::Abandoned
        } else {
            Standing::InUse
        }
    }

    fn has_one_sender_only(&self) -> bool {
        self.receiver == Presence::Gone && self.senders == 1
    }

    /// Whether the driver has anything to do. It may have been woken for the answers to one read, which the receiver has
    /// written since; then it has not. In another task than before, it has to say anew whom to wake.
    fn wants_driving(&self, cx: &Context<'_>) -> bool {
        match &self.driver {
            Driver::NotStarted | Driver::Done => false,
            Driver::Running { waker: None, .. } | Driver::Running { writing: true, .. } => true,
            Driver::Running { waker: Some(waker), scheduled, .. } => {
                !waker.will_wake(cx.waker())
                    || self.connection.is_overdue()
                    || self.driver_reads()
                    || self.connection.awaits_pong()
                    || (*scheduled && !self.connection.is_quiet())
            }
        }
    }
}
