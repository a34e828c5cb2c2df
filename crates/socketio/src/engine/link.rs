//! What the handles and the transport of a session share.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use longwire::SendStatus;

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
    shared: Mutex<Shared>,
    on_end: Arc<OnEnd>,
}

/// The part of a [`Link`] under its lock.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) session: EngineSession,
    pub(crate) wake: Wake,
}

/// Whom to wake when there is something for the client.
#[derive(Default)]
pub(crate) enum Wake {
    /// Nobody waits: no poll is there, or the event loop looks by itself before its turn is over.
    #[default]
    Nobody,
    /// A poll.
    Poll(Waker),
    /// The event loop of the WebSocket, which is woken once until it has looked.
    Loop(Arc<WakeLoop>),
}

impl Link {
    pub(crate) fn new(sid: Sid, session: EngineSession, on_end: Arc<OnEnd>) -> Link {
        Link { sid, shared: Mutex::new(Shared { session, wake: Wake::Nobody }), on_end }
    }

    pub(crate) fn sid(&self) -> Sid {
        self.sid
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues messages, and wakes the transport. `only_if_writable`: see
    /// [`EngineConnection::send_if_writable`](super::EngineConnection::send_if_writable).
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

    pub(crate) fn close(&self, reason: CloseReason) {
        let mut shared = self.lock();
        let has_ended = shared.session.end().is_none();
        shared.session.close(reason);
        self.wake(shared, has_ended);
    }

    /// Wakes the transport after the lock is released.
    pub(crate) fn wake(&self, mut shared: MutexGuard<'_, Shared>, has_ended: bool) {
        let wake = std::mem::take(&mut shared.wake);
        drop(shared);
        match wake {
            Wake::Nobody => {}
            Wake::Poll(waker) => waker.wake(),
            Wake::Loop(wake) => wake(),
        }
        if has_ended {
            (self.on_end)(self.sid);
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
            Wake::Loop(_) => "Loop",
        })
    }
}
