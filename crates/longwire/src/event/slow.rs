//! The policy for subscribers that do not keep up.

use longwire_proto::{CloseCode, CloseFrame, InvalidClose};

/// The policy for a topic's messages while the subscriber's queue is above its high-water mark.
///
/// With [`Disconnect`](Slow::Disconnect) and [`Close`](Slow::Close), a subscriber that misses a message is closed, even if
/// the event loop dropped the message because it was 64 MiB of publications behind. With the other policies, the
/// subscriber stays open.
///
/// ```
/// use longwire::{Handler, Slow, Socket};
///
/// fn on_open<H: Handler>(socket: &mut Socket<'_, H>) {
///     socket.subscribe_with("prices", Slow::Latest);
///     socket.subscribe_with("chat", Slow::DropOldest { keep: 100 });
///     socket.subscribe_with("orders", Slow::close(3008, "slow").expect("a valid code"));
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Slow {
    /// The connection is closed with 1013 (try again later).
    #[default]
    Disconnect,
    /// The connection is closed with a code and a reason of the application; see [`Slow::close`].
    #[non_exhaustive]
    Close {
        /// The close code.
        code: CloseCode,
        /// The reason.
        reason: &'static str,
    },
    /// Up to `keep` messages wait until there is room; beyond that the oldest is dropped.
    DropOldest {
        /// How many messages may wait.
        keep: usize,
    },
    /// Only the newest message waits until there is room: for values that replace each other, such as prices.
    Latest,
}

impl Slow {
    /// Closes the connection with this code and reason.
    ///
    /// # Errors
    ///
    /// The code is one that must not be sent, or the reason is longer than 123 bytes.
    pub fn close(code: u16, reason: &'static str) -> Result<Slow, InvalidClose> {
        let code = CloseFrame::new(code, reason)?.code();
        Ok(Slow::Close { code, reason })
    }

    /// How many messages may wait for a slow subscriber; `None` if it is disconnected instead.
    pub(super) fn keeps(self) -> Option<usize> {
        match self {
            Slow::Disconnect | Slow::Close { .. } => None,
            Slow::DropOldest { keep } => Some(keep),
            Slow::Latest => Some(1),
        }
    }

    /// The Close frame of the application, if it has chosen one.
    pub(super) fn frame(self) -> Option<CloseFrame> {
        match self {
            Slow::Close { code, reason } => CloseFrame::new(code, reason).ok(),
            Slow::Disconnect | Slow::DropOldest { .. } | Slow::Latest => None,
        }
    }
}
