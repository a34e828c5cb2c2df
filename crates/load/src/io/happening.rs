//! What happens on sockets.

use std::io;
use std::ops::Deref;

use crate::table::Token;

/// How a generator does I/O.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// io_uring where the system allows it.
    #[default]
    Auto,
    /// io_uring, or an error.
    Uring,
    /// Readiness: epoll, kqueue, or what the system has.
    Readiness,
}

/// Something that has happened on a socket.
#[derive(Debug)]
pub enum Happened {
    /// Connecting has succeeded or failed. A socket that failed is gone.
    Connected(Token, io::Result<()>),
    /// Bytes have arrived. Return the memory with [`Io::recycle`](super::Io::recycle).
    Received(Token, Data),
    /// A send is over, and the buffer comes back empty.
    Sent(Token, Vec<u8>, io::Result<()>),
    /// Nothing more arrives: the peer has ended its side (`Ok`), or the connection failed.
    Ended(Token, io::Result<()>),
}

/// Bytes that have arrived.
#[derive(Debug)]
pub enum Data {
    /// In memory that the kernel shares with the ring.
    #[cfg(target_os = "linux")]
    Lease(longwire_ring::Lease),
    /// In memory of the generator: this many bytes of it.
    Buffer(Vec<u8>, usize),
}

impl Deref for Data {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            #[cfg(target_os = "linux")]
            Data::Lease(lease) => lease,
            Data::Buffer(buffer, length) => buffer.get(..*length).unwrap_or_default(),
        }
    }
}

/// How a connection is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropping {
    /// The system sends what it still has.
    Gently,
    /// With a reset. The port is free again at once, instead of in TIME-WAIT.
    WithReset,
}

/// Whether a non-blocking `connect` goes on in the background.
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::INPROGRESS) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}
