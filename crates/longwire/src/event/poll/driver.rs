//! The event loop over readiness events of the system.
//!
//! Each socket is registered once, and the system reports each change once (edge-triggered). The loop reads into one
//! shared buffer until a read does not fill it, and writes once per connection after everything has been handled.

use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slotmap::{Key as _, KeyData};
use socket2::SockRef;

use super::doors::Doors;
use super::link::{PolledSocket, Unread, Watched};
use crate::admission::listener::ListeningSocket;
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::reactor::Life;
use crate::event::reactor::visit::Visit;
use crate::event::sockets::{DriverAction, Heard, Records, Setup, SocketDriver, SocketLink as _, SocketLoop};

/// The size of the read buffer that all connections of a loop share.
const READ_BUFFER: usize = 128 << 10;

/// How many slices one write may gather.
const SLICES: usize = 16;

/// How many events one call reports.
const EVENTS_AT_A_TIME: usize = 1024;

/// How many connections are accepted before the others get to run.
const ACCEPTS_AT_A_TIME: usize = 64;

/// The token of the loop's waker. Those of listeners are the numbers below, and all others are keys of connections.
const WAKE: Token = Token(usize::MAX);

/// An event loop over readiness events.
pub(in crate::event) type PollLoop<A> = SocketLoop<A, Poller>;

/// The sockets of an event loop.
pub(in crate::event) struct Poller {
    poll: Poll,
    events: Events,
    doors: Doors,
    pub(super) buffer: Box<[u8]>,
    /// Connections to read in the next round.
    unread: Vec<Key>,
}

struct LoopWaker(mio::Waker);

impl Wake for LoopWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Err(error) = self.0.wake() {
            tracing::error!(%error, "cannot wake an event loop");
        }
    }
}

impl<A: Application> PollLoop<A> {
    /// Creates the loop.
    ///
    /// # Errors
    ///
    /// If the system has no resources for it.
    pub(in crate::event) fn new(setup: Setup<A>) -> io::Result<PollLoop<A>> {
        let poll = Poll::new()?;
        let waker = Waker::from(Arc::new(LoopWaker(mio::Waker::new(poll.registry(), WAKE)?)));
        let poller = Poller {
            poll,
            events: Events::with_capacity(EVENTS_AT_A_TIME),
            doors: Doors::default(),
            buffer: vec![0; READ_BUFFER].into(),
            unread: Vec::new(),
        };
        Ok(SocketLoop::over(poller, waker, setup))
    }

    /// Runs until the loop has shut down.
    ///
    /// # Errors
    ///
    /// If the system cannot report events.
    pub(in crate::event) fn run(mut self, sockets: Vec<ListeningSocket>) -> io::Result<()> {
        for (number, socket) in sockets.into_iter().enumerate() {
            socket.set_nonblocking(true)?;
            let source = &mut SourceFd(&socket.as_raw_fd());
            self.driver.poll.registry().register(source, token_of_door(number), Interest::READABLE)?;
            self.driver.doors.add(socket);
        }
        while !self.is_over() {
            self.run_round()?;
        }
        Ok(())
    }

    /// Waits for events and handles them.
    pub(super) fn run_round(&mut self) -> io::Result<()> {
        let timeout = self.time_to_wait();
        let mut events = mem::replace(&mut self.driver.events, Events::with_capacity(0));
        let heard = match self.driver.poll.poll(&mut events, timeout) {
            Ok(()) if events.iter().count() < events.capacity() => Heard::All,
            Ok(()) => Heard::AtMost(events.capacity()),
            // The process may have been stopped.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Heard::AtMost(events.capacity()),
            Err(error) => return Err(error),
        };
        for key in self.begin_round() {
            self.read(key);
        }
        for key in mem::take(&mut self.driver.unread) {
            if let Some(link) = self.reactor.link(key) {
                link.is_noted = false;
                self.read(key);
            }
        }
        for event in &events {
            let token = event.token();
            // Every round looks at the mail.
            if token != WAKE && !self.reported(key(token), event) {
                self.driver.doors.knocked(number_of_door(token));
            }
        }
        self.driver.events = events;
        self.reactor.take_mail();
        self.drive_put_off();
        self.drive_dirty();
        // Connections that end have released their places now. Otherwise a client that reconnects at once would find
        // its own place taken.
        self.let_in();
        // After all that begin now, because this lets them wake the loop.
        self.take_introduced();
        // Check the deadlines after writing, because handlers may have taken long.
        let now = Instant::now();
        self.keep_time(now, heard);
        self.driver.doors.reopen(now);
        if self.reactor.life() != Life::Runs {
            let Poller { doors, poll, .. } = &mut self.driver;
            doors.close(poll.registry());
            self.stop_introductions();
        }
        self.drive_dirty();
        Ok(())
    }

    /// How long the loop may wait for events; `None` without a limit.
    fn time_to_wait(&self) -> Option<Duration> {
        let Poller { doors, unread, .. } = &self.driver;
        let wait = self.wait_time(doors.pauses());
        if unread.is_empty() && !doors.are_ready() { wait } else { Some(Duration::ZERO) }
    }

