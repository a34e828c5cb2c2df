//! The event loop of a stage: the reactor, driven in memory, with time under the test's control.

use std::cell::{RefCell, RefMut};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use longwire_proto::Received;

use super::client_end::{ClientEnd, ClientReading};
use super::runtime::StageRuntime;
use crate::admission::accepting::span_of;
use crate::admission::census::Census;
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::mailbox::{Exchange, Mailbox};
use crate::event::observer::{Observer, report};
use crate::event::publisher::Topics;
use crate::event::reactor::{Reactor, Step};
use crate::event::registry::TopicRegistry;
use crate::event::rules::Rules;
use crate::event::ticker::Ticker;

/// How many slices are written at a time.
const SLICES: usize = 16;

/// How many bytes are read at a time.
const READ: usize = 64 << 10;

/// After this many rounds with something to do, the handler is assumed to run in circles.
const MAX_ROUNDS: usize = 10_000;

/// How long the loop waits for tasks before it checks whether any are left.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A client's number, in the order of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientNumber(usize);

/// An event loop with connections in memory, for any type of handler.
pub(super) trait StageDriver {
    /// Connects a client. When this returns, everything that can happen without time passing has happened.
    fn connect(&mut self, client: ClientEnd, peer_addr: Option<SocketAddr>) -> ClientNumber;

    fn client(&mut self, number: ClientNumber) -> Option<&mut ClientEnd>;

    /// Breaks the connection of a client.
    fn lose(&mut self, number: ClientNumber);

    /// Does everything that can be done without time passing.
    fn turn(&mut self);

    /// Lets time pass.
    fn advance(&mut self, time: Duration);

    /// Runs in real time until the condition holds, at most for `limit`. Returns `false` if it does not hold by then.
    fn wait(&mut self, limit: Duration, until: Until) -> bool;

    fn topics(&self) -> &Topics;
}

/// The loop, shared by the stage and its clients.
#[derive(Clone)]
pub(super) struct SharedLoop(Rc<RefCell<dyn StageDriver>>);

impl SharedLoop {
    pub(super) fn new(stage_loop: impl StageDriver + 'static) -> SharedLoop {
        SharedLoop(Rc::new(RefCell::new(stage_loop)))
    }

    pub(super) fn driver(&self) -> RefMut<'_, dyn StageDriver> {
        self.0.borrow_mut()
    }
}

/// A condition that is waited for in real time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// The client's handshake has an outcome.
    Opened(ClientNumber),
    /// The runtime has no task left.
    NoTasks,
}

/// A periodic call.
struct NextTick {
    at: Instant,
    ticker: Ticker,
}

pub(super) struct StageLoop<A: Application> {
    reactor: Reactor<A, ClientNumber>,
    clients: Vec<Option<ClientEnd>>,
    mailbox: Arc<Mailbox>,
    topics: Topics,
    registry: Arc<TopicRegistry>,
    observer: Option<Observer>,
    census: Arc<Census>,
    ticks: Vec<NextTick>,
    now: Instant,
    runtime: StageRuntime,
}

impl<A: Application> StageLoop<A> {
    pub(super) fn new(
        rules: Rules<A>,
        exchange: &Arc<Exchange>,
        mailbox: Arc<Mailbox>,
        tickers: Vec<Ticker>,
        observer: Option<Observer>,
        runtime: StageRuntime,
    ) -> StageLoop<A> {
        if observer.is_some() {
            exchange.registry().observe();
        }
        let handle = runtime.handle();
        let _entered = handle.enter();
        let mut reactor = Reactor::new(Arc::new(rules), Arc::clone(&mailbox), Arc::clone(exchange));
        let now = reactor.use_manual_time();
        StageLoop {
            reactor,
            clients: Vec::new(),
            mailbox,
            topics: Topics::new(Arc::clone(exchange)),
            registry: Arc::clone(exchange.registry()),
            observer,
            census: Arc::new(Census::new(usize::MAX, usize::MAX)),
            ticks: tickers.into_iter().map(|ticker| NextTick { at: now + ticker.period(), ticker }).collect(),
            now,
            runtime,
        }
    }

    /// Runs one round of the loop, as the drivers of sockets do. Returns `true` if another round may do more.
    fn run_round(&mut self) -> bool {
        let handle = self.runtime.handle();
        let entered = handle.enter();
        let mut moved = false;
        for key in self.reactor.begin_round(self.now) {
            self.reactor.go_on(key);
            moved = true;
        }
        for number in 0..self.clients.len() {
            moved |= self.read(ClientNumber(number));
        }
        self.reactor.take_mail();
        while let Some(key) = self.reactor.next_dirty() {
            moved |= self.write(key);
        }
        // Connections that could not read may be able to now.
        for number in 0..self.clients.len() {
            if let Some(key) = self.key(ClientNumber(number)) {
                moved |= self.write(key);
            }
        }
        moved |= self.observe();
        drop(entered);
        self.runtime.run_until_idle();
        moved || self.reactor.has_more() || !self.mailbox.listen(Waker::noop())
    }

    /// Reports the changes of topics. Returns `true` if there were any.
    fn observe(&mut self) -> bool {
        let Some(observer) = &mut self.observer else { return false };
        let mut changed = false;
        while let Some(change) = self.registry.take_change() {
            report(observer, &change);
            changed = true;
        }
        changed
    }

    fn key(&self, number: ClientNumber) -> Option<Key> {
        self.clients.get(number.0)?.as_ref()?.key
    }

