//! Why the program could not do what it was asked to.

use std::process::ExitCode;

use longwire::{Cause, Error, HandshakeError, ProxyError};

use crate::terminal;

/// The exit code for a call that makes no sense, as clap has it.
const USAGE: u8 = 2;

/// Why the program could not do what it was asked to.
pub(crate) enum Failure {
    /// It was asked in a way that makes no sense.
    Usage(String),
    Other(String),
}

impl Failure {
    /// Tells the user, and gives the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        let (message, code) = match self {
            Failure::Usage(message) => (message, ExitCode::from(USAGE)),
            Failure::Other(message) => (message, ExitCode::FAILURE),
        };
        terminal::complain(&format!("longwire: {message}"));
        code
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let message = terminal::escape(&error.to_string());
        if is_asked_wrongly(&error) { Failure::Usage(message) } else { Failure::Other(message) }
    }
}

fn is_asked_wrongly(error: &Error) -> bool {
    match error {
        Error::Url(_) | Error::Setting(_) => true,
        Error::Proxy(error) => matches!(**error, ProxyError::Address { .. }),
        Error::Handshake(error) => matches!(**error, HandshakeError::Request(_)),
        Error::GaveUp(Cause::Failed(error)) => is_asked_wrongly(error),
        _ => false,
    }
}
