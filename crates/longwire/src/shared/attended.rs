//! A connection that is driven by the task that runs its handler: a server's session.
//!
//! Sharing one task saves the memory of a second one, and the wake-ups between them. The session takes turns: it polls
//! the handler, and then does the driver's work that came up in the meantime.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::Shared;
use super::driver::Driver;
use super::state::{Presence, SharedState};

/// The state of a connection after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    InUse,
    /// It is open, but no handle is left except one sender.
    Abandoned,
    /// This end has nothing left to write or to shut down.
    Settled,
}

impl Shared {
    /// Begins a turn. Until it ends, the attending task is not woken.
    pub(crate) fn begin_turn(&self) {
        // Tasks that would wake the attending one hold the lock, and so does `end_turn` when it checks whether to
        // drive. No wake-up is lost in between.
        self.in_turn.store(true, Ordering::Relaxed);
    }

    /// Ends a turn: does the driver's work.
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

    /// Ends turns until the connection is no longer in use.
    pub(crate) fn poll_out_of_use(self: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<Standing> {
        match self.end_turn(cx) {
            Standing::InUse => Poll::Pending,
            standing => Poll::Ready(standing),
        }
    }

    /// Ends turns until nothing is left to be written.
    pub(crate) fn poll_settled(self: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<()> {
        match self.end_turn(cx) {
            Standing::Settled => Poll::Ready(()),
            Standing::InUse | Standing::Abandoned => Poll::Pending,
        }
    }

    /// The attending task stops attending the connection: a separate driver does the remaining work.
    pub(crate) fn release(self: &Arc<Shared>) {
        self.locked(|state| {
            self.in_turn.store(false, Ordering::Relaxed);
            if let Driver::Running { .. } = state.driver {
                state.driver = Driver::NotStarted;
                state.wake_driver();
            }
        });
    }

    /// Whether the only handle left is one sender.
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

    /// Whether the driver has work. It may have been woken for replies that the receiver has written since; then it has
    /// none. If it runs in another task than before, it must register the new waker.
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
