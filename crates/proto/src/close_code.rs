//! Close codes (RFC 6455 §7.4).

use std::fmt;

/// Why a connection ended (RFC 6455 §7.4).
///
/// A `CloseCode` can hold any number, because every end of a connection must be reported. [`CloseCode::is_sendable`]
/// says whether a code may be sent, and [`CloseFrame`](crate::CloseFrame) enforces it.
///
/// ```
/// use longwire_proto::CloseCode;
///
/// assert_eq!(CloseCode::GOING_AWAY, 1001);
/// assert_eq!(CloseCode::from(4001).to_string(), "4001");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: a server shuts down, or a browser navigates away.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// 1003: this end does not accept this kind of data, such as binary messages.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// 1005: the peer's Close frame had no code. Never sent; only reported.
    pub const NO_STATUS: CloseCode = CloseCode(1005);
    /// 1006: the connection ended without a Close frame. Never sent; only reported.
    pub const ABNORMAL: CloseCode = CloseCode(1006);
    /// 1007: the content does not match the kind of message, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// 1008: a message violates this end's policy, and no other code fits.
    pub const POLICY_VIOLATION: CloseCode = CloseCode(1008);
    /// 1009: a message is too big to process.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// 1010: the client requires an extension that the server did not accept.
    pub const MANDATORY_EXTENSION: CloseCode = CloseCode(1010);
    /// 1011: the server encountered an unexpected condition.
    pub const INTERNAL_ERROR: CloseCode = CloseCode(1011);
    /// 1012: the server restarts.
    pub const SERVICE_RESTART: CloseCode = CloseCode(1012);
    /// 1013: the server is overloaded; try again later.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);
    /// 1014: a gateway received an invalid response from its upstream server.
    pub const BAD_GATEWAY: CloseCode = CloseCode(1014);

    /// The code as a number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether a Close frame may contain the code: 1000-1003 and 1007-1014 (RFC 6455 §7.4.1 and the IANA registry),
    /// 3000-3999 for libraries and frameworks, 4000-4999 for applications (§7.4.2).
    #[must_use]
    pub fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// The meaning in a few words; `None` if it is known to the application only.
    #[must_use]
    pub fn meaning(self) -> Option<&'static str> {
        Some(match self {
            CloseCode::NORMAL => "normal closure",
            CloseCode::GOING_AWAY => "going away",
            CloseCode::PROTOCOL_ERROR => "protocol error",
            CloseCode::UNSUPPORTED => "unsupported data",
            CloseCode::NO_STATUS => "no code",
            CloseCode::ABNORMAL => "no closing handshake",
            CloseCode::INVALID_PAYLOAD => "invalid payload",
            CloseCode::POLICY_VIOLATION => "policy violation",
            CloseCode::TOO_BIG => "message too big",
            CloseCode::MANDATORY_EXTENSION => "extension missing",
            CloseCode::INTERNAL_ERROR => "internal error",
            CloseCode::SERVICE_RESTART => "service restart",
            CloseCode::TRY_AGAIN_LATER => "try again later",
            CloseCode::BAD_GATEWAY => "bad gateway",
            _ => return None,
        })
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> CloseCode {
        CloseCode(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> u16 {
        code.0
    }
}

impl PartialEq<u16> for CloseCode {
    fn eq(&self, other: &u16) -> bool {
        self.0 == *other
    }
}

/// `1000 (normal closure)`, or only the number if the application defines the meaning.
impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some(meaning) => write!(f, "{} ({meaning})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_that_may_be_sent_are_those_of_the_registry() {
        for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
            assert!(CloseCode(code).is_sendable(), "{code}");
        }
        for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, u16::MAX] {
            assert!(!CloseCode(code).is_sendable(), "{code}");
        }
    }

    #[test]
    fn a_code_reads_with_its_meaning() {
        assert_eq!(CloseCode::NORMAL.to_string(), "1000 (normal closure)");
        assert_eq!(CloseCode::from(4001).to_string(), "4001");
    }

    #[test]
    fn every_code_with_a_name_has_a_meaning() {
        for code in (1000..=1003).chain(1005..=1014) {
            assert!(CloseCode(code).meaning().is_some(), "{code}");
        }
        assert_eq!(CloseCode(1004).meaning(), None);
        assert_eq!(u16::from(CloseCode::TOO_BIG), 1009);
        assert!(CloseCode::TOO_BIG == 1009 && CloseCode::TOO_BIG.get() == 1009);
    }
}
