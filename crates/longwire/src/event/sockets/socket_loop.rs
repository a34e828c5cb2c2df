//! An event loop over raw sockets, apart from its system calls.

mod arriving;
mod driving;
mod securing;

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use super::driver::SocketDriver;
use super::handed_over::HandedOver;
use super::introductions::Introductions;
use super::records::Records;
use crate::admission::census::Census;
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::mailbox::{Exchange, Mailbox};
use crate::event::reactor::{Life, Reactor};
use crate::event::rules::Rules;

/// How much is decrypted at a time: one TLS record.
const RECORD: usize = 16 << 10;

/// An event loop over raw sockets.
pub(in crate::event) struct SocketLoop<A: Application, D: SocketDriver> {
    pub(in crate::event) reactor: Reactor<A, D::Link>,
    pub(in crate::event) driver: D,
    /// Wakes the loop.
    waker: Waker,
    mailbox: Arc<Mailbox>,
    pub(super) census: Arc<Census>,
    handed_over: UnboundedSender<HandedOver>,
    /// Connections whose PROXY header is being read.
    introductions: Introductions,
    /// The number of the loop's current round.
    round: u16,
    /// How many rounds in a row have left timers to a later one.
    rounds_without_time: usize,
    /// Connections that have used up their writes of this round.
    put_off: Vec<Key>,
    /// Begins TLS, if the server uses it.
    secure: Option<BeginTls>,
    /// A buffer for decrypted bytes.
    plain: Vec<u8>,
}

/// Whether a round has heard all connections that had sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::event) enum Heard {
    All,
    /// Others may wait to be heard. One round hears this many.
    AtMost(usize),
}

/// Begins TLS on a new connection.
pub(in crate::event) type BeginTls = Box<dyn Fn() -> io::Result<Box<dyn Records>>>;

/// What a loop needs to begin.
pub(in crate::event) struct Setup<A: Application> {
    pub(in crate::event) rules: Arc<Rules<A>>,
    pub(in crate::event) mailbox: Arc<Mailbox>,
    pub(in crate::event) exchange: Arc<Exchange>,
    pub(in crate::event) census: Arc<Census>,
    /// Takes connections that hyper should serve.
    pub(in crate::event) handed_over: UnboundedSender<HandedOver>,
    /// Begins TLS, if the server uses it.
    pub(in crate::event) secure: Option<BeginTls>,
    /// The runtime that the server was started on.
    pub(in crate::event) caller: Handle,
}

impl<A: Application, D: SocketDriver> SocketLoop<A, D> {
    pub(in crate::event) fn over(driver: D, waker: Waker, setup: Setup<A>) -> SocketLoop<A, D> {
        let Setup { rules, mailbox, exchange, census, handed_over, secure, caller } = setup;
        SocketLoop {
            reactor: Reactor::new(rules, Arc::clone(&mailbox), exchange),
            driver,
            waker,
            mailbox,
            census,
            handed_over,
            introductions: Introductions::new(caller),
            round: 0,
            rounds_without_time: 0,
            put_off: Vec::new(),
            plain: if secure.is_some() { vec![0; RECORD] } else { Vec::new() },
            secure,
        }
    }

    /// Begins a round, after the loop has waited. Returns the connections that ran out of their share in the last one,
    /// which may be read from again.
    pub(in crate::event) fn begin_round(&mut self) -> Vec<Key> {
        self.round = self.round.wrapping_add(1);
        let rested = self.reactor.begin_round(Instant::now());
        for &key in &rested {
            self.reactor.go_on(key);
        }
        rested
    }

    /// How long the loop may wait for its sockets; `None` without a limit. `paused`: when listeners accept again.
    pub(in crate::event) fn wait_time(&self, paused: impl Iterator<Item = Instant>) -> Option<Duration> {
        if !self.put_off.is_empty() || self.reactor.has_more() || !self.mailbox.listen(&self.waker) {
            return Some(Duration::ZERO);
        }
        let next = self.reactor.deadline().into_iter().chain(paused).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Handles the timers that are due. While connections wait to be heard, it leaves them to a later round: after the
    /// whole process has stood still, the answers to many pings lie in the sockets. Under constant load, timers wait for
    /// as many rounds as it takes to hear each connection once.
    pub(in crate::event) fn keep_time(&mut self, now: Instant, heard: Heard) {
        if let Heard::AtMost(count) = heard
            && self.rounds_without_time < self.reactor.len() / count.max(1)
        {
            self.rounds_without_time += 1;
            return;
        }
        self.rounds_without_time = 0;
        if self.reactor.deadline().is_some_and(|at| at <= now) {
            self.reactor.tick(now);
            self.reactor.expire();
        }
    }

    pub(in crate::event) fn is_over(&self) -> bool {
        match self.reactor.life() {
            Life::Runs => false,
            Life::ShutsDown => self.reactor.len() == 0,
            Life::Stops => true,
        }
    }
}
