//! The payload of a Close frame (RFC 6455 §5.5.1).

use std::fmt;

use crate::close_code::CloseCode;
use crate::error::{InvalidClose, ProtocolError};

/// A close code that may be sent, with a reason that fits a control frame.
///
/// ```
/// use longwire_proto::CloseFrame;
///
/// let frame = CloseFrame::new(4001, "the session has expired").unwrap();
/// assert_eq!((frame.code(), frame.reason()), (4001.into(), "the session has expired"));
/// assert!(CloseFrame::new(1006, "").is_err()); // 1006 is only reported, never sent
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    code: CloseCode,
    reason: String,
}

impl CloseFrame {
    /// The longest reason, in bytes of UTF-8.
    pub const MAX_REASON: usize = 123;

    /// A Close frame with a code and a reason, which may be empty.
    ///
    /// # Errors
    ///
    /// [`InvalidClose`] when the code must not be sent ([`CloseCode::is_sendable`]), or the reason is longer than 123
    /// bytes.
    pub fn new(code: impl Into<CloseCode>, reason: impl Into<String>) -> Result<CloseFrame, InvalidClose> {
        let (code, reason) = (code.into(), reason.into());
        if !code.is_sendable() {
            return Err(InvalidClose::Code(code));
        }
        if reason.len() > CloseFrame::MAX_REASON {
            return Err(InvalidClose::ReasonTooLong { bytes: reason.len() });
        }
        Ok(CloseFrame { code, reason })
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason; empty if there was none.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The frame that reports an error to the peer.
    pub(crate) fn for_error(error: &ProtocolError) -> CloseFrame {
        // All messages of `ProtocolError` are short enough; a test in this file checks that.
        CloseFrame { code: error.close_code(), reason: error.to_string() }
    }

    /// Parses the payload of a Close frame. `None`: it has no code.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<CloseFrame>, ProtocolError> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return if payload.is_empty() { Ok(None) } else { Err(ProtocolError::CloseTooShort) };
        };
        let code = CloseCode::from(u16::from_be_bytes(*code));
        if !code.is_sendable() {
            return Err(ProtocolError::CloseCode(code.get()));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::CloseReasonNotUtf8)?;
        Ok(Some(CloseFrame { code, reason: reason.to_owned() }))
    }

    /// The payload of this frame.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(2 + self.reason.len());
        payload.extend_from_slice(&self.code.get().to_be_bytes());
        payload.extend_from_slice(self.reason.as_bytes());
        payload
    }
}

/// `1000 (normal closure)`, followed by the reason if there is one.
impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_the_wire() {
        for (code, reason) in [(1000, ""), (1001, "bye"), (4999, "κόσμε")] {
            let frame = CloseFrame::new(code, reason).unwrap();
            assert_eq!(CloseFrame::decode(&frame.encode()), Ok(Some(frame)));
        }
        assert_eq!(CloseFrame::decode(b""), Ok(None));
    }

    #[test]
    fn what_must_not_be_sent_cannot_be_made() {
        assert_eq!(CloseFrame::new(1005, ""), Err(InvalidClose::Code(CloseCode::NO_STATUS)));
        assert!(CloseFrame::new(1000, "x".repeat(123)).is_ok());
        assert_eq!(CloseFrame::new(1000, "é".repeat(62)), Err(InvalidClose::ReasonTooLong { bytes: 124 }));
    }

    #[test]
    fn what_must_not_be_received_fails() {
        assert_eq!(CloseFrame::decode(b"\x03"), Err(ProtocolError::CloseTooShort));
        assert_eq!(CloseFrame::decode(b"\x03\xed"), Err(ProtocolError::CloseCode(1005)));
        assert_eq!(CloseFrame::decode(b"\0\0bye"), Err(ProtocolError::CloseCode(0)));
        assert_eq!(CloseFrame::decode(b"\x03\xe8\xff"), Err(ProtocolError::CloseReasonNotUtf8));
    }

    #[test]
    fn every_error_fits_the_frame_that_reports_it() {
        let longest = [
            ProtocolError::ReservedBit,
            ProtocolError::ReservedOpcode(15),
            ProtocolError::LengthNotMinimal,
            ProtocolError::LengthTooLarge,
            ProtocolError::NotMasked,
            ProtocolError::Masked,
            ProtocolError::ControlTooLong,
            ProtocolError::ControlFragmented,
            ProtocolError::ContinuationWithoutStart,
            ProtocolError::MessageUnfinished,
            ProtocolError::CloseTooShort,
            ProtocolError::CloseCode(u16::MAX),
            ProtocolError::CloseReasonNotUtf8,
            ProtocolError::TextNotUtf8,
            ProtocolError::Inflate,
            ProtocolError::Overloaded,
            ProtocolError::TooSlow,
            ProtocolError::MessageTooBig { limit: usize::MAX },
            ProtocolError::TooManyFragments { limit: u32::MAX },
        ];
        for error in longest {
            let frame = CloseFrame::for_error(&error);
            assert_eq!(CloseFrame::new(frame.code(), frame.reason()), Ok(frame.clone()), "{error}");
        }
    }

    #[test]
    fn a_frame_reads_like_a_sentence() {
        assert_eq!(CloseFrame::new(1000, "").unwrap().to_string(), "1000 (normal closure)");
        assert_eq!(CloseFrame::new(4001, "log in again").unwrap().to_string(), "4001: log in again");
    }
}
