//! The results of operations and system calls, as `Result`.

use std::io;

use rustix::io::Errno;

/// A completion's result: a count or a descriptor, or else the error whose number is given as negative.
pub(crate) fn of(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(result.saturating_neg()))
}

/// Whether a signal came between, so that it has to be asked for again.
pub(crate) fn interrupted(result: &io::Result<usize>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted)
}

/// Takes for success what only means that there is less to see than was waited for: a signal, the end of the time, or
/// that the kernel wants completions to be looked at, or memory to be free, before it takes more operations.
pub(crate) fn forgive(result: io::Result<usize>) -> io::Result<()> {
    let Err(error) = result else { return Ok(()) };
    match Errno::from_io_error(&error) {
        Some(Errno::INTR | Errno::TIME | Errno::BUSY | Errno::AGAIN) => Ok(()),
        _ => Err(error),
    }
}

/// Says what the kernel lacks, or a sandbox refuses.
pub(crate) fn lacking(what: &str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("the kernel refuses {what}: {error}"))
}
