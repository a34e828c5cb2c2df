//! The settings of Socket.IO.

use std::time::Duration;

use crate::protocol::PacketLimits;

/// The settings of Socket.IO, mostly bounds of what one client can make the server keep. A client that goes beyond a bound is
/// disconnected with ["forced server close"](crate::DisconnectReason::ForcedServerClose), unless the setting says otherwise.
///
/// ```
/// use longwire_socketio::{RecoveryConfig, SocketIo, SocketIoConfig};
///
/// let mut config = SocketIoConfig::default();
/// config.recovery = Some(RecoveryConfig::default());
/// config.namespaces = 4;
/// let io = SocketIo::with(config);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SocketIoConfig {
    /// How long a client may take to join its first namespace; 45 s by default.
    pub connect_timeout: Duration,
    /// Connection state recovery: a client that was cut off for a short time gets what it missed. Off by default.
    pub recovery: Option<RecoveryConfig>,
    /// Bounds of packets.
    pub packets: PacketLimits,
    /// How long the attachments of a packet may take to arrive; 30 s by default.
    pub attachment_timeout: Duration,
    /// Namespaces that one client may be connected to; 64 by default.
    pub namespaces: usize,
    /// Namespaces that may exist at a time because clients have asked for them; 1,024 by default. One more is refused. See
    /// [`SocketIo::of_dynamic`](crate::SocketIo::of_dynamic).
    pub dynamic_namespaces: usize,
    /// Events of a client that may wait for their handlers, in all of its namespaces; 256 by default. Until half of them have been
    /// handled, nothing more is read from the client, which stays connected.
    pub waiting_events: usize,
    /// The bytes of these events; 4 MiB by default. The last of them may exceed it.
    pub waiting_event_bytes: usize,
    /// How long [`emit_with_ack`](crate::Socket::emit_with_ack) waits for the answer; 20 s by default.
    pub ack_timeout: Duration,
    /// Answers that may be awaited from one socket; 1,024 by default. One more is
    /// [`AckError::TooMany`](crate::AckError::TooMany).
    pub waiting_acks: usize,
    /// Rooms that one socket may be in; 1,024 by default.
    pub rooms: usize,
    /// The length of a room's name, in bytes; 255 by default.
    pub room_name: usize,
}

impl Default for SocketIoConfig {
    fn default() -> SocketIoConfig {
        SocketIoConfig {
            connect_timeout: Duration::from_secs(45),
            recovery: None,
            packets: PacketLimits::default(),
            attachment_timeout: Duration::from_secs(30),
            namespaces: 64,
            dynamic_namespaces: 1_024,
            waiting_events: 256,
            waiting_event_bytes: 4 << 20,
            ack_timeout: Duration::from_secs(20),
            waiting_acks: 1_024,
            rooms: 1_024,
            room_name: 255,
        }
    }
}

/// Connection state recovery. A client that comes back in time keeps its identifier, rooms and
/// [data](crate::Socket::insert), and gets the events that it missed, each once. [`Socket::is_recovered`](crate::Socket::is_recovered)
/// tells its connection handler. It does not pass the
/// [middleware](crate::Namespace::use_middleware), which let it in before. If anything of that is impossible, the client begins anew.
///
/// Each namespace keeps its events and disconnected sockets within these bounds. Events with an acknowledgement, and volatile
/// ones, are not kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecoveryConfig {
    /// How long a client may be gone; 2 min by default.
    pub max_disconnection: Duration,
    /// Events that a namespace keeps; 10,000 by default.
    pub max_events: usize,
    /// The bytes of these events; 16 MiB by default.
    pub max_bytes: usize,
    /// The bytes of events that one client may have missed; 512 KiB by default. A client that missed more begins anew.
    pub max_missed_bytes: usize,
    /// Disconnected sockets that a namespace remembers; 10,000 by default. With more, the oldest are forgotten.
    pub max_disconnected: usize,
}

impl Default for RecoveryConfig {
    fn default() -> RecoveryConfig {
        RecoveryConfig {
            max_disconnection: Duration::from_secs(120),
            max_events: 10_000,
            max_bytes: 16 << 20,
            max_missed_bytes: 512 << 10,
            max_disconnected: 10_000,
        }
    }
}
