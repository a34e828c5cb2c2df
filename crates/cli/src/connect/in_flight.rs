//! The message that is being sent. It counts as sent when it is written, or when something arrives after its frame was
//! queued: an answer may arrive before the call that sends returns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire::{Direction, FrameKind, Message, SeenFrame};

/// The message that is being sent, if there is one. Messages are sent one after another.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<Option<Sendable>>>);

/// A message, and how far it is.
#[derive(Debug)]
struct Sendable {
    message: Message,
    origin: Origin,
    /// Whether its last frame has been queued.
    is_queued: bool,
}

/// Who has written a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It stands on the screen already.
    Typed,
    Given,
}

impl InFlight {
    fn slot(&self) -> MutexGuard<'_, Option<Sendable>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message is about to be sent.
    pub(super) fn begin(&self, message: Message, origin: Origin) {
        *self.slot() = Some(Sendable { message, origin, is_queued: false });
    }

    /// Takes note of a frame of the connection.
    pub(super) fn frame(&self, frame: &SeenFrame<'_>) {
        if frame.direction == Direction::Sent
            && let FrameKind::Data { fin: true, .. } = frame.header.kind
            && let Some(sendable) = self.slot().as_mut()
        {
            sendable.is_queued = true;
        }
    }

    /// The message, if it was queued before something arrived.
    pub(super) fn take_queued(&self) -> Option<(Message, Origin)> {
        self.slot().take_if(|sendable| sendable.is_queued).map(Sendable::into_parts)
    }

    /// The message, which has been sent, unless it was taken before.
    pub(super) fn take_sent(&self) -> Option<(Message, Origin)> {
        self.slot().take().map(Sendable::into_parts)
    }

    /// The message was not sent.
    pub(super) fn fail(&self) {
        *self.slot() = None;
    }
}

impl Sendable {
    fn into_parts(self) -> (Message, Origin) {
        (self.message, self.origin)
    }
}
