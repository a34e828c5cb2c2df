//! The state that the io_uring loop keeps of a connection.

use std::io;
use std::os::fd::BorrowedFd;

use longwire_ring::{Operation, Ring, Socket};

use crate::event::sockets::{LinkState, Records, SocketLink};

/// The state that the loop keeps of a connection.
///
/// It records every operation that the ring has in flight for the connection: at most one read and one write. Code that
/// removes the connection from the loop must give the link to `forget` or `release`: dropping it closes nothing.
pub(in crate::event) struct Link {
    socket: Socket,
    // Beside their operations, and not around them, the two states take 8 bytes less.
    read_operation: Option<Operation>,
    write_operation: Option<Operation>,
    reading: Reading,
    writing: Writing,
    /// How many more small reads are direct ones, because large messages have arrived.
    pub(super) direct_reads: u8,
    state: LinkState,
}

/// How a connection is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    No,
    /// By the ring, into the shared buffers.
    Shared,
    /// The ring was asked to stop.
    Stopping,
    /// By direct calls, when the socket is readable.
    Direct,
    /// The transport has ended.
    Ended,
}

/// The current write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    No,
    /// The kernel is sending what was taken of the queue, or what TLS has encrypted.
    Sending,
    /// The kernel has no room.
    Blocked,
}

impl Link {
    pub(super) fn new(socket: Socket, tls: Option<Box<dyn Records>>) -> Link {
        Link {
            socket,
            read_operation: None,
            write_operation: None,
            reading: Reading::No,
            writing: Writing::No,
            direct_reads: 0,
            state: LinkState::new(tls),
        }
    }

    pub(super) fn socket(&self) -> Socket {
        self.socket
    }

    /// The descriptor of the socket.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the ring has closed the socket.
    pub(super) fn descriptor<'r>(&self, ring: &'r Ring) -> io::Result<BorrowedFd<'r>> {
        ring.descriptor(self.socket).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(super) fn reading(&self) -> Reading {
        self.reading
    }

    /// Records that the ring has started to read.
    pub(super) fn begin_reading(&mut self, ring: &Ring, reading: Reading, operation: Operation) {
        debug_assert_eq!(self.reading, Reading::No);
        self.reading = reading;
        self.read_operation = Some(operation);
        self.assert_all_named(ring);
    }

    /// Records that the ring should stop reading into the shared buffers.
    pub(super) fn stop_reading(&mut self) -> Option<Operation> {
        if self.reading != Reading::Shared {
            return None;
        }
        self.reading = Reading::Stopping;
        self.read_operation
    }

    /// Records the last completion of the read.
    pub(super) fn has_read(&mut self, ring: &Ring, has_ended: bool) {
        self.reading = if has_ended { Reading::Ended } else { Reading::No };
        self.read_operation = None;
        self.assert_all_named(ring);
    }

    /// Sends a buffer with the ring.
    pub(super) fn send(&mut self, ring: &mut Ring, buffer: Vec<u8>, token: u64) {
        let operation = ring.send(self.socket, buffer, token);
        self.begin_writing(ring, Writing::Sending, operation);
    }

    /// Records that the ring has started to write.
    pub(super) fn begin_writing(&mut self, ring: &Ring, writing: Writing, operation: Operation) {
        debug_assert_eq!(self.writing, Writing::No);
        self.writing = writing;
        self.write_operation = Some(operation);
        self.assert_all_named(ring);
    }

    /// Records the last completion of the write. Returns what it was.
    pub(super) fn has_written(&mut self, ring: &Ring) -> Writing {
        self.write_operation = None;
        let written = std::mem::replace(&mut self.writing, Writing::No);
        self.assert_all_named(ring);
        written
    }

    /// All operations in flight.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = Operation> + use<> {
        self.read_operation.into_iter().chain(self.write_operation)
    }

    /// An operation that is not recorded here would keep the socket open after the connection has ended.
    fn assert_all_named(&self, ring: &Ring) {
        debug_assert_eq!(ring.in_flight_for(self.socket), self.in_flight().count());
    }

    /// The TLS session, when the socket is handed over.
    pub(super) fn into_tls(self) -> Option<Box<dyn Records>> {
        self.state.tls
    }
}

impl SocketLink for Link {
    fn state(&mut self) -> &mut LinkState {
        &mut self.state
    }

    fn is_writing(&self) -> bool {
        self.writing != Writing::No
    }
}
