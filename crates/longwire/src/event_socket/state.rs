//! The ready state of a socket.

/// The ready state of a connection.
///
/// ```
/// use longwire::EventSocket;
/// use longwire::event_socket::ReadyState;
///
/// fn can_send(socket: &EventSocket) -> bool {
///     socket.ready_state() == ReadyState::Open
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadyState {
    /// It is not open yet.
    Connecting = 0,
    /// Messages can be sent and received.
    Open = 1,
    /// The closing handshake is in progress, or [`close`](super::EventSocket::close) was called.
    Closing = 2,
    /// It has ended, or could not be opened.
    Closed = 3,
}
