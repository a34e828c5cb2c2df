//! The event loop over io_uring.

mod reading;
mod writing;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use longwire_proto::Received;
use longwire_ring::{Completion, Operation, Ring, Sizes, Socket};
use slotmap::KeyData;
use socket2::SockRef;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tracing::Span;

use super::introductions::{Introduced, Introductions, Unintroduced};
use super::link::{HandedOver, Link, Reading};
use super::records::Records;
use crate::admission::accepting::{pause_after, span_of};
use crate::admission::census::{Census, Place, TurnedAway};
use crate::admission::listener::ListeningSocket;
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::mailbox::{Exchange, Mailbox};
use crate::event::reactor::visit::Pending;
use crate::event::reactor::{Life, Reactor, Step};
use crate::event::rules::Rules;
use crate::telemetry::phase::Phase;
use crate::transport::canonical;

/// The size of a single read, unless there is a large message to read into.
const SCRATCH: usize = 32 << 10;

/// How much is decrypted at a time: one TLS record.
const RECORD: usize = 16 << 10;

/// An event loop over io_uring.
pub(in crate::event) struct Uring<A: Application> {
    reactor: Reactor<A, Link>,
    ring: Ring,
    waker: Waker,
    mailbox: Arc<Mailbox>,
    census: Arc<Census>,
    handed_over: UnboundedSender<HandedOver>,
    doors: Vec<Door>,
    /// Connections whose PROXY header is being read.
    introductions: Introductions,
    /// Connections that found no buffer to receive into.
    hungry: Vec<Key>,
    /// The number of the loop's current round.
    round: u32,
    /// Connections that have used up their writes of this round.
    put_off: Vec<Key>,
    /// Begins TLS, if the server uses it.
    secure: Option<BeginTls>,
    /// A buffer for decrypted bytes.
    plain: Vec<u8>,
    /// A buffer for direct reads, unless there is a message to read into.
    scratch: Box<[u8]>,
}

/// Begins TLS on a new connection.
pub(in crate::event) type BeginTls = Box<dyn Fn() -> io::Result<Box<dyn Records>>>;

/// A listener, and whether it accepts. Its place among the loop's is the token of its operation.
struct Door {
    listener: Socket,
    accepting: Accepting,
}

#[derive(Debug, Clone, Copy)]
enum Accepting {
    On(Operation),
    /// Accepting failed because the system ran out of a resource.
    PausedUntil(Instant),
}

impl<A: Application> Uring<A> {
    /// Creates the loop and its ring.
    ///
    /// # Errors
    ///
    /// If the system refuses something that the ring needs; the error says what.
    pub(in crate::event) fn new(
        rules: Arc<Rules<A>>,
        mailbox: Arc<Mailbox>,
        exchange: Arc<Exchange>,
        census: Arc<Census>,
        handed_over: UnboundedSender<HandedOver>,
        secure: Option<BeginTls>,
        caller: Handle,
    ) -> io::Result<Uring<A>> {
        let ring = Ring::new(Sizes::default())?;
        Ok(Uring {
            reactor: Reactor::new(rules, Arc::clone(&mailbox), exchange),
            waker: ring.waker().into(),
            ring,
            mailbox,
            census,
            handed_over,
            doors: Vec::new(),
            introductions: Introductions::new(caller),
            hungry: Vec::new(),
            round: 0,
            put_off: Vec::new(),
            plain: if secure.is_some() { vec![0; RECORD] } else { Vec::new() },
            secure,
            scratch: vec![0; SCRATCH].into(),
        })
    }

    /// Runs until the loop has shut down.
    ///
    /// # Errors
    ///
    /// If the ring has become unusable.
    pub(in crate::event) fn run(mut self, sockets: Vec<ListeningSocket>) -> io::Result<()> {
        for socket in sockets {
            socket.set_nodelay()?;
            let listener: Socket = Rc::new(socket.into());
            let accepting = Accepting::On(self.ring.accept(&listener, number(self.doors.len())));
            self.doors.push(Door { listener, accepting });
        }
        while !self.is_over() {
            self.run_round()?;
        }
        Ok(())
    }

    /// Waits for completions and handles them.
    fn run_round(&mut self) -> io::Result<()> {
        let timeout = self.wait_time();
        self.ring.submit_and_wait(timeout)?;
        self.round = self.round.wrapping_add(1);
        for key in self.reactor.begin_round(Instant::now()) {
            self.reactor.go_on(key);
            self.read_on(key);
        }
        while let Some(completion) = self.ring.next_completion() {
            self.complete(completion);
        }
        self.take_introduced();
        self.reactor.take_mail();
        self.drive_put_off();
        // Write first, then check the deadlines, because handlers may have taken long.
        self.drive_dirty();
        self.keep_time();
        self.drive_dirty();
        for key in std::mem::take(&mut self.hungry) {
            self.read_on(key);
        }
        Ok(())
    }

