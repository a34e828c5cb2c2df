//! The completions of a ring: the results of its operations.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::buffers::Lease;

/// The result of an operation. `token` is the number that the caller passed with the operation.
#[derive(Debug)]
#[non_exhaustive]
pub enum Completion {
    /// A connection was accepted; the operation continues.
    Accepted {
        /// The token of the accept.
        token: u64,
        /// In blocking mode, with close-on-exec set.
        socket: OwnedFd,
    },
    /// Accepting has ended: it was cancelled, or descriptors or memory ran out.
    AcceptEnded {
        /// The token of the accept.
        token: u64,
        /// The reason.
        error: io::Error,
    },
    /// Bytes were received; the operation continues.
    Received {
        /// The token of the receive.
        token: u64,
        /// At least one byte.
        data: Lease,
    },
    /// Receiving has ended.
    ReceiveEnded {
        /// The token of the receive.
        token: u64,
        /// The reason.
        why: ReceiveEnd,
    },
    /// The whole buffer was sent, or there was an error.
    Sent {
        /// The token of the send.
        token: u64,
        /// The buffer of the send, emptied.
        buffer: Vec<u8>,
        /// Whether all of it was sent.
        result: io::Result<()>,
    },
    /// The socket is readable, has an error, or has reached its end; or the poll was cancelled.
    Readable {
        /// The token of the poll.
        token: u64,
    },
    /// The socket is writable, or writing will fail; or the poll was cancelled.
    Writable {
        /// The token of the poll.
        token: u64,
    },
    /// Another thread called [`Waker::wake`](crate::Waker::wake).
    Woken,
}

/// Why receiving has ended.
#[derive(Debug)]
pub enum ReceiveEnd {
    /// The peer has ended its writing side.
    EndOfFile,
    /// All provided buffers were in use. Receive again after leases have been dropped.
    NoBuffers,
    /// It was cancelled.
    Cancelled,
    /// The connection failed.
    Failed(io::Error),
}

impl ReceiveEnd {
    /// `cancelled`: the operation was cancelled. Cancelling may interrupt it while it works.
    pub(crate) fn of(result: io::Result<usize>, cancelled: bool) -> ReceiveEnd {
        let Err(error) = result else { return ReceiveEnd::EndOfFile };
        match Errno::from_io_error(&error) {
            Some(Errno::NOBUFS) => ReceiveEnd::NoBuffers,
            Some(Errno::CANCELED) => ReceiveEnd::Cancelled,
            Some(Errno::INTR) if cancelled => ReceiveEnd::Cancelled,
            _ => ReceiveEnd::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receive_that_was_cancelled_while_it_was_at_work_has_not_failed() {
        let end = |errno: Errno, cancelled| ReceiveEnd::of(Err(errno.into()), cancelled);
        assert!(matches!(end(Errno::CANCELED, true), ReceiveEnd::Cancelled));
        assert!(matches!(end(Errno::INTR, true), ReceiveEnd::Cancelled));
        assert!(matches!(end(Errno::INTR, false), ReceiveEnd::Failed(_)));
        assert!(matches!(end(Errno::CONNRESET, true), ReceiveEnd::Failed(_)));
    }
}
