//! The result of a send that does not wait.

/// The result of a send that does not wait: [`Socket::send`](crate::Socket::send),
/// [`Remote::send`](crate::Remote::send) and [`EventSocket::send`](crate::EventSocket::send).
///
/// Only a [`Queued`](SendStatus::Queued) message will be sent. The compiler warns about an unused status;
/// [`or_drop`](SendStatus::or_drop) states that the message may be lost.
///
/// ```
/// # #[cfg(feature = "server")] {
/// use longwire::{Remote, SendStatus};
///
/// /// Whether the client is still there. A client that is too slow misses the news.
/// fn tell(client: &Remote, news: &str) -> bool {
///     match client.send(news) {
///         SendStatus::Queued | SendStatus::Full => true,
///         _ => false,
///     }
/// }
/// # }
/// ```
///
/// With `unused_must_use` denied, this does not compile:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// use longwire::{Handler, MessageRef, Socket};
///
/// fn on_message<H: Handler>(socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
///     socket.send(message);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a message that is not `Queued` is lost: look at the status, or write `.or_drop()`"]
#[non_exhaustive]
pub enum SendStatus {
    /// The message is queued.
    Queued,
    /// The message was not queued, because too many bytes wait to be written. A `Socket` and a `Remote` refuse messages
    /// above [`Limits::high_water`](crate::Limits::high_water) bytes and call [`on_drain`](crate::Handler::on_drain)
    /// when there is room again. An `EventSocket` refuses messages above
    /// [`max_buffered_amount`](crate::EventSocket::set_max_buffered_amount) bytes or 1,048,576 messages, and its
    /// connection fails.
    Full,
    /// The message was not queued, because the connection is closing or has ended.
    Closed,
    /// The message was not queued, because a message that is sent in pieces must be
    /// [finished](crate::MessagePieces::finish) first.
    Unfinished,
    /// The message was not queued, because the `EventSocket` is not open yet. A browser throws an `InvalidStateError`.
    Connecting,
}

impl SendStatus {
    /// Whether the message is queued.
    #[must_use]
    pub fn is_queued(self) -> bool {
        self == SendStatus::Queued
    }

    /// Ignores the status: the message may be lost.
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use longwire::{Handler, MessageRef, Socket};
    ///
    /// fn on_message<H: Handler>(socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
    ///     socket.send(message).or_drop();
    /// }
    /// # }
    /// ```
    pub fn or_drop(self) {}
}