    /// How long the loop may wait for completions; `None` without a limit.
    fn wait_time(&self) -> Option<Duration> {
        if !self.put_off.is_empty() || self.reactor.has_more() || !self.mailbox.listen(&self.waker) {
            return Some(Duration::ZERO);
        }
        let paused = self.doors.iter().filter_map(|door| match door.accepting {
            Accepting::PausedUntil(at) => Some(at),
            Accepting::On(_) => None,
        });
        let next = self.reactor.deadline().into_iter().chain(paused).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn keep_time(&mut self) {
        let now = Instant::now();
        if self.reactor.deadline().is_some_and(|at| at <= now) {
            self.reactor.tick(now);
            self.reactor.expire();
        }
        for (index, door) in self.doors.iter_mut().enumerate() {
            if let Accepting::PausedUntil(at) = door.accepting
                && at <= now
            {
                door.accepting = Accepting::On(self.ring.accept(&door.listener, number(index)));
            }
        }
        if self.reactor.life() != Life::Runs {
            self.stop_accepting();
        }
    }

    fn is_over(&self) -> bool {
        match self.reactor.life() {
            Life::Runs => false,
            Life::ShutsDown => self.reactor.len() == 0,
            Life::Stops => true,
        }
    }

    fn stop_accepting(&mut self) {
        for door in self.doors.drain(..) {
            if let Accepting::On(operation) = door.accepting {
                self.ring.cancel(operation);
            }
        }
        self.introductions.stop();
    }

    fn complete(&mut self, completion: Completion) {
        match completion {
            Completion::Accepted { socket, .. } => self.accepted(socket),
            Completion::AcceptEnded { token, error } => self.accept_ended(token, &error),
            Completion::Received { token, mut data } => self.received(key(token), &mut data),
            Completion::ReceiveEnded { token, why } => self.receive_ended(key(token), why),
            Completion::Sent { token, buffer, result } => {
                self.reactor.recycle(buffer);
                self.sent(key(token), &result);
            }
            Completion::Readable { token, .. } => self.readable(key(token)),
            Completion::Writable { token, .. } => {
                let key = key(token);
                if let Some(mut visit) = self.reactor.visit(key) {
                    visit.link().has_written();
                    let next = visit.drive(&mut self.ring, self.round);
                    self.follow(key, next);
                }
            }
            // Every round looks at the mail.
            Completion::Woken => {}
            // The loop starts no other operations.
            _ => {}
        }
    }

    fn accepted(&mut self, socket: OwnedFd) {
        if self.reactor.life() != Life::Runs {
            return;
        }
        let Ok(peer) = SockRef::from(&socket).peer_addr() else {
            tracing::debug!("the client left before it was accepted");
            return;
        };
        let peer_addr = peer.as_socket().map(canonical);
        let span = span_of(peer_addr);
        let admission = self.reactor.admission();
        let entered = self.census.enter(admission.counted_ip(peer_addr));
        if let Ok(place) = entered {
            if !admission.expects_proxy_header(peer_addr) {
                return self.admit(socket, peer_addr, Ok(place), span);
            }
            let arrival = Unintroduced { place, socket, peer_addr };
            return self.introductions.begin(self.reactor.rules(), arrival, span);
        }
        self.admit(socket, peer_addr, entered, span);
    }

    /// Begins the first request of a connection, or refuses it.
    fn admit(
        &mut self,
        socket: OwnedFd,
        peer_addr: Option<SocketAddr>,
        entered: Result<Place, TurnedAway>,
        span: Span,
    ) {
        let tls = match self.secure.as_ref().map(|begin| begin()).transpose() {
            Ok(tls) => tls,
            Err(error) => return tracing::error!(%error, "cannot begin TLS"),
        };
        let is_secure = tls.is_some();
        let link = Link::new(socket, tls);
        let key = match entered {
            Ok(mut place) => {
                if is_secure {
                    place.show(Phase::Tls);
                }
                Some(self.reactor.accept(link, peer_addr, place, span))
            }
            // The refusal would need a TLS handshake first, which costs more than it is worth.
            Err(turned_away) if is_secure => {
                let refusals = self.reactor.admission().refusals();
                span.in_scope(|| refusals.turned_away(turned_away.why, peer_addr));
                None
            }
            Err(turned_away) => self.reactor.turn_away(link, peer_addr, turned_away, span),
        };
        if let Some(key) = key {
            self.read_on(key);
        }
    }

    /// Goes on with connections whose PROXY header was read.
    fn take_introduced(&mut self) {
        while let Some(introduced) = self.introductions.next(&self.waker) {
            let Introduced { socket, peer_addr, entered, span } = introduced;
            if self.reactor.life() == Life::Runs {
                self.admit(socket, peer_addr, entered, span);
            }
        }
    }

    fn accept_ended(&mut self, token: u64, error: &io::Error) {
        let index = usize::try_from(token).ok();
        let Some(door) = index.and_then(|index| self.doors.get_mut(index)) else { return };
        door.accepting = match pause_after(error) {
            Some(pause) => Accepting::PausedUntil(Instant::now() + pause),
            None => Accepting::On(self.ring.accept(&door.listener, token)),
        };
    }

    fn drive_dirty(&mut self) {
        while let Some(key) = self.reactor.next_dirty() {
            self.drive(key);
        }
    }

    /// Continues with connections that used up their writes of the last round.
    fn drive_put_off(&mut self) {
        for key in std::mem::take(&mut self.put_off) {
            if let Some(link) = self.reactor.link(key) {
                link.is_put_off = false;
                self.drive(key);
            }
        }
    }

    /// Does all pending steps of a connection.
    fn drive(&mut self, key: Key) {
        if let Some(mut visit) = self.reactor.visit(key) {
            let next = visit.drive(&mut self.ring, self.round);
            self.follow(key, next);
        }
    }

    /// Does the next work for a connection, until there is none.
    fn follow(&mut self, key: Key, mut next: DriverAction) {
        loop {
            match next {
                DriverAction::Nothing => return,
                DriverAction::PutOff => return self.put_off.push(key),
                DriverAction::Seal => self.write_tls(key),
                DriverAction::SealLast => return self.write_tls(key),
                DriverAction::Resolve(pending) => {
                    self.reactor.resolve(key, pending, &mut Received::default());
                    self.read_on(key);
                }
                DriverAction::Broken => self.reactor.broken(key),
                DriverAction::Unwritable if self.reactor.unwritable(key) == Step::Drop => {
                    return self.drop(key);
                }
                DriverAction::Unwritable => return self.write_tls(key),
                DriverAction::HandOver => return self.hand_over(key),
                DriverAction::Drop => return self.drop(key),
            }
            let Some(mut visit) = self.reactor.visit(key) else { return };
            next = visit.drive(&mut self.ring, self.round);
        }
    }

    /// Hands a connection to hyper once the ring has no operation in flight for it.
    fn hand_over(&mut self, key: Key) {
        let Some(mut visit) = self.reactor.visit(key) else { return };
        match visit.link().reading() {
            Reading::Shared(_) => return visit.read_on(&mut self.ring),
            Reading::Stopping(_) | Reading::Direct(_) => return,
            Reading::No | Reading::Ended => {}
        }
        let Some(removed) = self.reactor.remove(key) else { return };
        let (link, removed) = removed.split();
        if let Some((socket, tls)) = link.into_parts() {
            // If hyper's side is gone, this drops the connection.
            let _nobody = self.handed_over.send(HandedOver { socket, tls, removed });
        }
    }

    /// Drops a connection. The ring keeps the socket until all operations in flight for it are cancelled.
    fn drop(&mut self, key: Key) {
        let Some(removed) = self.reactor.remove(key) else { return };
        for operation in removed.link.in_flight() {
            self.ring.cancel(operation);
        }
    }
}

/// The next work for a connection that needs more than the connection itself.
enum DriverAction {
    Nothing,
    /// It has used up its writes of this round.
    PutOff,
    /// TLS has to encrypt queued data; there may be more work afterwards.
    Seal,
    /// The same, without more work afterwards.
    SealLast,
    /// Data was written; the reactor has work to do.
    Resolve(Pending),
    /// Writing has failed.
    Broken,
    /// The transport takes no more data: call [`Reactor::unwritable`].
    Unwritable,
    HandOver,
    Drop,
}

/// A listener's place among those of the loop, as the token of its operation.
fn number(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}

/// The connection that an operation belongs to.
fn key(token: u64) -> Key {
    KeyData::from_ffi(token).into()
}

#[cfg(test)]
mod tests;
