//! The trait that stands on top of Engine.IO.

use longwire::MessageRef;

use super::close_reason::CloseReason;
use super::connection::EngineConnection;
use super::opening::Opening;

/// What stands on top of Engine.IO: Socket.IO, or an application of its own.
///
/// The methods of one session are called one at a time and in order, from an event loop (WebSocket) or a task of the
/// runtime (polling). Those of different sessions run at the same time. They must not block. They run in the context of the
/// runtime that serves, so `tokio::spawn` works in them.
///
/// ```
/// use longwire::MessageRef;
/// use longwire_socketio::engine::{Application, CloseReason, EngineConnection, EngineMessage, Opening};
///
/// struct Echo;
///
/// impl Application for Echo {
///     type Session = u64; // how many messages have arrived
///
///     fn on_open(&self, _connection: &EngineConnection, _opening: Opening) -> u64 {
///         0
///     }
///
///     fn on_message(&self, count: &mut u64, connection: &EngineConnection, message: MessageRef<'_>) {
///         *count += 1;
///         connection.send(EngineMessage::from(message)).or_drop();
///     }
///
///     fn on_close(&self, count: u64, connection: &EngineConnection, reason: CloseReason) {
///         println!("{} has ended after {count} messages: {reason}", connection.sid());
///     }
/// }
/// ```
pub trait Application: Send + Sync + 'static {
    /// The application's data for each session.
    type Session: Send + 'static;

    /// A session begins. Messages that are sent here reach the client behind the `open` packet.
    fn on_open(&self, connection: &EngineConnection, opening: Opening) -> Self::Session;

    /// A message of the client. It is borrowed for the duration of the call.
    ///
    /// The application may send and close in this call, to this session and to others. One that cannot keep up
    /// [pauses](EngineConnection::pause) the session.
    fn on_message(&self, session: &mut Self::Session, connection: &EngineConnection, message: MessageRef<'_>);

    /// The session has ended. It is called once for each session, never from within another method of the session.
    fn on_close(&self, session: Self::Session, connection: &EngineConnection, reason: CloseReason);
}
