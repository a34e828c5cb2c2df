//! The bounds and times of a node that follows channels.

use std::time::Duration;

/// The bounds and times of a [`RemoteBroker`](crate::RemoteBroker).
///
/// ```
/// let mut options = longwire_hub::RemoteOptions::default();
/// options.reads = 16;
/// assert_eq!(options.linger, std::time::Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteOptions {
    /// The channels that this node follows at once: 1,000,000 by default. Such a channel takes some 500 bytes. A subscription to
    /// one more is refused with [`BrokerError::LimitExceeded`](crate::BrokerError::LimitExceeded).
    pub channels: usize,
    /// The publications that one channel holds while it reads what precedes them: 1,024 by default. If there are more, they
    /// are read, too.
    pub held: usize,
    /// The bytes of what one channel holds: 1 MiB by default. A publication counts with its content, its labels, its
    /// publisher's description, and 256 bytes.
    pub held_bytes: usize,
    /// The bytes of what all channels hold together: 64 MiB by default.
    pub all_held_bytes: usize,
    /// The reads that run at once, each for one channel: 64 by default. After an interruption, every channel is read.
    pub reads: usize,
    /// The publications that one read asks for: 1,000 by default. A channel that has missed more is read several times. A read
    /// takes as much memory as these publications, at most [`HistoryOptions::bytes`](crate::HistoryOptions::bytes).
    pub page: usize,
    /// How long a node listens to a channel after its last subscriber has left: 5 s by default.
    pub linger: Duration,
    /// How long a channel may be silent before its position is compared with the engine's: about 45 s by default. Channels
    /// differ by up to a third, so that they do not ask at once. For each 1,000 silent channels, a node makes some 22 short calls
    /// a second.
    pub check: Duration,
    /// The first pause after a channel could not be read: 1 s by default. It doubles each time.
    pub retry: Duration,
    /// The longest pause: 30 s by default.
    pub longest_retry: Duration,
}

impl Default for RemoteOptions {
    fn default() -> RemoteOptions {
        RemoteOptions {
            channels: 1_000_000,
            held: 1_024,
            held_bytes: 1 << 20,
            all_held_bytes: 64 << 20,
            reads: 64,
            page: 1_000,
            linger: Duration::from_secs(5),
            check: Duration::from_secs(45),
            retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(30),
        }
    }
}
