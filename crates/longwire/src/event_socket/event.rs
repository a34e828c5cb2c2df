//! The events that listeners receive.

use longwire_proto::{CloseCode, Closed};

use crate::error::Error;
use crate::message::Message;

/// An event of an [`EventSocket`](super::EventSocket).
///
/// ```
/// use longwire::EventSocket;
/// use longwire::event_socket::{Event, EventKind};
///
/// fn log(socket: &EventSocket) {
///     for kind in [EventKind::Open, EventKind::Message, EventKind::Error, EventKind::Close] {
///         socket.add_event_listener(kind, |_, event| match event {
///             Event::Open => println!("open"),
///             Event::Message(message) => println!("{}", message.data()),
///             Event::Error(error) => println!("{error}"),
///             Event::Close(close) => println!("{}", close.code()),
///         });
///     }
/// }
/// ```
#[derive(Debug)]
pub enum Event {
    /// The connection is open.
    Open,
    /// A message has arrived.
    Message(MessageEvent),
    /// The connection failed. [`Close`](Event::Close) follows immediately.
    Error(Error),
    /// The connection has ended. This is always the last event, and occurs once.
    Close(CloseEvent),
}

/// The kind of event that a listener receives.
///
/// ```
/// use longwire::EventSocket;
/// use longwire::event_socket::EventKind;
///
/// fn watch(socket: &EventSocket) {
///     socket.add_event_listener(EventKind::Close, |socket, event| println!("{}: {:?}", socket.url(), event.kind()));
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// [`Event::Open`].
    Open,
    /// [`Event::Message`].
    Message,
    /// [`Event::Error`].
    Error,
    /// [`Event::Close`].
    Close,
}

/// A message and its origin.
///
/// ```
/// use longwire::EventSocket;
///
/// fn print(socket: &EventSocket) {
///     socket.on_message(|_, event| println!("{} from {}", event.data(), event.origin()));
/// }
/// ```
#[derive(Debug, Clone)]
pub struct MessageEvent {
    data: Message,
    origin: Box<str>,
}

/// How a connection ended.
///
/// ```
/// use longwire::EventSocket;
///
/// fn print(socket: &EventSocket) {
///     socket.on_close(|_, event| println!("{} {:?}, clean: {}", event.code(), event.reason(), event.was_clean()));
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseEvent {
    code: CloseCode,
    reason: String,
    was_clean: bool,
}

impl Event {
    /// The kind of this event.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Event::Open => EventKind::Open,
            Event::Message(_) => EventKind::Message,
            Event::Error(_) => EventKind::Error,
            Event::Close(_) => EventKind::Close,
        }
    }
}

impl MessageEvent {
    pub(super) fn new(data: Message, origin: &str) -> MessageEvent {
        MessageEvent { data, origin: origin.into() }
    }

    /// The message. Cloning it is cheap.
    #[must_use]
    pub fn data(&self) -> &Message {
        &self.data
    }

    /// Scheme, host and port of the server, as in `wss://example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl CloseEvent {
    /// RFC 6455 §7.1.5 and §7.1.6: code and reason come from the received Close frame. Without one, the reason is empty
    /// and the code is 1006, even if this end failed the connection with a different code.
    pub(super) fn of(closed: &Closed) -> CloseEvent {
        if closed.clean {
            CloseEvent { code: closed.code, reason: closed.reason.clone(), was_clean: true }
        } else {
            CloseEvent::failed()
        }
    }

    /// The end of a connection that failed.
    pub(super) fn failed() -> CloseEvent {
        CloseEvent { code: CloseCode::ABNORMAL, reason: String::new(), was_clean: false }
    }

    /// The code that the server sent: 1005 if its Close frame had none, 1006 if there was no Close frame.
    #[must_use]
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason that the server sent; may be empty.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether the closing handshake was completed (RFC 6455 §7.1.4).
    #[must_use]
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }
}
