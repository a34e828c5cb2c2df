//! How a broker is doing.

use std::time::Duration;

/// How a broker is doing, as [`Broker::status`](crate::Broker::status) says. What is counted is counted since the start of the
/// node.
///
/// ```
/// let status = longwire_hub::BrokerStatus::default();
/// assert!(status.is_reachable && status.latency.is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerStatus {
    /// Whether the engine can be reached, as far as is known. If not, calls fail with
    /// [`BrokerError::Unavailable`](crate::BrokerError::Unavailable), and subscribers get nothing for now.
    pub is_reachable: bool,
    /// Whether the node goes on alone, with channels of its own, because the engine could not be reached
    /// ([`FallbackBroker`](crate::FallbackBroker)).
    pub is_alone: bool,
    /// How long a call to the engine takes, as a moving average; `None` in memory, and before the first call.
    pub latency: Option<Duration>,
    /// Calls to the engine that wait for its answer now.
    pub waiting: usize,
    /// Calls to the engine that have ended.
    pub calls: u64,
    /// Those that have failed because the engine could not be reached.
    pub failures: u64,
    /// The time that all calls have taken together.
    pub call_time: Duration,
    /// The channels that this node follows now.
    pub followed: usize,
    /// The bytes of what has arrived and waits for what precedes it.
    pub held_bytes: usize,
    /// How often what arrives from the engine was interrupted.
    pub interruptions: u64,
    /// How often publications were found missing in a channel.
    pub gaps_found: u64,
    /// How often they were read, and delivered.
    pub gaps_filled: u64,
    /// How often they could not be read, which the channel's subscribers learned.
    pub gaps_lost: u64,
    /// Publications that arrived when they had been delivered already, and were dropped.
    pub duplicates: u64,
}

impl Default for BrokerStatus {
    fn default() -> BrokerStatus {
        BrokerStatus {
            is_reachable: true,
            is_alone: false,
            latency: None,
            waiting: 0,
            calls: 0,
            failures: 0,
            call_time: Duration::ZERO,
            followed: 0,
            held_bytes: 0,
            interruptions: 0,
            gaps_found: 0,
            gaps_filled: 0,
            gaps_lost: 0,
            duplicates: 0,
        }
    }
}
