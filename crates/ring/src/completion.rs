//! The completions of a ring: what has become of its operations.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::buffers::Lease;

/// What has become of an operation. `token` is the number that the caller gave with it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Completion {
    /// A connection was accepted; the operation goes on.
    Accepted {
        /// In blocking mode, and closed on exec.
        socket: OwnedFd,
    },
    /// Accepting has ended: it was cancelled, or descriptors or memory have run out.
    AcceptEnded {
        /// Why.
        error: io::Error,
    },
    /// Bytes were received; the operation goes on.
    Received {
        /// Of the receive.
        token: u64,
        /// At least one byte.
        data: Lease,
    },
    /// Receiving has ended.
    ReceiveEnded {
        /// Of the receive.
        token: u64,
        /// Why.
        why: ReceiveEnd,
    },
    /// The whole buffer was sent, or there was an error.
    Sent {
        /// Of the send.
        token: u64,
        /// The buffer of the send, empty again.
        buffer: Vec<u8>,
        /// Whether all of it was sent.
        result: io::Result<()>,
    },
    /// There is something to read, an error and the end included; or the poll was cancelled.
    Readable {
        /// Of the poll.
        token: u64,
    },
    /// There is room to write, or writing will fail; or the poll was cancelled.
    Writable {
        /// Of the poll.
        token: u64,
    },
    /// Another thread called [`Waker::wake`](crate::Waker::wake).
    Woken,
}

/// Why receiving has ended.
#[derive(Debug)]
pub enum ReceiveEnd {
    /// The peer sends no more.
    EndOfFile,
    /// All provided buffers were in use. Receive again when leases have been dropped.
    NoBuffers,
    /// It was cancelled.
    Cancelled,
    /// The connection failed.
    Failed(io::Error),
}

impl ReceiveEnd {
    /// `cancelled`: the end was asked for, which may find the operation at work and interrupt it.
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
