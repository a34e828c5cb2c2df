//! What the loop over io_uring keeps of a connection.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::TcpStream;

use super::operations::{Operation, Socket};
use super::tls::Tls;
use crate::event::reactor::Removed;
use crate::transport::Transport;

/// What the loop keeps of a connection.
pub(in crate::event) struct Link {
    pub(super) socket: Socket,
    pub(super) reading: Reading,
    pub(super) writing: Writing,
    pub(super) tls: Option<Box<Tls>>,
    /// For how many more small reads it is read directly, because large messages have arrived.
    pub(super) direct_reads: u8,
    /// Whether the writing side is to be shut down when what is being written has been.
    pub(super) ends_after_write: bool,
}

/// How a connection is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    No,
    /// By the ring, into the shared buffers.
    Shared(Operation),
    /// Not for long: the ring was asked to stop.
    Stopping,
    /// By single calls, when there is something to read.
    Direct(Operation),
    /// The transport has ended.
    Ended,
}

/// What is being written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Writing {
    No,
    /// This many bytes are in the hands of the kernel.
    Sending {
        operation: Operation,
        length: usize,
    },
    /// The kernel has no room.
    Blocked(Operation),
}

impl Link {
    pub(super) fn shut_down(&self) {
        // A transport that cannot be shut down is as good as shut down.
        let _gone = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
    }
}

/// A connection whose first request is not for a WebSocket.
pub(in crate::event) struct Visitor {
    pub(super) socket: OwnedFd,
    pub(super) tls: Option<Box<Tls>>,
    pub(super) removed: Removed<()>,
}

impl Visitor {
    /// The connection as a transport of tokio.
    ///
    /// # Errors
    ///
    /// The runtime does not take the socket.
    pub(in crate::event) fn into_transport(self) -> io::Result<(Transport, Removed<()>)> {
        let stream = std::net::TcpStream::from(self.socket);
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream)?;
        let transport = match self.tls {
            None => Transport::Tcp(stream),
            Some(tls) => tls.over(stream),
        };
        Ok((transport, self.removed))
    }
}
