//! Results of operations and system calls, as `Result`.

use std::io;

use rustix::io::Errno;

/// The result of a completion: a count or a descriptor, or a negative error number.
pub(crate) fn of(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(result.saturating_neg()))
}

/// Whether a signal interrupted the operation, so that it must be repeated.
pub(crate) fn interrupted(result: &io::Result<usize>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted)
}

/// Ignores errors that only mean fewer completions than were waited for: a signal, a timeout, or that the kernel first
/// needs its completions taken or memory freed.
pub(crate) fn forgive(result: io::Result<usize>) -> io::Result<()> {
    let Err(error) = result else { return Ok(()) };
    match Errno::from_io_error(&error) {
        Some(Errno::INTR | Errno::TIME | Errno::BUSY | Errno::AGAIN) => Ok(()),
        _ => Err(error),
    }
}

/// Adds what the kernel lacks, or a sandbox refuses.
pub(crate) fn lacking(what: &str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("the kernel refuses {what}: {error}"))
}
