//! Who does what no method of a handle is there to do.

use std::task::Waker;

/// The task of a connection. It does what no method of a handle is there to do: it writes what the transport did not
/// take at once, keeps the times of `Limits`, answers and discards when there is no receiver, and ends the transport
/// after the closing handshake. It is started when it is first needed, which is at once if there are times to keep. A
/// server's session is the driver of its connection itself.
#[derive(Debug)]
pub(super) enum Driver {
    NotStarted,
    Running {
        waker: Option<Waker>,
        /// It has been woken and has not run since.
        scheduled: bool,
        /// It waits for the transport to take bytes, so nobody else needs to try.
        writing: bool,
    },
    Done,
}

/// Who drives a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrivenBy {
    /// A task of its own.
    Itself,
    /// Whoever opens it, from the first moment on.
    #[cfg(feature = "server")]
    Opener,
}

impl Driver {
    pub(super) fn is_writing(&self) -> bool {
        matches!(self, Driver::Running { writing: true, .. })
    }
}
