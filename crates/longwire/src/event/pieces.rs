//! Messages that a handler sends in pieces.

use std::fmt;
use std::marker::PhantomData;

use longwire_proto::{CloseCode, CloseFrame, Last, MessageKind, SendError};

use super::connection::Open;
use super::handler::{Handler, Socket};
use super::key::Key;
use super::loop_context::LoopContext;
use crate::send_status::SendStatus;

/// A message that is sent in pieces, without having all of it in memory: text (`T` is `str`) or binary (`T` is `[u8]`).
/// `S` is the [`State`](crate::Handler::State) of the handler.
///
/// [`Socket::begin_text`] and [`Socket::begin_binary`] begin one. It borrows the socket until it is
/// [finished](MessagePieces::finish) or [paused](MessagePieces::pause), so nothing else can be sent between two pieces
/// by mistake. [`Socket::resume_text`] or [`Socket::resume_binary`] continues a paused message in a later call of the
/// handler. Until the message is finished, [`Socket::send`] returns [`SendStatus::Unfinished`], and messages from
/// topics and [`Remote`](crate::Remote) handles wait. Pings and Close frames go between the pieces.
///
/// ```
/// use longwire::{Handler, MessagePieces, Socket};
///
/// /// The lines of a report that have not been sent.
/// type Report = std::vec::IntoIter<String>;
///
/// /// Called by `on_message`.
/// fn begin<H: Handler<State = Report>>(socket: &mut Socket<'_, H>) {
///     if let Ok(message) = socket.begin_text() {
///         go_on(message);
///     }
/// }
///
/// /// Called by `on_drain`.
/// fn resume<H: Handler<State = Report>>(socket: &mut Socket<'_, H>) {
///     if let Some(message) = socket.resume_text() {
///         go_on(message);
///     }
/// }
///
/// fn go_on(mut message: MessagePieces<'_, Report, str>) {
///     while message.has_room() {
///         match message.state_mut().next() {
///             Some(line) => message.write(&line),
///             None => return message.finish().or_drop(),
///         };
///     }
///     message.pause();
/// }
/// ```
///
/// Each piece is a fragment of the message (RFC 6455 §5.4). Pieces are not compressed. A message that has begun cannot
/// be taken back: if this is dropped without being finished or paused, the connection is closed with 1011, and the peer
/// discards what it got of the message.
#[must_use = "dropped before it is finished or paused, it closes the connection"]
pub struct MessagePieces<'s, S, T: ?Sized> {
    open: &'s mut Open,
    state: &'s mut S,
    context: &'s mut LoopContext,
    key: Key,
    guard: Guard,
    kind: PhantomData<fn(&T)>,
}

/// Whether dropping the message closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    Armed,
    Disarmed,
}

impl<H: Handler> Socket<'_, H> {
    /// Begins a text message that is sent in pieces.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], or [`SendError::MessageUnfinished`] if another message in pieces is unfinished.
    pub fn begin_text(&mut self) -> Result<MessagePieces<'_, H::State, str>, SendError> {
        self.begin(MessageKind::Text)
    }

    /// Begins a binary message that is sent in pieces.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], or [`SendError::MessageUnfinished`] if another message in pieces is unfinished.
    pub fn begin_binary(&mut self) -> Result<MessagePieces<'_, H::State, [u8]>, SendError> {
        self.begin(MessageKind::Binary)
    }

    /// Continues a [paused](MessagePieces::pause) text message. `None` if no text message is unfinished.
    pub fn resume_text(&mut self) -> Option<MessagePieces<'_, H::State, str>> {
        self.resume(MessageKind::Text)
    }

    /// Continues a [paused](MessagePieces::pause) binary message. `None` if no binary message is unfinished.
    pub fn resume_binary(&mut self) -> Option<MessagePieces<'_, H::State, [u8]>> {
        self.resume(MessageKind::Binary)
    }

    fn begin<T: ?Sized>(&mut self, kind: MessageKind) -> Result<MessagePieces<'_, H::State, T>, SendError> {
        if self.open.protocol.is_open() && self.open.protocol.unfinished_message().is_some() {
            return Err(SendError::MessageUnfinished);
        }
        // The first fragment is empty. It records in the protocol that the message has begun.
        self.open.protocol.send_fragment(kind, &[], Last::No)?;
        Ok(self.pieces())
    }

    fn resume<T: ?Sized>(&mut self, kind: MessageKind) -> Option<MessagePieces<'_, H::State, T>> {
        let is_open = self.open.protocol.is_open();
        (is_open && self.open.protocol.unfinished_message() == Some(kind)).then(|| self.pieces())
    }

    fn pieces<T: ?Sized>(&mut self) -> MessagePieces<'_, H::State, T> {
        let Socket { open, state, context, key, .. } = self;
        MessagePieces { open, state, context, key: *key, guard: Guard::Armed, kind: PhantomData }
    }
}

