//! What a socket tells of itself.

/// How far a connection has come.
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
    /// Messages can be sent, and arrive.
    Open = 1,
    /// The closing handshake goes on, or [`close`](super::EventSocket::close) was called.
    Closing = 2,
    /// It has ended, or could not be opened.
    Closed = 3,
}

/// What became of a message that was sent.
///
/// ```
/// use longwire::EventSocket;
/// use longwire::event_socket::SendOutcome;
///
/// /// Whether the message is on its way.
/// fn tell(socket: &EventSocket, news: &str) -> bool {
///     socket.send(news) == SendOutcome::Queued
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// It will be written.
    Queued,
    /// It was refused, because the connection is not open yet: an `InvalidStateError` in a browser.
    Connecting,
    /// It was discarded, because the connection is closing or has ended. It counts in
    /// [`buffered_amount`](super::EventSocket::buffered_amount) all the same.
    Discarded,
    /// It was discarded, because more than [`max_buffered_amount`](super::EventSocket::set_max_buffered_amount) waits to be
    /// written, or more than 1,048,576 messages do. The connection fails.
    Full,
}
