//! The event loop over io_uring.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use slotmap::{Key as _, KeyData};
use tokio::sync::mpsc::UnboundedSender;

use super::completion::{Completion, ReceiveEnd};
use super::direct;
use super::link::{Link, Reading, Visitor, Writing};
use super::operations::{Operation, Socket};
use super::ring::{Ring, Sizes};
use super::tls::Tls;
use super::wake;
use crate::event::handler::Handler;
use crate::event::key::Key;
use crate::event::mailbox::{Exchange, Mailbox};
use crate::event::reactor::{Life, Reactor, Step};
use crate::event::rules::Rules;
use crate::server::census::Census;
use crate::telemetry;
use crate::transport::is_gone_already;

/// How many pieces one write may gather.
const SLICES: usize = 16;

/// How often one connection is read directly before the others have their turn.
const READS_AT_A_TIME: usize = 8;

/// How long the loop waits before it accepts again when the system is out of something, such as descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How much is decrypted at a time: one record of TLS.
const RECORD: usize = 16 << 10;

/// An event loop over io_uring.
pub(in crate::event) struct Uring<H: Handler> {
    reactor: Reactor<H, Link>,
    ring: Ring,
    waker: Waker,
    mailbox: Arc<Mailbox>,
    census: Arc<Census>,
    visitors: UnboundedSender<Visitor>,
    listener: Option<Socket>,
    accepting: Accepting,
    /// Connections that found no buffer to receive into.
    hungry: Vec<Key>,
    /// Begins TLS, if it is spoken.
    secure: Option<BeginTls>,
    /// What was decrypted.
    plain: Vec<u8>,
}

/// Begins TLS on a new connection.
pub(in crate::event) type BeginTls = Box<dyn Fn() -> io::Result<Tls>>;

#[derive(Debug, Clone, Copy)]
enum Accepting {
    On(Operation),
    /// The system was out of something.
    PausedUntil(Instant),
    Over,
}

/// Wakes the ring as tasks are woken.
struct RingWaker(wake::Waker);

impl Wake for RingWaker {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}

impl<H: Handler> Uring<H> {
    /// Makes the loop's ring.
    ///
    /// # Errors
    ///
    /// If the system refuses something that is needed; the error says what.
    pub(in crate::event) fn new(
        rules: Arc<Rules<H>>,
        mailbox: Arc<Mailbox>,
        exchange: Arc<Exchange>,
        census: Arc<Census>,
        visitors: UnboundedSender<Visitor>,
        secure: Option<BeginTls>,
    ) -> io::Result<Uring<H>> {
        let ring = Ring::new(Sizes::default())?;
        Ok(Uring {
            reactor: Reactor::new(rules, Arc::clone(&mailbox), exchange),
            waker: Waker::from(Arc::new(RingWaker(ring.waker()))),
            ring,
            mailbox,
            census,
            visitors,
            listener: None,
            accepting: Accepting::Over,
            hungry: Vec::new(),
            plain: if secure.is_some() { vec![0; RECORD] } else { Vec::new() },
            secure,
        })
    }

    /// Runs until the loop has shut down.
    ///
    /// # Errors
    ///
    /// If the ring is of no use any more.
    pub(in crate::event) fn run(mut self, listener: TcpListener) -> io::Result<()> {
        // The ring waits by itself. What it accepts inherits that Nagle's algorithm is off.
        listener.set_nonblocking(false)?;
        socket2::SockRef::from(&listener).set_tcp_nodelay(true)?;
        self.listener = Some(Rc::new(listener.into()));
        self.accept();
        while !self.is_over() {
            let timeout = self.patience();
            self.ring.submit_and_wait(timeout)?;
            self.reactor.tick(Instant::now());
            while let Some(completion) = self.ring.next_completion() {
                self.complete(completion);
            }
            self.reactor.take_mail();
            self.keep_time();
            while let Some(key) = self.reactor.next_dirty() {
                self.drive(key);
            }
            for key in std::mem::take(&mut self.hungry) {
                self.read_on(key);
            }
        }
        Ok(())
    }

