//! Why the program could not do what it was asked to.

use longwire::{Error, HandshakeError, ProxyError};

use crate::terminal;

/// Why the program could not do what it was asked to.
pub(crate) enum Failure {
    /// It was asked in a way that makes no sense.
    Usage(String),
    Other(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let asked_wrongly = match &error {
            Error::Url(_) => true,
            Error::Proxy(error) => matches!(**error, ProxyError::Address { .. }),
            Error::Handshake(error) => matches!(**error, HandshakeError::Request(_)),
            _ => false,
        };
        let message = terminal::escape(&error.to_string());
        if asked_wrongly { Failure::Usage(message) } else { Failure::Other(message) }
    }
}
