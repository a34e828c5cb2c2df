//! What a connection has received and sent.

/// The traffic of a connection so far, as [`Socket::traffic`](crate::Socket::traffic) returns it, for example for a log.
///
/// ```
/// use longwire::{Closed, Handler, Socket};
///
/// /// Called by `on_close`.
/// fn log<H: Handler>(socket: &Socket<'_, H>, closed: &Closed) {
///     if let Some(traffic) = socket.traffic() {
///         println!("{} messages in, {} out; {closed}", traffic.messages_received, traffic.messages_sent);
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketTraffic {
    /// Messages that the handler received.
    pub messages_received: u64,
    /// Messages that were queued for sending, including those of topics.
    pub messages_sent: u64,
    /// Bytes received after the opening handshake, including frame headers, excluding TLS.
    pub bytes_received: u64,
    /// Bytes written, including frame headers and the response of the opening handshake, excluding TLS.
    pub bytes_sent: u64,
}