    /// Accepts connections that wait.
    fn let_in(&mut self) {
        if self.reactor.life() != Life::Runs {
            return;
        }
        for _ in 0..ACCEPTS_AT_A_TIME {
            let Some((socket, peer_addr)) = self.driver.doors.accept() else { return };
            self.accepted(socket, peer_addr);
        }
    }
}

impl Poller {
    /// Lets the system report when the socket is readable, and when it is writable if that is needed.
    fn watch(&self, key: Key, link: &mut PolledSocket, interest: Interest) {
        let source = &mut SourceFd(&link.socket.as_raw_fd());
        let registry = self.poll.registry();
        let watched = match link.watched {
            Watched::Nothing => registry.register(source, token(key), interest),
            _ => registry.reregister(source, token(key), interest),
        };
        if let Err(error) = watched {
            tracing::warn!(%error, "the system cannot watch a connection, which ends");
            let _gone = SockRef::from(&link.socket).shutdown(std::net::Shutdown::Both);
            link.unread = Unread::End;
        }
    }

    /// Notes to read a connection in the next round.
    fn note(&mut self, key: Key, link: &mut PolledSocket) {
        if !mem::replace(&mut link.is_noted, true) {
            self.unread.push(key);
        }
    }

    /// Waits until the socket is writable.
    fn blocked(&self, key: Key, link: &mut PolledSocket) {
        link.is_blocked = true;
        if link.watched != Watched::ReadingAndWriting {
            self.watch(key, link, Interest::READABLE | Interest::WRITABLE);
            link.watched = Watched::ReadingAndWriting;
        }
    }
}

impl SocketDriver for Poller {
    type Link = PolledSocket;

    fn link(&mut self, socket: OwnedFd, tls: Option<Box<dyn Records>>) -> PolledSocket {
        PolledSocket::new(socket, tls)
    }

    fn read_on<A: Application>(&mut self, visit: &mut Visit<'_, A, PolledSocket>) {
        let key = visit.key();
        let link = visit.link();
        if link.watched == Watched::Nothing {
            self.watch(key, link, Interest::READABLE);
            link.watched = Watched::Reading;
        }
        if link.unread != Unread::Nothing && visit.wants_read() {
            self.note(key, visit.link());
        }
    }

    fn write<A: Application>(&mut self, visit: &mut Visit<'_, A, PolledSocket>) -> Option<DriverAction> {
        let key = visit.key();
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (link, filled) = visit.transmit(&mut slices);
        match link.send(slices.get(..filled).unwrap_or_default()) {
            Ok(count) => {
                link.state().writes.note();
                let pending = visit.written(count);
                if pending.is_none() {
                    self.read_on(visit);
                }
                pending.map(DriverAction::Resolve)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked(key, link);
                None
            }
            Err(_) => Some(DriverAction::Broken),
        }
    }

    fn write_sealed<A: Application>(&mut self, visit: &mut Visit<'_, A, PolledSocket>) -> io::Result<()> {
        let key = visit.key();
        let link = visit.link();
        if link.is_blocked {
            return Ok(());
        }
        if !link.send_sealed()? {
            self.blocked(key, link);
        } else if mem::take(&mut link.state().ends_after_write) {
            link.shut_down();
            visit.shut();
        }
        // Encrypting has made room in the queue, for which reading may have waited.
        self.read_on(visit);
        Ok(())
    }

    fn broken<A: Application>(&mut self, visit: &mut Visit<'_, A, PolledSocket>) {
        let key = visit.key();
        let link = visit.link();
        link.unread = Unread::End;
        self.note(key, link);
    }

    fn lets_go<A: Application>(&mut self, _: &mut Visit<'_, A, PolledSocket>) -> bool {
        true
    }

    fn release(&mut self, link: PolledSocket) -> Option<(OwnedFd, Option<Box<dyn Records>>)> {
        let (socket, tls) = link.into_parts();
        let deregistered = self.poll.registry().deregister(&mut SourceFd(&socket.as_raw_fd()));
        if let Err(error) = deregistered {
            tracing::debug!(%error, "a connection was not watched");
        }
        Some((socket, tls))
    }

    /// The system forgets the socket when it is closed.
    fn forget(&mut self, link: PolledSocket) {
        drop(link);
    }

    fn shut_down(&self, link: &PolledSocket) {
        link.shut_down();
    }
}

fn token(key: Key) -> Token {
    // The driver is only built where a key fits.
    Token(usize::try_from(key.data().as_ffi()).unwrap_or(usize::MAX))
}

fn key(token: Token) -> Key {
    KeyData::from_ffi(u64::try_from(token.0).unwrap_or(u64::MAX)).into()
}

/// The numbers below the waker's token.
fn token_of_door(number: usize) -> Token {
    Token((WAKE.0 - 1).saturating_sub(number))
}

fn number_of_door(token: Token) -> usize {
    (WAKE.0 - 1).saturating_sub(token.0)
}

#[cfg(test)]
mod tests;
