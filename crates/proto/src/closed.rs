//! How a connection ended.

use std::fmt;

use crate::close_code::CloseCode;
use crate::close_frame::CloseFrame;
use crate::error::ProtocolError;

/// How a connection ended.
///
/// ```
/// use longwire_proto::{By, Closed};
///
/// let vanished = Closed::lost();
/// assert_eq!((vanished.code.get(), vanished.by, vanished.clean), (1006, By::Nobody, false));
/// assert_eq!(vanished.to_string(), "connection lost: 1006 (no closing handshake)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The code of the peer's Close frame; [`NO_STATUS`](CloseCode::NO_STATUS) if the frame had none, and
    /// [`ABNORMAL`](CloseCode::ABNORMAL) if no frame arrived. If this end failed the connection, for
    /// example because of the peer's mistake, the code that this end sent.
    pub code: CloseCode,
    /// The reason that came with the code, or the peer's mistake; may be empty.
    pub reason: String,
    /// Which side ended the connection.
    pub by: By,
    /// Whether both ends sent a Close frame (RFC 6455 §7.1.4).
    pub clean: bool,
}

/// Which side ended a connection.
///
/// ```
/// use longwire_proto::{By, Closed};
///
/// fn is_lost(closed: &Closed) -> bool {
///     closed.by == By::Nobody
/// }
///
/// assert!(is_lost(&Closed::lost()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    /// This end closed it, or failed it because the peer broke the protocol.
    Local,
    /// The peer closed it.
    Peer,
    /// Neither: the transport ended without a Close frame.
    Nobody,
}

impl Closed {
    /// A connection whose transport ended without a Close frame.
    #[must_use]
    pub fn lost() -> Closed {
        Closed { code: CloseCode::ABNORMAL, reason: String::new(), by: By::Nobody, clean: false }
    }

    /// The transport ended, or the time was up, before the peer answered our Close frame.
    pub(crate) fn unanswered() -> Closed {
        Closed { by: By::Local, ..Closed::lost() }
    }

    /// Both Close frames were sent; `frame` is the peer's.
    pub(crate) fn by_handshake(by: By, frame: Option<&CloseFrame>) -> Closed {
        let code = frame.map_or(CloseCode::NO_STATUS, CloseFrame::code);
        let reason = frame.map(|frame| frame.reason().to_owned()).unwrap_or_default();
        Closed { code, reason, by, clean: true }
    }

    /// The application failed the connection with this frame.
    pub(crate) fn by_local_failure(frame: &CloseFrame) -> Closed {
        Closed { code: frame.code(), reason: frame.reason().to_owned(), by: By::Local, clean: false }
    }

    /// This end failed the connection.
    pub(crate) fn by_failure(error: &ProtocolError) -> Closed {
        Closed { code: error.close_code(), reason: error.to_string(), by: By::Local, clean: false }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.by, self.clean) {
            (By::Peer, _) => "closed by peer: ",
            (By::Local, true) => "closed by this end: ",
            (By::Local, false) => "ended by this end: ",
            (By::Nobody, _) => "connection lost: ",
        })?;
        write!(f, "{}", self.code)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_reads_like_a_sentence() {
        let bye = CloseFrame::new(1001, "restarting").unwrap();
        let cases = [
            (Closed::by_handshake(By::Peer, Some(&bye)), "closed by peer: 1001 (going away): restarting"),
            (Closed::by_handshake(By::Local, None), "closed by this end: 1005 (no code)"),
            (Closed::lost(), "connection lost: 1006 (no closing handshake)"),
            (Closed::unanswered(), "ended by this end: 1006 (no closing handshake)"),
            (
                Closed::by_failure(&ProtocolError::NotMasked),
                "ended by this end: 1002 (protocol error): a frame of the client is not masked",
            ),
        ];
        for (closed, text) in cases {
            assert_eq!(closed.to_string(), text);
        }
    }
}
