//! The bounds of the memory broker, and the counts that are held against them.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::broker::BrokerError;

/// What a [`MemoryBroker`](crate::MemoryBroker) keeps at most, in all channels together unless said otherwise.
///
/// What would exceed a bound is refused with [`BrokerError::LimitExceeded`], with two exceptions. The oldest publications
/// give way to new ones. A channel of which only a stream is kept, without subscribers, gives way to another channel: the
/// stream is lost, and a client that has a position in it learns that nothing can be recovered.
///
/// ```
/// use longwire_hub::MemoryLimits;
///
/// let mut limits = MemoryLimits::default();
/// limits.history_bytes = 1 << 30;
/// assert_eq!(limits.channels, 1_000_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryLimits {
    /// Channels that have subscribers, a stream, presence, or keys: 1,000,000 by default. Such a channel takes some
    /// 300 bytes.
    pub channels: usize,
    /// The memory of all history, in bytes: 256 MiB by default. A publication counts with its content, its labels, its
    /// publisher's description, and 256 bytes.
    pub history_bytes: usize,
    /// Clients in presence, each counted once per channel: 1,000,000 by default. One takes some 400 bytes, and 900 if it
    /// is alone in its channel.
    pub presences: usize,
    /// Clients in the presence of one channel: 100,000 by default.
    pub presences_per_channel: usize,
    /// Idempotency keys: 1,000,000 by default. One takes some 200 bytes.
    pub keys: usize,
    /// Idempotency keys of one channel: 100,000 by default.
    pub keys_per_channel: usize,
    /// The length of an idempotency key and of the epoch of a version, in bytes: 255 by default.
    pub key_len: usize,
}

impl Default for MemoryLimits {
    fn default() -> MemoryLimits {
        MemoryLimits {
            channels: 1_000_000,
            history_bytes: 256 << 20,
            presences: 1_000_000,
            presences_per_channel: 100_000,
            keys: 1_000_000,
            keys_per_channel: 100_000,
            key_len: 255,
        }
    }
}

/// How much a [`MemoryBroker`](crate::MemoryBroker) keeps now, as [`MemoryLimits`] counts it.
///
/// ```
/// use longwire_hub::MemoryUsage;
///
/// assert_eq!(MemoryUsage::default().channels, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MemoryUsage {
    /// Channels that have subscribers, a stream, presence, or keys.
    pub channels: usize,
    /// The memory of all history, in bytes.
    pub history_bytes: usize,
    /// Clients in presence.
    pub presences: usize,
    /// Idempotency keys.
    pub keys: usize,
}

/// The counts of all shards together.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) channels: Total,
    pub(super) history_bytes: Total,
    pub(super) presences: Total,
    pub(super) keys: Total,
}

impl Totals {
    pub(super) fn usage(&self) -> MemoryUsage {
        MemoryUsage {
            channels: self.channels.get(),
            history_bytes: self.history_bytes.get(),
            presences: self.presences.get(),
            keys: self.keys.get(),
        }
    }
}

/// One count. It orders nothing, since what it counts is behind the shards' locks.
#[derive(Debug, Default)]
pub(super) struct Total(AtomicUsize);

impl Total {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, count: usize) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    /// Counts one more, unless that would exceed the limit.
    pub(super) fn take(&self, limit: usize) -> Result<(), BrokerError> {
        let below = |count| (count < limit).then(|| count + 1);
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below) {
            Ok(_) => Ok(()),
            Err(_) => Err(BrokerError::LimitExceeded),
        }
    }
}
