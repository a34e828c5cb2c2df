//! What a ring tells: what has become of operations.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::buffers::Lease;

/// What has become of an operation. `token` is what the caller gave with it.
#[derive(Debug)]
pub(crate) enum Completion {
    /// A connection was accepted; the operation goes on. The socket is in blocking mode and closed on exec.
    Accepted { socket: OwnedFd },
    /// Accepting has ended: it was cancelled, or descriptors or memory have run out.
    AcceptEnded { error: io::Error },
    /// Bytes were received, at least one; the operation goes on.
    Received { token: u64, data: Lease },
    /// Receiving has ended.
    ReceiveEnded { token: u64, why: ReceiveEnd },
    /// The buffer was sent as a whole, or there was an error. It comes back empty, to be used again.
    Sent { token: u64, buffer: Vec<u8>, result: io::Result<()> },
    /// There is something to read, an error and the end included; or the poll was cancelled.
    Readable { token: u64 },
    /// There is room to write, or writing will fail; or the poll was cancelled.
    Writable { token: u64 },
    /// Another thread called [`Waker::wake`](super::wake::Waker::wake).
    Woken,
}

/// Why receiving has ended.
#[derive(Debug)]
pub(crate) enum ReceiveEnd {
    /// The peer sends no more.
    EndOfFile,
    /// All provided buffers were in use. Receive again when leases were given back.
    NoBuffers,
    /// It was cancelled.
    Cancelled,
    /// The connection failed.
    Failed(io::Error),
}

impl ReceiveEnd {
    /// `cancelled`: the end was asked for, which may find the operation at work and interrupt it.
    pub(super) fn of(result: io::Result<usize>, cancelled: bool) -> ReceiveEnd {
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
