//! The phase of a server's connection, as the metrics show it.

/// The phase of a server's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// TLS handshake.
    Tls,
    /// Waiting for the first request, or reading its head.
    Head,
    /// On the way from an event loop to hyper.
    HandedOver,
    /// Plain HTTP: waiting for another request, or reading its head.
    Waiting,
    /// Plain HTTP: reading the body of a request, or answering it.
    Request,
    /// Accepted after plain requests, on the way from hyper to an event loop.
    HandedBack,
    /// The application has not decided about the request for a WebSocket yet.
    Deciding,
    Open,
    /// A Close frame was sent or received.
    Closing,
    /// This end has written everything and waits for the client to end the connection.
    Draining,
    /// The response does not open a WebSocket.
    Refused,
}

impl Phase {
    /// All phases, in order.
    pub(crate) const ALL: [Phase; 11] = [
        Phase::Tls,
        Phase::Head,
        Phase::HandedOver,
        Phase::Waiting,
        Phase::Request,
        Phase::HandedBack,
        Phase::Deciding,
        Phase::Open,
        Phase::Closing,
        Phase::Draining,
        Phase::Refused,
    ];

    /// The value of the label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Phase::Tls => "tls",
            Phase::Head => "head",
            Phase::HandedOver => "handed_over",
            Phase::Waiting => "waiting",
            Phase::Request => "request",
            Phase::HandedBack => "handed_back",
            Phase::Deciding => "deciding",
            Phase::Open => "open",
            Phase::Closing => "closing",
            Phase::Draining => "draining",
            Phase::Refused => "refused",
        }
    }
}
