//! What a HAR file says of a WebSocket connection.

use std::fmt;
use std::time::Duration;

use longwire::{CloseCode, Direction, Message};

/// A recorded connection.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) url: String,
    /// When it began, as the file says it.
    pub(crate) started: String,
    pub(crate) status: u16,
    pub(crate) request_headers: Vec<(String, String)>,
    pub(crate) response_headers: Vec<(String, String)>,
    /// Whether the file lists messages of this connection at all. Firefox exports only the handshake.
    pub(crate) has_messages: bool,
    pub(crate) messages: Vec<RecordedMessage>,
    /// How it ended, and the time since the first message. `None`: the file does not say.
    pub(crate) end: Option<(Duration, RecordedEnd)>,
    /// How many entries are not messages: pings, for example, which some programs record.
    pub(crate) others: usize,
}

/// How a recorded connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedEnd {
    /// Who sent the first Close frame: `Sent` is the client. `None`: nobody.
    pub(crate) by: Option<Direction>,
    /// The code of that frame; [`ABNORMAL`](CloseCode::ABNORMAL) if there was none.
    pub(crate) code: CloseCode,
    /// The reason of that frame, or what ended the connection without one. It may be empty.
    pub(crate) reason: String,
    /// Whether both ends sent a Close frame.
    pub(crate) was_clean: bool,
}

impl RecordedEnd {
    /// A connection that ended without a Close frame.
    pub(crate) fn lost(why: &str) -> RecordedEnd {
        RecordedEnd { by: None, code: CloseCode::ABNORMAL, reason: why.to_owned(), was_clean: false }
    }
}

/// For people; not escaped.
impl fmt::Display for RecordedEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.by {
            Some(Direction::Sent) => "closed by the client",
            Some(Direction::Received) => "closed by the server",
            None if self.code == CloseCode::ABNORMAL => "lost",
            None => "closed",
        })?;
        if self.by.is_some() && !self.was_clean {
            f.write_str(", not answered")?;
        }
        write!(f, ": {}", self.code)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

/// A message of a recorded connection.
#[derive(Debug, Clone)]
pub(crate) struct RecordedMessage {
    pub(crate) direction: Direction,
    /// The time since the first message. It never decreases from one message to the next.
    pub(crate) at: Duration,
    pub(crate) message: Message,
}
