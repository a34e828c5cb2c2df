//! What a HAR file says of a WebSocket connection.

use std::time::Duration;

use longwire::{Direction, Message};

/// A recorded connection.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) url: String,
    /// When it began, as the file says it.
    pub(crate) started: String,
    pub(crate) status: u16,
    pub(crate) request_headers: Vec<(String, String)>,
    pub(crate) response_headers: Vec<(String, String)>,
    pub(crate) messages: Vec<RecordedMessage>,
    /// How many entries are not messages: control frames and errors, which some programs record.
    pub(crate) others: usize,
}

/// A message of a recorded connection.
#[derive(Debug, Clone)]
pub(crate) struct RecordedMessage {
    pub(crate) direction: Direction,
    /// The time since the first message. It never decreases from one message to the next.
    pub(crate) at: Duration,
    pub(crate) message: Message,
}
