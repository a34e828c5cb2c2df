//! The state that the io_uring loop keeps of a connection.

use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use longwire_ring::{Operation, Ring, Socket};
use socket2::SockRef;

use crate::event::sockets::{LinkState, Records, SocketLink};

/// The state that the loop keeps of a connection.
///
/// It records every operation that the ring has in flight for the connection: at most one read and one write. Code that
/// removes the connection from the loop must cancel them.
pub(in crate::event) struct Link {
    socket: Socket,
    reading: Reading,
    writing: Writing,
    /// How many more small reads are direct ones, because large messages have arrived.
    pub(super) direct_reads: u8,
    state: LinkState,
}

/// How a connection is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    No,
    /// By the ring, into the shared buffers.
    Shared(Operation),
    /// The ring was asked to stop.
    Stopping(Operation),
    /// By direct calls, when the socket is readable.
    Direct(Operation),
    /// The transport has ended.
    Ended,
}

/// The current write.
#[derive(Debug, Clone, Copy)]
pub(super) enum Writing {
    No,
    /// The kernel is sending what was taken of the queue, or what TLS has encrypted.
    Sending(Operation),
    /// The kernel has no room.
    Blocked(Operation),
}

impl Reading {
    fn operation(self) -> Option<Operation> {
        match self {
            Reading::Shared(operation) | Reading::Stopping(operation) | Reading::Direct(operation) => {
                Some(operation)
            }
            Reading::No | Reading::Ended => None,
        }
    }
}

impl Writing {
    fn operation(self) -> Option<Operation> {
        match self {
            Writing::Sending(operation) | Writing::Blocked(operation) => Some(operation),
            Writing::No => None,
        }
    }
}

impl Link {
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(super) fn reading(&self) -> Reading {
        self.reading
    }

    /// Records that the ring has started to read.
    pub(super) fn begin_reading(&mut self, reading: Reading) {
        debug_assert!(matches!(self.reading, Reading::No), "{reading:?} instead of {:?}", self.reading);
        self.reading = reading;
        self.assert_all_named();
    }

    /// Records that the ring should stop reading into the shared buffers.
    pub(super) fn stop_reading(&mut self) -> Option<Operation> {
        let Reading::Shared(operation) = self.reading else { return None };
        self.reading = Reading::Stopping(operation);
        Some(operation)
    }

    /// Records the last completion of the read.
    pub(super) fn has_read(&mut self, has_ended: bool) {
        self.reading = if has_ended { Reading::Ended } else { Reading::No };
        self.assert_all_named();
    }

    /// Sends a buffer with the ring.
    pub(super) fn send(&mut self, ring: &mut Ring, buffer: Vec<u8>, token: u64) {
        let operation = ring.send(&self.socket, buffer, token);
        self.begin_writing(Writing::Sending(operation));
    }

    /// Records that the ring has started to write.
    pub(super) fn begin_writing(&mut self, writing: Writing) {
        debug_assert!(!self.is_writing(), "{writing:?} instead of {:?}", self.writing);
        self.writing = writing;
        self.assert_all_named();
    }

    /// Records the last completion of the write. Returns what it was.
    pub(super) fn has_written(&mut self) -> Writing {
        let written = std::mem::replace(&mut self.writing, Writing::No);
        self.assert_all_named();
        written
    }

    /// All operations in flight.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = Operation> + use<> {
        self.reading.operation().into_iter().chain(self.writing.operation())
    }

    /// Each operation in flight holds the socket, and nothing else does. An operation that is not recorded here would
    /// keep the socket open after the connection has ended.
    fn assert_all_named(&self) {
        debug_assert_eq!(Rc::strong_count(&self.socket), 1 + self.in_flight().count());
    }

    /// The socket and its TLS session. `None` if the ring still has an operation in flight.
    pub(super) fn into_parts(self) -> Option<(OwnedFd, Option<Box<dyn Records>>)> {
        self.assert_all_named();
        Some((Rc::into_inner(self.socket)?, self.state.tls))
    }
}

impl SocketLink for Link {
    fn new(socket: OwnedFd, tls: Option<Box<dyn Records>>) -> Link {
        Link {
            socket: Rc::new(socket),
            reading: Reading::No,
            writing: Writing::No,
            direct_reads: 0,
            state: LinkState::new(tls),
        }
    }

    fn state(&mut self) -> &mut LinkState {
        &mut self.state
    }

    fn is_writing(&self) -> bool {
        self.writing.operation().is_some()
    }

    fn shut_down(&self) {
        // A transport that fails to shut down counts as shut down.
        let _gone = SockRef::from(&*self.socket).shutdown(Shutdown::Write);
    }
}
