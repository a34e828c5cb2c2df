//! What the handles and the transport of a session share.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use longwire::{MessageRef, SendStatus};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::close_reason::CloseReason;
use super::message::EngineMessage;
use super::session::EngineSession;
use super::sid::Sid;

/// Called when a session has ended other than by its transport, so that the application learns of it.
pub(crate) type OnEnd = dyn Fn(Sid) + Send + Sync;

/// What wakes the event loop of a WebSocket.
pub(crate) type WakeLoop = dyn Fn() + Send + Sync;

/// What the handles and the transport of a session share.
pub(crate) struct Link {
    sid: Sid,
    shared: Mutex<LinkState>,
    /// How many [pauses](super::Pause) there are.
    pauses: AtomicU32,
    /// Told when the transport has taken packets, when a pause has ended, and when the session has ended.
    taken: Notify,
    on_end: Arc<OnEnd>,
}

/// The part of a [`Link`] under its lock.
#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) session: EngineSession,
    pub(crate) wake: Wake,
}

/// Whom to wake when there is something for the client.
#[derive(Default)]
pub(crate) enum Wake {
    /// No poll waits.
    #[default]
    Nobody,
    /// A poll.
    Poll(Waker),
    /// The event loop of the WebSocket.
    Loop {
        wake: Arc<WakeLoop>,
        /// Whether the loop does not look by itself. It is woken once until it has looked.
        is_armed: bool,
    },
}

impl Link {
    pub(crate) fn new(sid: Sid, session: EngineSession, on_end: Arc<OnEnd>) -> Link {
        Link {
            sid,
            shared: Mutex::new(LinkState { session, wake: Wake::Nobody }),
            pauses: AtomicU32::new(0),
            taken: Notify::new(),
            on_end,
        }
    }

    pub(crate) fn sid(&self) -> Sid {
        self.sid
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What [`took`](Link::took) wakes from now on.
    pub(crate) fn drained(&self) -> Notified<'_> {
        self.taken.notified()
    }

    /// The transport has taken packets, or the session has ended.
    pub(crate) fn took(&self) {
        self.taken.notify_waiters();
    }

    /// The application wants no messages.
    pub(crate) fn pause(&self) {
        self.pauses.fetch_add(1, Ordering::AcqRel);
    }

    /// A pause has ended.
    pub(crate) fn resume(&self) {
        if self.pauses.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.lock().session.cannot_hear(Instant::now());
            self.taken.notify_waiters();
        }
    }

    /// Whether the application gets no messages at the moment.
    pub(crate) fn is_paused(&self) -> bool {
        self.pauses.load(Ordering::Acquire) > 0
    }

    /// Waits until the application wants messages, or the session has ended.
    pub(crate) async fn resumed(&self) {
        loop {
            let changed = self.taken.notified();
            if !self.is_paused() || self.lock().session.end().is_some() {
                return;
            }
            changed.await;
        }
    }

    /// Queues messages, and wakes the transport.
    pub(crate) fn send(&self, messages: impl IntoIterator<Item = EngineMessage>) -> SendStatus {
        let mut shared = self.lock();
        let status = shared.session.send(messages);
        self.wake(shared, status == SendStatus::Full);
        status
    }

    pub(crate) fn send_if_writable(&self, messages: impl IntoIterator<Item = EngineMessage>) -> SendStatus {
        let mut shared = self.lock();
        if shared.session.end().is_none() && !shared.session.is_writable() {
            return SendStatus::Full;
        }
        let status = shared.session.send(messages);
        self.wake(shared, status == SendStatus::Full);
        status
    }

    /// Takes note of a packet of the client, and returns the message in it. The event loop of a WebSocket is not woken until its
    /// turn is over.
    pub(crate) fn receive<'a>(&self, packet: MessageRef<'a>, now: Instant) -> Option<MessageRef<'a>> {
        let mut shared = self.lock();
        shared.wake.arm(false);
        self.step_under(shared, |session| session.receive(packet, now))
    }

    /// Does a step, and wakes the transport if the session has ended by it.
    pub(crate) fn step<T>(&self, step: impl FnOnce(&mut EngineSession) -> T) -> T {
        self.step_under(self.lock(), step)
    }

    fn step_under<T>(
        &self,
        mut shared: MutexGuard<'_, LinkState>,
        step: impl FnOnce(&mut EngineSession) -> T,
    ) -> T {
        let was_open = shared.session.end().is_none();
        let done = step(&mut shared.session);
        if was_open && shared.session.end().is_some() {
            self.wake(shared, true);
        }
        done
    }

    /// Does what is due, and returns when something will be.
    pub(crate) fn tick(&self, now: Instant) -> Option<Instant> {
        let mut shared = self.lock();
        if self.is_paused() {
            shared.session.cannot_hear(now);
        }
        let has_changed = shared.session.tick(now);
        let deadline = shared.session.deadline();
        if has_changed {
            self.wake(shared, false);
        }
        deadline
    }

    pub(crate) fn close(&self, reason: CloseReason) {
        self.step(|session| session.close(reason));
    }

    /// Wakes the transport after the lock is released. `has_ended`: the session has ended by this step.
    pub(crate) fn wake(&self, mut shared: MutexGuard<'_, LinkState>, has_ended: bool) {
        // A loop whose connection is full must learn that nothing more is waited for.
        let is_over = shared.session.closes_websocket().is_some();
        let woken = shared.wake.take(is_over);
        drop(shared);
        match woken {
            Wake::Nobody => {}
            Wake::Poll(waker) => waker.wake(),
            Wake::Loop { wake, .. } => wake(),
        }
        if has_ended {
            self.took();
            (self.on_end)(self.sid);
        }
    }
}

impl Wake {
    /// Whom to wake now, a loop that need not be woken only if `is_over`.
    fn take(&mut self, is_over: bool) -> Wake {
        match self {
            Wake::Nobody => Wake::Nobody,
            Wake::Poll(_) => std::mem::take(self),
            Wake::Loop { is_armed: false, .. } if !is_over => Wake::Nobody,
            Wake::Loop { wake, is_armed } => {
                *is_armed = false;
                Wake::Loop { wake: Arc::clone(wake), is_armed: true }
            }
        }
    }

    /// Sets whether the event loop must be woken.
    pub(crate) fn arm(&mut self, is_needed: bool) {
        if let Wake::Loop { is_armed, .. } = self {
            *is_armed = is_needed;
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("sid", &self.sid).finish_non_exhaustive()
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wake::Nobody => "Nobody",
            Wake::Poll(_) => "Poll",
            Wake::Loop { .. } => "Loop",
        })
    }
}
