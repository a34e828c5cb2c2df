//! The errors of a request.

use std::fmt;

use http::StatusCode;

/// Why a request fails, with the codes and texts of the JavaScript server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    UnknownTransport,
    UnknownSid,
    BadHandshakeMethod,
    BadRequest,
    Forbidden,
    UnsupportedVersion,
    /// As many sessions are open as the settings allow. The JavaScript server has no such bound.
    Full,
}

impl Fault {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Fault::Forbidden => StatusCode::FORBIDDEN,
            Fault::Full => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn code(self) -> u8 {
        match self {
            Fault::UnknownTransport => 0,
            Fault::UnknownSid => 1,
            Fault::BadHandshakeMethod => 2,
            Fault::BadRequest => 3,
            Fault::Forbidden | Fault::Full => 4,
            Fault::UnsupportedVersion => 5,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Fault::UnknownTransport => "Transport unknown",
            Fault::UnknownSid => "Session ID unknown",
            Fault::BadHandshakeMethod => "Bad handshake method",
            Fault::BadRequest => "Bad request",
            Fault::Forbidden => "Forbidden",
            Fault::UnsupportedVersion => "Unsupported protocol version",
            Fault::Full => "Too many sessions",
        }
    }
}

/// The body of the response.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"code":{},"message":"{}"}}"#, self.code(), self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_javascript_server() {
        let of = |fault: Fault| (fault.status().as_u16(), fault.to_string());
        for (fault, status, text) in [
            (Fault::UnknownTransport, 400, r#"{"code":0,"message":"Transport unknown"}"#),
            (Fault::UnknownSid, 400, r#"{"code":1,"message":"Session ID unknown"}"#),
            (Fault::BadHandshakeMethod, 400, r#"{"code":2,"message":"Bad handshake method"}"#),
            (Fault::BadRequest, 400, r#"{"code":3,"message":"Bad request"}"#),
            (Fault::Forbidden, 403, r#"{"code":4,"message":"Forbidden"}"#),
            (Fault::UnsupportedVersion, 400, r#"{"code":5,"message":"Unsupported protocol version"}"#),
        ] {
            assert_eq!(of(fault), (status, text.to_owned()));
        }
    }
}
