//! What commands print that produce text and end.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use crate::failure::Failure;

/// Prints all of it. A reader who has seen enough and closes the pipe is not a failure.
pub(crate) fn print(text: &[u8]) -> Result<ExitCode, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
