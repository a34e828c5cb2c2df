//! The settings of Engine.IO.

use std::time::Duration;

/// The settings of Engine.IO. The defaults are those of the JavaScript server, which has no bounds on sessions and queues.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// The path of all requests; `/socket.io/` by default.
    pub path: String,
    /// How often the server pings; 25 s by default.
    pub ping_interval: Duration,
    /// How long a client may take to answer a ping; 20 s by default. A client that does not come back ends by it.
    pub ping_timeout: Duration,
    /// How long a client may take to complete the upgrade to WebSocket; 10 s by default.
    pub upgrade_timeout: Duration,
    /// The largest payload of a client, in bytes, over either transport; 1,000,000 by default.
    pub max_payload: usize,
    /// How many packets one payload of a client may hold; 4,096 by default.
    pub max_packets: usize,
    /// How many sessions may be open at a time; 16,384 by default.
    pub max_sessions: usize,
    /// How many sessions may be open at a time for one address; 1,024 by default. The /64 network of an IPv6 address counts as one.
    pub max_sessions_per_ip: usize,
    /// How many bytes may wait for one client; 1 MiB by default. Beyond it, the session ends with
    /// [`CloseReason::TooSlow`](super::CloseReason::TooSlow).
    pub max_queued: usize,
    /// How many bytes may wait for all clients together; 256 MiB by default. Beyond it, a session for which more is queued
    /// ends with [`CloseReason::TooSlow`](super::CloseReason::TooSlow).
    pub max_queued_in_total: usize,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            path: "/socket.io/".to_owned(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            max_packets: 4_096,
            max_sessions: 16_384,
            max_sessions_per_ip: 1_024,
            max_queued: 1 << 20,
            max_queued_in_total: 256 << 20,
        }
    }
}