    /// Gives the server what a client has sent, while the server reads. Returns `true` if there was something.
    fn read(&mut self, number: ClientNumber) -> bool {
        let Some(Some(client)) = self.clients.get_mut(number.0) else { return false };
        let Some(key) = client.key else { return false };
        let mut moved = false;
        while !client.outgoing.is_empty() && self.reactor.visit(key).is_some_and(|visit| visit.wants_read()) {
            let count = client.outgoing.len().min(READ);
            let mut bytes: Vec<u8> = client.outgoing.drain(..count).collect();
            self.reactor.received(key, &mut bytes, |_| {});
            moved = true;
        }
        if client.read_end() {
            self.reactor.ended(key, None);
            moved = true;
        }
        moved
    }

    /// Does all pending steps of a connection. Returns `true` if there were any.
    fn write(&mut self, key: Key) -> bool {
        let Some(&mut number) = self.reactor.link(key) else { return false };
        let mut moved = false;
        loop {
            let step = self.step(key);
            let Some(Some(client)) = self.clients.get_mut(number.0) else {
                // The client is gone: a transport would refuse to write, and everything that the client sent has been
                // read.
                if matches!(step, Step::Drop | Step::HandOver) {
                    self.reactor.remove(key);
                    return true;
                }
                return moved;
            };
            match step {
                Step::Wait => return moved,
                Step::Write if client.reading == ClientReading::Stopped => {
                    if self.step(key) != Step::Drop {
                        return moved;
                    }
                }
                Step::Write => {
                    let Some(mut visit) = self.reactor.visit(key) else { return moved };
                    let mut slices = [IoSlice::new(&[]); SLICES];
                    let (_, filled) = visit.transmit(&mut slices);
                    let mut bytes: Vec<u8> =
                        slices.iter().take(filled).flat_map(|slice| slice.iter().copied()).collect();
                    let pending = visit.written(bytes.len());
                    client.receive(&mut bytes);
                    if let Some(pending) = pending {
                        self.reactor.resolve(key, pending, &mut Received::default());
                    }
                }
                Step::Shutdown => {
                    client.server_ended();
                    if let Some(mut visit) = self.reactor.visit(key) {
                        visit.shut();
                    }
                }
                Step::HandOver | Step::Drop => {
                    client.server_ended();
                    client.read_end();
                    client.key = None;
                    self.reactor.remove(key);
                    return true;
                }
            }
            moved = true;
        }
    }

    /// The next step of a connection.
    fn step(&mut self, key: Key) -> Step {
        match self.reactor.visit(key).map(|mut visit| visit.step()) {
            None => Step::Wait,
            Some(Some(step)) => step,
            Some(None) => self.reactor.unwritable(key),
        }
    }

    /// The time of the next event.
    fn next_time(&self) -> Option<Instant> {
        self.ticks.iter().map(|tick| tick.at).chain(self.reactor.deadline()).min()
    }

    /// Does everything that is due.
    fn keep_time(&mut self) {
        let handle = self.runtime.handle();
        let _entered = handle.enter();
        for NextTick { at, ticker } in &mut self.ticks {
            if *at <= self.now {
                *at += ticker.period();
                ticker.call(&self.topics);
            }
        }
        self.reactor.tick(self.now);
        self.reactor.expire();
    }

    fn is_done(&self, until: Until) -> bool {
        match until {
            Until::Opened(ClientNumber(number)) => {
                !matches!(self.clients.get(number), Some(Some(client)) if client.is_opening())
            }
            Until::NoTasks => self.runtime.has_no_tasks(),
        }
    }
}

impl<A: Application> StageDriver for StageLoop<A> {
    fn connect(&mut self, mut client: ClientEnd, peer_addr: Option<SocketAddr>) -> ClientNumber {
        let number = ClientNumber(self.clients.len());
        if let Ok(place) = self.census.enter(peer_addr.map(|peer| peer.ip())) {
            client.key = Some(self.reactor.accept(number, peer_addr, place, span_of(peer_addr)));
        }
        self.clients.push(Some(client));
        self.turn();
        number
    }

    fn client(&mut self, number: ClientNumber) -> Option<&mut ClientEnd> {
        self.clients.get_mut(number.0)?.as_mut()
    }

    fn lose(&mut self, number: ClientNumber) {
        let Some(client) = self.clients.get_mut(number.0).and_then(Option::take) else { return };
        if let Some(key) = client.key {
            let handle = self.runtime.handle();
            let _entered = handle.enter();
            self.reactor.broken(key);
            self.reactor.ended(key, None);
        }
        self.turn();
    }

    #[expect(clippy::panic, reason = "a test that can never go on has failed")]
    fn turn(&mut self) {
        for _ in 0..MAX_ROUNDS {
            if !self.run_round() {
                return;
            }
        }
        panic!("the handler never becomes idle: it still had work after {MAX_ROUNDS} rounds");
    }

    fn advance(&mut self, time: Duration) {
        self.turn();
        let end = self.now + time;
        while let Some(next) = self.next_time().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.keep_time();
            self.turn();
        }
        self.now = end;
        self.turn();
    }

    fn wait(&mut self, limit: Duration, until: Until) -> bool {
        let begun = Instant::now();
        loop {
            self.turn();
            if self.is_done(until) {
                return true;
            }
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return false;
            }
            self.runtime.wait_for_mail(&self.mailbox, left.min(LOOK_EVERY));
        }
    }

    fn topics(&self) -> &Topics {
        &self.topics
    }
}

/// Reports the end of every connection to the handler, within the runtime because the handler may spawn.
impl<A: Application> Drop for StageLoop<A> {
    fn drop(&mut self) {
        let handle = self.runtime.handle();
        let _entered = handle.enter();
        for key in self.reactor.keys() {
            drop(self.reactor.remove(key));
        }
        self.observe();
    }
}