    /// How long there is nothing to be done unless something happens. `None`: for ever.
    fn patience(&self) -> Option<Duration> {
        if !self.mailbox.listen(&self.waker) {
            return Some(Duration::ZERO);
        }
        let paused = match self.accepting {
            Accepting::PausedUntil(at) => Some(at),
            Accepting::On(_) | Accepting::Over => None,
        };
        let next = self.reactor.deadline().into_iter().chain(paused).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn keep_time(&mut self) {
        let now = Instant::now();
        if self.reactor.deadline().is_some_and(|at| at <= now) {
            self.reactor.tick(now);
            self.reactor.expire();
        }
        if let Accepting::PausedUntil(at) = self.accepting
            && at <= now
        {
            self.accept();
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

    fn accept(&mut self) {
        if let Some(listener) = &self.listener {
            self.accepting = Accepting::On(self.ring.accept(listener));
        }
    }

    fn stop_accepting(&mut self) {
        if let Accepting::On(operation) = self.accepting {
            self.ring.cancel(operation);
        }
        self.accepting = Accepting::Over;
        self.listener = None;
    }

    fn complete(&mut self, completion: Completion) {
        match completion {
            Completion::Accepted { socket, .. } => self.accepted(socket),
            Completion::AcceptEnded { error, .. } => self.accept_ended(&error),
            Completion::Received { token, mut data } => {
                let key = key(token);
                self.received(key, &mut data);
                drop(data);
                self.read_on(key);
            }
            Completion::ReceiveEnded { token, why } => self.receive_ended(key(token), why),
            Completion::Sent { token, buffer, result } => {
                self.reactor.recycle(buffer);
                self.sent(key(token), &result);
            }
            Completion::Readable { token, .. } => self.readable(key(token)),
            Completion::Writable { token, .. } => {
                let key = key(token);
                if let Some(link) = self.reactor.link(key) {
                    link.writing = Writing::No;
                }
                self.drive(key);
            }
            // The mail is looked at in every round.
            Completion::Woken => {}
        }
    }

    fn accepted(&mut self, socket: OwnedFd) {
        if self.reactor.life() != Life::Runs {
            return;
        }
        let peer = rustix::net::getpeername(&socket).ok().flatten();
        let Some(peer_addr) = peer.and_then(|address| SocketAddr::try_from(address).ok()) else {
            tracing::debug!("a client has left before it was accepted");
            return;
        };
        let tls = match self.secure.as_ref().map(|begin| begin()).transpose() {
            Ok(tls) => tls.map(Box::new),
            Err(error) => return tracing::error!(%error, "cannot begin TLS"),
        };
        let is_secure = tls.is_some();
        let link = Link {
            socket: Rc::new(socket),
            reading: Reading::No,
            writing: Writing::No,
            tls,
            ends_after_write: false,
        };
        let key = match self.census.enter(peer_addr.ip()) {
            Ok(place) => Some(self.reactor.accept(link, peer_addr, place)),
            Err(_) if is_secure => None,
            Err(full) => self.reactor.turn_away(link, peer_addr, full),
        };
        if let Some(key) = key {
            self.read_on(key);
        }
    }

    fn accept_ended(&mut self, error: &io::Error) {
        if matches!(self.accepting, Accepting::Over) {
            return;
        }
        if is_gone_already(error) {
            return self.accept();
        }
        tracing::warn!(%error, "cannot accept a connection");
        telemetry::accept_failed();
        self.accepting = Accepting::PausedUntil(Instant::now() + ACCEPT_PAUSE);
    }

    /// Takes what has arrived, through TLS if that is spoken.
    fn received(&mut self, key: Key, data: &mut [u8]) {
        let Some(mut tls) = self.reactor.link(key).and_then(|link| link.tls.take()) else {
            return self.reactor.received(key, data);
        };
        let mut arrived = &*data;
        let outcome = loop {
            let received = tls.receive(&mut arrived);
            loop {
                match tls.read(&mut self.plain) {
                    0 => break,
                    count => self.reactor.received(key, self.plain.get_mut(..count).unwrap_or_default()),
                }
            }
            if arrived.is_empty() || !matches!(received, Ok(true)) {
                break received;
            }
        };
        // What TLS itself has to say goes out with the rest, an alert included.
        let wants_write = tls.wants_write();
        if let Some(link) = self.reactor.link(key) {
            link.tls = Some(tls);
        }
        if wants_write {
            self.drive(key);
        }
        match outcome {
            Ok(true) => {}
            Ok(false) => self.reactor.ended(key, None),
            Err(error) => self.reactor.ended(key, Some(error)),
        }
    }

    fn receive_ended(&mut self, key: Key, why: ReceiveEnd) {
        let Some(link) = self.reactor.link(key) else { return };
        link.reading = Reading::No;
        match why {
            ReceiveEnd::EndOfFile => {
                link.reading = Reading::Ended;
                self.reactor.ended(key, None);
            }
            ReceiveEnd::Failed(error) => {
                link.reading = Reading::Ended;
                self.reactor.ended(key, Some(error));
            }
            ReceiveEnd::NoBuffers => self.hungry.push(key),
            ReceiveEnd::Cancelled => self.read_on(key),
        }
        // A connection that leaves the loop may have waited for this.
        self.drive(key);
    }

    /// Sees to it that a connection is read as it is to be read now.
    fn read_on(&mut self, key: Key) {
        let wants_read = self.reactor.wants_read(key);
        let wants_direct =
            wants_read && self.reactor.payload_room(key).is_some_and(|(link, _)| link.tls.is_none());
        let token = key.data().as_ffi();
        let Some(link) = self.reactor.link(key) else { return };
        match link.reading {
            Reading::Shared(operation) if wants_direct || !wants_read => {
                self.ring.cancel(operation);
                link.reading = Reading::Stopping;
            }
            Reading::No if wants_direct => {
                link.reading = Reading::Direct(self.ring.poll_readable(&link.socket, token));
            }
            Reading::No if wants_read => {
                link.reading = Reading::Shared(self.ring.receive(&link.socket, token));
            }
            _ => {}
        }
    }

    /// Reads directly into a large message, and whatever else is there when that is whole.
    fn readable(&mut self, key: Key) {
        if let Some(link) = self.reactor.link(key) {
            link.reading = Reading::No;
        }
        for _ in 0..READS_AT_A_TIME {
            let Some((link, mut room)) = self.reactor.payload_room(key) else { break };
            match direct::receive(&link.socket, &mut room) {
                Ok(0) => {
                    link.reading = Reading::Ended;
                    self.reactor.ended(key, None);
                }
                Ok(count) => self.reactor.received_directly(key, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    link.reading = Reading::Ended;
                    self.reactor.ended(key, Some(error));
                }
            }
        }
        self.read_on(key);
    }

    fn sent(&mut self, key: Key, result: &io::Result<()>) {
        let Some(link) = self.reactor.link(key) else { return };
        let Writing::Sending { length, .. } = link.writing else { return };
        link.writing = Writing::No;
        // What TLS has encrypted was taken from the connection then.
        let length = if link.tls.is_some() { 0 } else { length };
        if link.ends_after_write {
            link.shut_down();
        }
        self.reactor.written(key, length);
        if result.is_err() {
            self.reactor.broken(key);
        }
        self.drive(key);
        self.read_on(key);
    }

    /// Does what there is to be done for a connection.
    fn drive(&mut self, key: Key) {
        loop {
            let has_ended = self.reactor.has_ended(key);
            let Some(link) = self.reactor.link(key) else { return };
            if !matches!(link.writing, Writing::No) && !has_ended {
                return;
            }
            match self.reactor.step(key) {
                Step::Wait => return self.write_tls(key),
                Step::Write => self.write(key),
                Step::Shutdown => self.shut_down(key),
                Step::HandOver => return self.hand_over(key),
                Step::Drop => return self.drop(key),
            }
        }
    }

    /// Gives what waits to the kernel: by the ring, or at once what is too large to be copied.
    fn write(&mut self, key: Key) {
        if self.reactor.link(key).is_some_and(|link| link.tls.is_some()) {
            return self.write_tls(key);
        }
        let token = key.data().as_ffi();
        if let Some((link, buffer)) = self.reactor.take_encoded(key) {
            let length = buffer.len();
            let operation = self.ring.send(&link.socket, buffer, token);
            link.writing = Writing::Sending { operation, length };
            return;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let Some((link, filled)) = self.reactor.transmit(key, &mut slices) else { return };
        match direct::send(&link.socket, slices.get(..filled).unwrap_or_default()) {
            Ok(count) => self.reactor.written(key, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                link.writing = Writing::Blocked(self.ring.poll_writable(&link.socket, token));
            }
            Err(_) => self.reactor.broken(key),
        }
    }

    /// Encrypts what waits and gives it to the kernel, with whatever TLS itself has to say.
    fn write_tls(&mut self, key: Key) {
        let token = key.data().as_ffi();
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let Some((link, filled)) = self.reactor.transmit(key, &mut slices) else { return };
            let Some(tls) = &mut link.tls else { return };
            if filled == 0 || !tls.has_room() {
                break;
            }
            let count = tls.seal(slices.get(..filled).unwrap_or_default());
            if count == 0 {
                break;
            }
            self.reactor.written(key, count);
        }
        let Some(link) = self.reactor.link(key) else { return };
        if !matches!(link.writing, Writing::No) {
            return;
        }
        if let Some(buffer) = link.tls.as_mut().map(|tls| tls.take())
            && !buffer.is_empty()
        {
            let length = buffer.len();
            let operation = self.ring.send(&link.socket, buffer, token);
            link.writing = Writing::Sending { operation, length };
        }
    }

    fn shut_down(&mut self, key: Key) {
        let Some(link) = self.reactor.link(key) else { return };
        match &mut link.tls {
            None => link.shut_down(),
            Some(tls) => {
                tls.say_end();
                link.ends_after_write = true;
                self.write_tls(key);
            }
        }
    }

    /// Hands a connection to hyper, as soon as the ring has nothing to do with it any more.
    fn hand_over(&mut self, key: Key) {
        let Some(link) = self.reactor.link(key) else { return };
        match link.reading {
            Reading::Shared(_) => return self.read_on(key),
            Reading::Stopping | Reading::Direct(_) => return,
            Reading::No | Reading::Ended => {}
        }
        let Some(removed) = self.reactor.remove(key) else { return };
        let (Link { socket, tls, .. }, removed) = removed.split();
        if let Some(socket) = Rc::into_inner(socket) {
            // Without anybody to serve it, it is dropped.
            let _nobody = self.visitors.send(Visitor { socket, tls, removed });
        }
    }

    /// Drops a connection. The ring keeps what it still works on until it is cancelled.
    fn drop(&mut self, key: Key) {
        let Some(removed) = self.reactor.remove(key) else { return };
        let Link { reading, writing, .. } = removed.link;
        match reading {
            Reading::Shared(operation) | Reading::Direct(operation) => self.ring.cancel(operation),
            Reading::No | Reading::Stopping | Reading::Ended => {}
        }
        match writing {
            Writing::Sending { operation, .. } | Writing::Blocked(operation) => self.ring.cancel(operation),
            Writing::No => {}
        }
    }
}

/// The connection that an operation was for.
fn key(token: u64) -> Key {
    KeyData::from_ffi(token).into()
}
