//! What an attacker does.

/// What an attacker does, as data: the modules above do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends a byte of each request now and then.
    SlowHandshake,
    /// Sends headers without an end.
    HeaderFlood,
    /// Opens connections and drops them, as fast as it can.
    HandshakeFlood,
    /// Sends pings, and reads nothing.
    PingFlood,
    /// Sends messages, and reads none of the echoes.
    EchoUnread,
    /// Sends a message of large fragments without an end.
    EndlessMessage,
    /// Sends a message of fragments of one byte without an end.
    TinyFragments,
    /// Sends a message of empty fragments without an end.
    EmptyFragments,
    /// Sends messages that inflate to a thousand times their length.
    Bomb,
    /// Declares long messages on many connections, and sends three bytes of each.
    DeclaredLengths,
    /// Drops connections in the middle of a message, with bytes that it has not read.
    Resets,
}
