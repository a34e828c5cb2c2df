//! Reading from a connection.

use std::io;
use std::mem;

use bytes::BufMut as _;
use mio::event::Event;
use rustix::buffer::spare_capacity;

use super::driver::PollLoop;
use super::link::{PolledSocket, Unread};
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::reactor::visit::Visit;
use crate::event::sockets::SocketLink as _;

/// How often one connection is read before the others are.
const READS_AT_A_TIME: usize = 4;

/// The outcome of a single read.
enum SocketRead {
    /// Nothing is there.
    Nothing,
    End,
    /// A part of a large message, read into it directly.
    Directly(usize),
    /// Some bytes, in the buffer. `is_all`: nothing more has arrived.
    IntoBuffer {
        count: usize,
        is_all: bool,
    },
}

/// Whether to read a connection once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    ReadOn,
    Stop,
}

impl<A: Application> PollLoop<A> {
    /// Handles an event of a connection: reads what has arrived, and writes if the system has room again. Returns `false`
    /// if there is no such connection.
    pub(super) fn reported(&mut self, key: Key, event: &Event) -> bool {
        let Some(mut visit) = self.reactor.visit(key) else { return false };
        let has_room = visit.link().note(event);
        if let Some(read) = visit.read(&mut self.driver.buffer)
            && self.handle(key, read) == Then::ReadOn
        {
            self.read(key);
        }
        if has_room {
            self.drive(key);
        }
        true
    }

    /// Reads what has arrived on a connection, at most a few times.
    pub(super) fn read(&mut self, key: Key) {
        for _ in 0..READS_AT_A_TIME {
            let Some(mut visit) = self.reactor.visit(key) else { return };
            let Some(read) = visit.read(&mut self.driver.buffer) else { return };
            if self.handle(key, read) == Then::Stop {
                return;
            }
        }
        self.read_on(key);
    }

    fn handle(&mut self, key: Key, read: io::Result<SocketRead>) -> Then {
        match read {
            Ok(SocketRead::Nothing) => {
                if self.reactor.visit(key).is_some_and(|visit| visit.is_broken()) {
                    self.reactor.ended(key, None);
                }
                return Then::Stop;
            }
            Ok(SocketRead::End) => self.reactor.ended(key, None),
            Ok(SocketRead::Directly(count)) => self.reactor.received_directly(key, count),
            Ok(SocketRead::IntoBuffer { count, is_all }) => {
                let mut buffer = mem::take(&mut self.driver.buffer);
                let bytes = buffer.get_mut(..count).unwrap_or_default();
                if is_all {
                    self.received_all(key, bytes);
                } else {
                    self.received(key, bytes);
                }
                self.driver.buffer = buffer;
                return if is_all { Then::Stop } else { Then::ReadOn };
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.reactor.ended(key, Some(error)),
        }
        Then::ReadOn
    }
}

impl<A: Application> Visit<'_, A, PolledSocket> {
    /// Reads once. `None` if nothing is there, or nothing should be read now.
    fn read(&mut self, buffer: &mut [u8]) -> Option<io::Result<SocketRead>> {
        if self.link().unread == Unread::Nothing || !self.wants_read() {
            return None;
        }
        if self.link().state().tls.is_none()
            && let Some((link, mut room)) = self.payload_room()
        {
            let size = room.remaining_mut();
            let message = room.get_mut();
            // If the message has more room than its frame has bytes left, the buffer takes them.
            if message.capacity() - message.len() == size {
                let received = link.receive(spare_capacity(message));
                return Some(link.after_read(received, size, |count, _| SocketRead::Directly(count)));
            }
        }
        let link = self.link();
        let size = buffer.len();
        let received = link.receive(buffer);
        Some(link.after_read(received, size, |count, is_all| SocketRead::IntoBuffer { count, is_all }))
    }
}

impl PolledSocket {
    /// Notes what an event says about the socket. Returns `true` if a write that found no room can go on.
    fn note(&mut self, event: &Event) -> bool {
        let has_failed = event.is_error();
        if event.is_read_closed() || has_failed {
            self.unread = Unread::End;
        } else if event.is_readable() && self.unread == Unread::Nothing {
            self.unread = Unread::Bytes;
        }
        self.is_blocked
            && (event.is_writable() || event.is_write_closed() || has_failed)
            && mem::replace(&mut self.is_blocked, false)
    }

    /// Judges the outcome of a read into a buffer of this size.
    fn after_read(
        &mut self,
        received: io::Result<usize>,
        size: usize,
        read: impl FnOnce(usize, bool) -> SocketRead,
    ) -> io::Result<SocketRead> {
        match received {
            Ok(0) => Ok(SocketRead::End),
            Ok(count) => {
                if count < size && self.unread == Unread::Bytes {
                    self.unread = Unread::Nothing;
                }
                Ok(read(count, self.unread == Unread::Nothing))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unread = Unread::Nothing;
                Ok(SocketRead::Nothing)
            }
            Err(error) => Err(error),
        }
    }
}
