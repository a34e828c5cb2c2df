//! The operations in flight, and the resources that the kernel may use for them.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use slotmap::{Key as _, KeyData, SlotMap};

/// Identifies a socket, or another descriptor, that a ring [holds](crate::Ring::hold). When the ring has closed it or given
/// it back, it identifies nothing, even if another socket takes its place in the ring's table. Another ring takes it for a
/// socket of its own, or for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket(pub(crate) SocketKey);

/// Identifies an operation of a ring, to [cancel](crate::Ring::cancel) it. After the last completion it identifies
/// nothing, even if another operation takes its place in the ring's table. Another ring takes it for an operation of its own,
/// or for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation(pub(crate) OperationKey);

slotmap::new_key_type! {
    /// The place of a socket in the ring's table.
    pub(crate) struct SocketKey;

    /// The place of an operation in the ring's table.
    pub(crate) struct OperationKey;

    /// The place of a buffer that is sent in the ring's table.
    pub(crate) struct OutgoingKey;
}

impl OperationKey {
    pub(crate) fn user_data(self) -> u64 {
        self.data().as_ffi()
    }

    pub(crate) fn from_user_data(user_data: u64) -> OperationKey {
        KeyData::from_ffi(user_data).into()
    }
}

/// The request to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Accept connections until an error.
    Accept,
    /// Receive into provided buffers until the end.
    Receive,
    /// Send a buffer.
    Send,
    /// Wait until the socket is readable.
    AwaitReadable,
    /// Wait until the socket is writable.
    AwaitWritable,
    /// Wait for wake-ups from other threads, repeatedly.
    AwaitWake,
}

/// A buffer, of which the first `sent` bytes are sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) buffer: Vec<u8>,
    pub(crate) sent: usize,
}

/// An operation that the kernel has not finished. It is small, because every connection has a receive in flight: the buffers
/// of sends are in a table of their own, and no field has to lie at a multiple of 8 bytes.
#[derive(Debug)]
pub(crate) struct InFlight {
    socket: SocketKey,
    token: [u8; 8],
    /// The buffer of a send; null for other work.
    outgoing: OutgoingKey,
    pub(crate) work: Work,
    /// Whether it was cancelled. A cancelled operation is not continued, whatever its result.
    pub(crate) cancelled: bool,
}

/// A descriptor for operations.
#[derive(Debug)]
struct Held {
    descriptor: OwnedFd,
    /// The sum of [`CALLER`] and [`OPERATION`] for each who needs the descriptor.
    users: u32,
}

/// The caller has not closed the socket.
const CALLER: u32 = 1;

/// An operation is in flight.
const OPERATION: u32 = 2;

/// How many buffers the table of sends has room for while it is empty. A message to all connections may need many more at once.
const IDLE_SENDS: usize = 4096;

/// The operations in flight, with their descriptors and buffers. A descriptor is not closed, and its number is not reused,
/// while an operation on it is in the table.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    in_flight: SlotMap<OperationKey, InFlight>,
    sockets: SlotMap<SocketKey, Held>,
    outgoing: SlotMap<OutgoingKey, Outgoing>,
}

impl InFlight {
    pub(crate) fn token(&self) -> u64 {
        u64::from_ne_bytes(self.token)
    }
}

impl Operations {
    /// Adds a socket.
    pub(crate) fn hold(&mut self, descriptor: OwnedFd) -> SocketKey {
        self.sockets.insert(Held { descriptor, users: CALLER })
    }

