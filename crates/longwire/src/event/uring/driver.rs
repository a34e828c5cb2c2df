//! The event loop over io_uring.

mod driving;
mod reading;

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use longwire_ring::{Completion, Operation, Ring, Sizes, Socket};
use slotmap::KeyData;
use socket2::SockRef;

use crate::admission::accepting::pause_after;
use crate::admission::listener::ListeningSocket;
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::reactor::Life;
use crate::event::sockets::{Heard, Setup, SocketLoop};
use crate::transport::canonical;

/// The size of a single read, unless there is a large message to read into.
const SCRATCH: usize = 32 << 10;

/// An event loop over io_uring.
pub(in crate::event) type UringLoop<A> = SocketLoop<A, Uring>;

/// The ring of an event loop.
pub(in crate::event) struct Uring {
    ring: Ring,
    doors: Vec<Door>,
    /// Connections that found no buffer to receive into.
    hungry: Vec<Key>,
    /// A buffer for direct reads, unless there is a message to read into.
    scratch: Box<[u8]>,
}

/// A listener, and whether it accepts. Its place among the loop's is the token of its operation.
struct Door {
    listener: Socket,
    /// Whether `TCP_NODELAY` has to be set for each connection.
    needs_nodelay: bool,
    accepting: Accepting,
}

#[derive(Debug, Clone, Copy)]
enum Accepting {
    On(Operation),
    /// Accepting failed because the system ran out of a resource.
    PausedUntil(Instant),
}

impl<A: Application> UringLoop<A> {
    /// Creates the loop and its ring.
    ///
    /// # Errors
    ///
    /// If the system refuses something that the ring needs; the error says what.
    pub(in crate::event) fn new(setup: Setup<A>) -> io::Result<UringLoop<A>> {
        let ring = Ring::new(Sizes::default())?;
        let waker = ring.waker().into();
        let uring = Uring { ring, doors: Vec::new(), hungry: Vec::new(), scratch: vec![0; SCRATCH].into() };
        Ok(SocketLoop::over(uring, waker, setup))
    }

    /// Runs until the loop has shut down.
    ///
    /// # Errors
    ///
    /// If the ring has become unusable.
    pub(in crate::event) fn run(mut self, sockets: Vec<ListeningSocket>) -> io::Result<()> {
        for socket in sockets {
            self.listen(socket);
        }
        while !self.is_over() {
            self.run_round()?;
        }
        Ok(())
    }

    fn listen(&mut self, socket: ListeningSocket) {
        let Uring { ring, doors, .. } = &mut self.driver;
        let needs_nodelay = socket.needs_nodelay();
        let listener = ring.hold(socket.into());
        let accepting = Accepting::On(ring.accept(listener, number(doors.len())));
        doors.push(Door { listener, needs_nodelay, accepting });
    }

    /// Waits for completions and handles them.
    fn run_round(&mut self) -> io::Result<()> {
        let timeout = self.time_to_wait();
        self.driver.ring.submit_and_wait(timeout)?;
        for key in self.begin_round() {
            self.read_on(key);
        }
        while let Some(completion) = self.driver.ring.next_completion() {
            self.complete(completion);
        }
        self.take_introduced();
        self.reactor.take_mail();
        self.drive_put_off();
        // Write first, then check the deadlines, because handlers may have taken long.
        self.drive_dirty();
        let now = Instant::now();
        self.keep_time(now, self.heard());
        self.open_doors(now);
        self.drive_dirty();
        for key in std::mem::take(&mut self.driver.hungry) {
            self.read_on(key);
        }
        Ok(())
    }

    /// Whether all connections found a buffer for what they had sent.
    fn heard(&self) -> Heard {
        if self.driver.hungry.is_empty() {
            Heard::All
        } else {
            Heard::AtMost(Sizes::default().buffers.into())
        }
    }

    /// How long the loop may wait for completions; `None` without a limit.
    fn time_to_wait(&self) -> Option<Duration> {
        self.wait_time(self.driver.doors.iter().filter_map(|door| match door.accepting {
            Accepting::PausedUntil(at) => Some(at),
            Accepting::On(_) => None,
        }))
    }

    /// Accepts again where accepting was paused, or no longer at all.
    fn open_doors(&mut self, now: Instant) {
        let Uring { ring, doors, .. } = &mut self.driver;
        for (index, door) in doors.iter_mut().enumerate() {
            if let Accepting::PausedUntil(at) = door.accepting
                && at <= now
            {
                door.accepting = Accepting::On(ring.accept(door.listener, number(index)));
            }
        }
        if self.reactor.life() != Life::Runs {
            self.stop_accepting();
        }
    }

    fn stop_accepting(&mut self) {
        let Uring { ring, doors, .. } = &mut self.driver;
        for door in doors.drain(..) {
            if let Accepting::On(operation) = door.accepting {
                ring.cancel(operation);
            }
            ring.close(door.listener);
        }
        self.stop_introductions();
    }

    fn complete(&mut self, completion: Completion) {
        match completion {
            Completion::Accepted { token, socket } => self.let_in(token, socket),
            Completion::AcceptEnded { token, error } => self.accept_ended(token, &error),
            Completion::Received { token, mut data } => self.arrived(key(token), &mut data),
            Completion::ReceiveEnded { token, why } => self.receive_ended(key(token), why),
            Completion::Sent { token, buffer, result } => {
                self.reactor.recycle(buffer);
                self.sent(key(token), &result);
            }
            Completion::Readable { token, .. } => self.readable(key(token)),
            Completion::Writable { token, .. } => {
                let key = key(token);
                if let Some(link) = self.reactor.link(key) {
                    link.has_written(&self.driver.ring);
                    self.drive(key);
                }
            }
            // Every round looks at the mail.
            Completion::Woken => {}
            // The loop starts no other operations.
            _ => {}
        }
    }

    fn let_in(&mut self, token: u64, socket: OwnedFd) {
        if self.reactor.life() != Life::Runs {
            return;
        }
        if at_number(&mut self.driver.doors, token).is_some_and(|door| door.needs_nodelay) {
            // A socket that cannot be set up has ended, and the first read reports that.
            let _gone = SockRef::from(&socket).set_tcp_nodelay(true);
        }
        let Ok(peer) = SockRef::from(&socket).peer_addr() else {
            tracing::debug!("the client left before it was accepted");
            return;
        };
        self.accepted(socket, peer.as_socket().map(canonical));
    }

    fn accept_ended(&mut self, token: u64, error: &io::Error) {
        let Uring { ring, doors, .. } = &mut self.driver;
        let Some(door) = at_number(doors, token) else { return };
        door.accepting = match pause_after(error) {
            Some(pause) => Accepting::PausedUntil(Instant::now() + pause),
            None => Accepting::On(ring.accept(door.listener, token)),
        };
    }
}

/// A listener's place among those of the loop, as the token of its operation.
fn number(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}

/// The listener that an operation belongs to.
fn at_number(doors: &mut [Door], token: u64) -> Option<&mut Door> {
    doors.get_mut(usize::try_from(token).ok()?)
}

/// The connection that an operation belongs to.
fn key(token: u64) -> Key {
    KeyData::from_ffi(token).into()
}

#[cfg(test)]
mod tests;
