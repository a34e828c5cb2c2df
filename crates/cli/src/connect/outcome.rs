//! The exit codes of `longwire connect`.

use longwire::{Cause, Error, Reconnect};

use crate::failure::Failure;
use crate::terminal;

/// The name, the TCP connection or the proxy failed.
const UNREACHABLE: u8 = 3;
const TLS: u8 = 4;
/// The response does not open a WebSocket.
const REFUSED: u8 = 5;
const PROTOCOL_ERROR: u8 = 6;
pub(crate) const TIMED_OUT: u8 = 7;
pub(super) const UNEXPECTED: u8 = 8;

/// Why connecting failed.
pub(crate) fn connecting_failed(error: Error) -> Failure {
    let code = match kind(&error) {
        Error::Io { doing, .. } if doing.ends_with("with TLS") => TLS,
        Error::Io { .. } | Error::Proxy(_) => UNREACHABLE,
        other => return coded(other_code(other), error),
    };
    coded(Some(code), error)
}

/// Why an open connection failed.
pub(crate) fn connection_failed(error: Error) -> Failure {
    match error {
        // A connection that the server closed for good is no failure: this one was the last of --tries.
        Error::GaveUp(Cause::Closed(_)) => {
            let stable = Reconnect::default().stable_after.as_secs();
            let message = terminal::escape(&error.to_string());
            Failure::Other(format!(
                "{message} (--tries also counts connections that held for less than {stable} s)"
            ))
        }
        // With --reconnect, this is the last attempt to connect.
        Error::GaveUp(_) => connecting_failed(error),
        error => coded(other_code(&error), error),
    }
}

fn kind(error: &Error) -> &Error {
    match error {
        Error::GaveUp(Cause::Failed(error)) => kind(error),
        error => error,
    }
}

fn other_code(error: &Error) -> Option<u8> {
    match error {
        Error::Refused(_) | Error::Handshake(_) => Some(REFUSED),
        Error::Protocol(_) => Some(PROTOCOL_ERROR),
        Error::Timeout { .. } => Some(TIMED_OUT),
        _ => None,
    }
}

fn coded(code: Option<u8>, error: Error) -> Failure {
    match (code, Failure::from(error)) {
        (Some(code), Failure::Other(message)) => Failure::Coded { message, code },
        (_, failure) => failure,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    fn code(failure: &Failure) -> u8 {
        match failure {
            Failure::Coded { code, .. } => *code,
            Failure::Usage(_) => 2,
            Failure::Other(_) => 1,
        }
    }

    fn io_error(doing: &str) -> Error {
        Error::Io { doing: doing.into(), source: io::ErrorKind::ConnectionRefused.into() }
    }

    #[test]
    fn each_way_to_fail_has_its_code() {
        assert_eq!(code(&connecting_failed(io_error("connect to a.example:80"))), UNREACHABLE);
        assert_eq!(code(&connecting_failed(io_error("secure the connection to a.example with TLS"))), TLS);
        let timeout = Error::Timeout { doing: "connect to a.example".into(), after: Duration::from_secs(1) };
        assert_eq!(code(&connecting_failed(timeout)), TIMED_OUT);
        assert_eq!(code(&connection_failed(io_error("read from the connection"))), 1);
        assert_eq!(code(&connection_failed(Error::Protocol(longwire::ProtocolError::ControlTooLong))), 6);
    }
}