impl<S> MessagePieces<'_, S, str> {
    /// Sends the next piece, of any length. The piece is queued unless this returns [`SendStatus::Full`] or
    /// [`SendStatus::Closed`].
    pub fn write(&mut self, piece: &str) -> SendStatus {
        self.send(MessageKind::Text, piece.as_bytes())
    }
}

impl<S> MessagePieces<'_, S, [u8]> {
    /// Sends the next piece, of any length. The piece is queued unless this returns [`SendStatus::Full`] or
    /// [`SendStatus::Closed`].
    pub fn write(&mut self, piece: &[u8]) -> SendStatus {
        self.send(MessageKind::Binary, piece)
    }
}

impl<S, T: ?Sized> MessagePieces<'_, S, T> {
    /// Whether the next piece would be queued: the connection is open, and fewer than
    /// [`Limits::high_water`](crate::Limits::high_water) bytes are queued. After `false`,
    /// [`on_drain`](crate::Handler::on_drain) is called when there is room.
    pub fn has_room(&mut self) -> bool {
        if !self.open.protocol.is_open() {
            return false;
        }
        let is_full = self.open.protocol.is_above_high_water();
        if is_full {
            self.open.fill();
        }
        !is_full
    }

    /// The application's data for the connection.
    #[must_use]
    pub fn state(&self) -> &S {
        self.state
    }

    /// The application's data for the connection, mutable, for example to take the next piece from.
    pub fn state_mut(&mut self) -> &mut S {
        self.state
    }

    /// Leaves the message unfinished until a later call of the handler resumes it. If there [was no
    /// room](MessagePieces::has_room), [`on_drain`](crate::Handler::on_drain) is called; otherwise nothing calls the
    /// handler for this.
    pub fn pause(mut self) {
        self.guard = Guard::Disarmed;
    }

    /// Ends the message, even if the queue is full. Messages that waited for its end follow.
    pub fn finish(mut self) -> SendStatus {
        self.guard = Guard::Disarmed;
        // Only the first fragment of a message carries its kind.
        if self.open.protocol.send_fragment(MessageKind::Binary, &[], Last::Yes).is_err() {
            return SendStatus::Closed;
        }
        self.open.count(|traffic| traffic.messages_sent += 1);
        self.context.traffic.message_sent();
        self.context.catch_up(self.open, self.key);
        if self.open.protocol.is_above_high_water() {
            // The other waiting messages follow when there is room.
            self.open.fill();
        }
        SendStatus::Queued
    }

    fn send(&mut self, kind: MessageKind, piece: &[u8]) -> SendStatus {
        if !self.open.protocol.is_open() {
            return SendStatus::Closed;
        }
        if !self.has_room() {
            return SendStatus::Full;
        }
        match self.open.protocol.send_fragment(kind, piece, Last::No) {
            Ok(()) => SendStatus::Queued,
            Err(_) => SendStatus::Closed,
        }
    }
}

impl<S, T: ?Sized> Drop for MessagePieces<'_, S, T> {
    fn drop(&mut self) {
        if self.guard == Guard::Armed && self.open.protocol.is_open() {
            let unfinished = CloseFrame::new(CloseCode::INTERNAL_ERROR, "a message was left unfinished");
            self.open.protocol.close(unfinished.ok());
        }
    }
}

impl<S, T: ?Sized> fmt::Debug for MessagePieces<'_, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagePieces").field("queued", &self.open.protocol.queued()).finish_non_exhaustive()
    }
}
