//! The driver: the background task of a connection.

use std::task::Waker;

/// The background task of a connection. It does the work that no method of a handle does: it writes data that the
/// transport did not take at once, enforces the time limits of `Limits`, replies and discards if there is no receiver,
/// and ends the transport after the closing handshake. It is started when it is first needed: at once if there are time
/// limits. A server's session drives its connection itself.
#[derive(Debug)]
pub(super) enum Driver {
    NotStarted,
    Running {
        waker: Option<Waker>,
        /// It was woken and has not run since.
        scheduled: bool,
        /// It waits until the transport takes bytes, so handles need not try.
        writing: bool,
    },
    Done,
}

/// Which task drives a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrivenBy {
    /// A separate task.
    Itself,
    /// The task that opens it, from the beginning.
    #[cfg(feature = "server")]
    Opener,
}

impl Driver {
    pub(super) fn is_writing(&self) -> bool {
        matches!(self, Driver::Running { writing: true, .. })
    }
}
