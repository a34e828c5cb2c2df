//! How far a connection of a server has come, as it is shown.

/// How far a connection of a server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The two shake hands over TLS.
    Tls,
    /// The first request is awaited, or its head arrives.
    Head,
    /// On the way from an event loop to hyper.
    HandedOver,
    /// Plain HTTP: another request is awaited, or its head arrives.
    Waiting,
    /// Plain HTTP: the body of a request arrives, or the request is answered.
    Request,
    /// Accepted behind plain requests, and on the way from hyper.
    HandedBack,
    Open,
    /// A Close frame was sent or has arrived.
    Closing,
    /// This end has said all; the end of the client is awaited.
    Draining,
    /// The answer is something else than a WebSocket.
    Refused,
}

impl Phase {
    /// All of them, in their order.
    pub(crate) const ALL: [Phase; 10] = [
        Phase::Tls,
        Phase::Head,
        Phase::HandedOver,
        Phase::Waiting,
        Phase::Request,
        Phase::HandedBack,
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
            Phase::Open => "open",
            Phase::Closing => "closing",
            Phase::Draining => "draining",
            Phase::Refused => "refused",
        }
    }
}
