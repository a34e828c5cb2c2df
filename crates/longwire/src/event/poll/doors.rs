//! The listeners of a loop.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Instant;

use mio::Registry;
use mio::unix::SourceFd;

use crate::admission::accepting::pause_after;
use crate::admission::listener::ListeningSocket;

/// The listeners of a loop, which accept in turn.
#[derive(Default)]
pub(super) struct Doors {
    doors: Vec<ListeningDoor>,
    /// The one to ask first, so that a busy listener does not keep the others waiting.
    next: usize,
}

struct ListeningDoor {
    listener: ListeningSocket,
    waiting: DoorQueue,
}

/// Whether connections wait to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DoorQueue {
    /// Nobody waits, until the system reports somebody.
    Idle,
    /// Somebody may wait.
    Ready,
    /// Accepting failed because the system ran out of a resource.
    PausedUntil(Instant),
}

impl Doors {
    /// Adds a listener. Its number is the number of those before it.
    pub(super) fn add(&mut self, listener: ListeningSocket) {
        self.doors.push(ListeningDoor { listener, waiting: DoorQueue::Ready });
    }

    /// The system has reported that somebody waits at a listener.
    pub(super) fn knocked(&mut self, number: usize) {
        if let Some(door) = self.doors.get_mut(number)
            && door.waiting == DoorQueue::Idle
        {
            door.waiting = DoorQueue::Ready;
        }
    }

    /// Whether somebody may wait.
    pub(super) fn are_ready(&self) -> bool {
        self.doors.iter().any(|door| door.waiting == DoorQueue::Ready)
    }

    /// When listeners accept again that have paused.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Instant> {
        self.doors.iter().filter_map(|door| match door.waiting {
            DoorQueue::PausedUntil(at) => Some(at),
            DoorQueue::Idle | DoorQueue::Ready => None,
        })
    }

    /// Ends the pauses that are over.
    pub(super) fn reopen(&mut self, now: Instant) {
        for door in &mut self.doors {
            if matches!(door.waiting, DoorQueue::PausedUntil(at) if at <= now) {
                door.waiting = DoorQueue::Ready;
            }
        }
    }

    /// Accepts the next connection, from an address if it has one. Errors are logged and counted.
    pub(super) fn accept(&mut self) -> Option<(OwnedFd, Option<SocketAddr>)> {
        let count = self.doors.len();
        for turn in 0..count {
            let index = (self.next + turn) % count;
            let Some(door) = self.doors.get_mut(index) else { continue };
            while door.waiting == DoorQueue::Ready {
                match door.listener.accept() {
                    Ok(arrival) => {
                        self.next = index + 1;
                        return Some(arrival);
                    }
                    Err(error) => door.failed(&error),
                }
            }
        }
        None
    }

    /// Accepts no more connections, and closes the listeners.
    pub(super) fn close(&mut self, registry: &Registry) {
        for ListeningDoor { listener, .. } in self.doors.drain(..) {
            // Closing is not enough while another loop has a duplicate of the listener.
            if let Err(error) = registry.deregister(&mut SourceFd(&listener.as_raw_fd())) {
                tracing::debug!(%error, "a listener was not watched");
            }
        }
    }
}

impl ListeningDoor {
    fn failed(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::WouldBlock {
            self.waiting = DoorQueue::Idle;
        } else if let Some(pause) = pause_after(error) {
            self.waiting = DoorQueue::PausedUntil(Instant::now() + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::Duration;

    use mio::{Events, Interest, Poll, Token};
    use socket2::SockRef;

    use super::*;

    /// Clients that connected before the server ran used to keep Nagle's algorithm.
    #[test]
    fn connections_send_at_once_although_they_have_waited_to_be_accepted() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut doors = Doors::default();
        doors.add(ListeningSocket::Tcp(listener));
        let (socket, _) = doors.accept().unwrap();
        assert!(SockRef::from(&socket).tcp_nodelay().unwrap());
    }

    #[test]
    fn a_closed_door_is_not_knocked_at_although_another_loop_has_it() {
        let mut poll = Poll::new().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let of_another_loop = listener.try_clone().unwrap();
        let mut doors = Doors::default();
        poll.registry().register(&mut SourceFd(&listener.as_raw_fd()), Token(0), Interest::READABLE).unwrap();
        doors.add(ListeningSocket::Tcp(listener));
        doors.close(poll.registry());
        let _client = TcpStream::connect(of_another_loop.local_addr().unwrap()).unwrap();
        let mut events = Events::with_capacity(1);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty(), "{events:?}");
    }
}