    pub(crate) fn descriptor(&self, socket: SocketKey) -> Option<BorrowedFd<'_>> {
        self.sockets.get(socket).map(|held| held.descriptor.as_fd())
    }

    /// How many operations are in flight for a socket.
    pub(crate) fn of(&self, socket: SocketKey) -> usize {
        self.sockets.get(socket).map_or(0, |held| (held.users / OPERATION) as usize)
    }

    /// Removes a socket, unless an operation is in flight for it.
    pub(crate) fn give_back(&mut self, socket: SocketKey) -> Option<OwnedFd> {
        if self.sockets.get(socket)?.users != CALLER {
            return None;
        }
        self.sockets.remove(socket).map(|held| held.descriptor)
    }

    /// Closes a socket once no operation is in flight for it.
    pub(crate) fn close(&mut self, socket: SocketKey) {
        let Some(held) = self.sockets.get_mut(socket) else { return };
        held.users &= !CALLER;
        if held.users == 0 {
            self.sockets.remove(socket);
        }
    }

    /// Adds an operation; `buffer` is what it sends. Gives the buffer back if the caller has closed the socket.
    pub(crate) fn begin(
        &mut self,
        socket: SocketKey,
        token: u64,
        work: Work,
        buffer: Option<Vec<u8>>,
    ) -> Result<OperationKey, Option<Vec<u8>>> {
        let Some(held) = self.sockets.get_mut(socket).filter(|held| held.users & CALLER != 0) else {
            return Err(buffer);
        };
        let Some(users) = held.users.checked_add(OPERATION) else { return Err(buffer) };
        held.users = users;
        let outgoing = match buffer {
            Some(buffer) => self.outgoing.insert(Outgoing { buffer, sent: 0 }),
            None => OutgoingKey::null(),
        };
        let token = token.to_ne_bytes();
        Ok(self.in_flight.insert(InFlight { socket, token, outgoing, work, cancelled: false }))
    }

    pub(crate) fn get(&self, operation: OperationKey) -> Option<&InFlight> {
        self.in_flight.get(operation)
    }

    pub(crate) fn get_mut(&mut self, operation: OperationKey) -> Option<&mut InFlight> {
        self.in_flight.get_mut(operation)
    }

    /// What a send has still to send; empty for other work.
    pub(crate) fn unsent(&self, in_flight: &InFlight) -> &[u8] {
        let outgoing = self.outgoing.get(in_flight.outgoing);
        outgoing.and_then(|outgoing| outgoing.buffer.get(outgoing.sent..)).unwrap_or_default()
    }

    /// Counts bytes that a send has sent. Returns how many are left.
    pub(crate) fn sent(&mut self, operation: OperationKey, count: usize) -> usize {
        let Some(in_flight) = self.in_flight.get(operation) else { return 0 };
        let Some(outgoing) = self.outgoing.get_mut(in_flight.outgoing) else { return 0 };
        outgoing.sent = outgoing.sent.saturating_add(count);
        outgoing.buffer.len().saturating_sub(outgoing.sent)
    }

    /// Removes an operation whose last completion has come. Returns the buffer of a send, which may be dropped or changed
    /// now.
    pub(crate) fn end(&mut self, operation: OperationKey) -> Option<Vec<u8>> {
        let in_flight = self.in_flight.remove(operation)?;
        if let Some(held) = self.sockets.get_mut(in_flight.socket) {
            held.users -= OPERATION;
            if held.users == 0 {
                self.sockets.remove(in_flight.socket);
            }
        }
        let outgoing = self.outgoing.remove(in_flight.outgoing)?;
        if self.outgoing.is_empty() && self.outgoing.capacity() > IDLE_SENDS {
            self.outgoing = SlotMap::default();
        }
        Some(outgoing.buffer)
    }

    /// The descriptor of an operation.
    pub(crate) fn descriptor_of(&self, in_flight: &InFlight) -> Option<BorrowedFd<'_>> {
        self.descriptor(in_flight.socket)
    }

    pub(crate) fn cancel_all(&mut self) {
        for in_flight in self.in_flight.values_mut() {
            in_flight.cancelled = true;
        }
    }

    /// Removes the sockets for which no operation is in flight.
    pub(crate) fn close_idle(&mut self) {
        self.sockets.retain(|_, held| held.users >= OPERATION);
    }

    pub(crate) fn len(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every connection of a loop has a socket and a receive in flight. A table adds 4 bytes to each.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn an_operation_in_flight_is_small() {
        assert_eq!((size_of::<InFlight>(), align_of::<InFlight>()), (28, 4));
        assert_eq!((size_of::<Held>(), align_of::<Held>()), (8, 4));
    }

    fn descriptor() -> OwnedFd {
        std::net::UdpSocket::bind("127.0.0.1:0").unwrap().into()
    }

    #[test]
    fn a_socket_is_closed_once_its_owner_and_all_operations_are_done_with_it() {
        let mut operations = Operations::default();
        let socket = operations.hold(descriptor());
        let first = operations.begin(socket, 1, Work::Receive, None).unwrap();
        let second = operations.begin(socket, 2, Work::Send, Some(vec![1])).unwrap();
        assert_eq!(operations.of(socket), 2);
        assert!(operations.give_back(socket).is_none(), "the kernel may still use it");
        // Closing twice is closing once.
        operations.close(socket);
        operations.close(socket);
        assert_eq!(operations.begin(socket, 3, Work::Send, Some(vec![2])), Err(Some(vec![2])));
        assert_eq!(operations.end(second), Some(vec![1]));
        assert_eq!(operations.end(second), None);
        assert!(operations.descriptor(socket).is_some());
        assert_eq!(operations.end(first), None);
        assert!(operations.descriptor(socket).is_none());
    }

    /// After a message to all connections, the table kept the room for as many sends.
    #[test]
    fn the_table_of_sends_shrinks_when_all_are_sent() {
        let mut operations = Operations::default();
        let socket = operations.hold(descriptor());
        for round in 0..2 {
            let sends: Vec<_> = (0..IDLE_SENDS + 1)
                .map(|_| operations.begin(socket, 0, Work::Send, Some(vec![round])).unwrap())
                .collect();
            assert!(operations.outgoing.capacity() > IDLE_SENDS);
            for send in sends {
                assert_eq!(operations.end(send), Some(vec![round]));
            }
            assert!(operations.outgoing.capacity() <= IDLE_SENDS);
        }
    }

    #[test]
    fn a_socket_is_given_back_once() {
        let mut operations = Operations::default();
        let socket = operations.hold(descriptor());
        let first = operations.begin(socket, 1, Work::Receive, None).unwrap();
        operations.end(first);
        assert!(operations.give_back(socket).is_some());
        assert!(operations.give_back(socket).is_none());
        operations.close(socket);
        let other = operations.hold(descriptor());
        assert!(operations.descriptor(socket).is_none(), "an outdated key finds another socket");
        assert!(operations.descriptor(other).is_some());
    }
}
