//! Why the program failed.

use std::fmt;
use std::process::ExitCode;

use longwire::{Cause, Error, HandshakeError, ProxyError, RefusedResponse};

use crate::log::{self, Severity};
use crate::terminal;

/// The exit code for wrong arguments, as in clap.
const USAGE: u8 = 2;

/// Why the program failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are wrong.
    Usage(String),
    Other(String),
    /// A failure that the command's help gives an exit code of its own.
    Coded {
        message: String,
        code: u8,
    },
}

impl Failure {
    /// Reports the failure on standard error and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Failure::Usage(message) => (message, ExitCode::from(USAGE)),
            Failure::Other(message) => (message, ExitCode::FAILURE),
            Failure::Coded { message, code } => (message, ExitCode::from(*code)),
        };
        log::notice(Severity::Error, &format!("longwire: {message}"));
        code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(message) | Failure::Other(message) | Failure::Coded { message, .. } => {
                f.write_str(message)
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let message = message(&error);
        if is_usage_error(&error) { Failure::Usage(message) } else { Failure::Other(message) }
    }
}

/// What to say of an error. The lines of a refusal's body, such as a page, stay lines.
fn message(error: &Error) -> String {
    let text = error.to_string();
    let lines = refusal(error).and_then(RefusedResponse::text).and_then(|body| body.split_once('\n'));
    match lines.and_then(|(first, _)| text.split_at_checked(text.find(&format!(" {first}\n"))?)) {
        Some((head, body)) => {
            format!("{}{}", terminal::escape(head), terminal::escape_lines(body.trim_start()))
        }
        None => terminal::escape(&text),
    }
}

fn refusal(error: &Error) -> Option<&RefusedResponse> {
    match error {
        Error::Refused(response) => Some(response),
        Error::Proxy(error) => match &**error {
            ProxyError::Refused { response, .. } => Some(response),
            _ => None,
        },
        Error::GaveUp(Cause::Failed(error)) => refusal(error),
        _ => None,
    }
}

fn is_usage_error(error: &Error) -> bool {
    match error {
        Error::Url(_) | Error::Setting(_) => true,
        Error::Proxy(error) => matches!(**error, ProxyError::Address { .. }),
        Error::Handshake(error) => matches!(**error, HandshakeError::Request(_)),
        Error::GaveUp(Cause::Failed(error)) => is_usage_error(error),
        _ => false,
    }
}
