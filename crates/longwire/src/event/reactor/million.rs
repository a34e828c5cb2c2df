//! A million connections, simulated: the reactor over transports that are only counters. `cargo xtask bench million` runs this
//! and writes the figures to the page of benchmarks.
//!
//! It shows what the reactor itself needs: no system call is made, and no byte is moved but those of the frames.

use std::fmt::Write as _;
use std::fs;
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longwire_proto::handshake::Refusal;
use longwire_proto::{Config, Keepalive, Limits, Received};
use tracing::Span;

use super::visit::Visit;
use super::{Reactor, Step};
use crate::admission::census::Census;
use crate::admission::decision::{Accept, Upgrade};
use crate::admission::policy::AdmissionPolicy;
use crate::event::handler::{Handler, Socket};
use crate::event::key::Key;
use crate::event::message_ref::MessageRef;
use crate::event::rules::Rules;
use crate::ledger::Ledger;

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// A message of 125 bytes is published to all when this one arrives.
const NEWS: &str = "news";
const HELLO: &[u8] = b"\x81\x85\0\0\0\0hello";

const PING_EVERY: Duration = Duration::from_secs(30);

/// Subscribes every connection to one topic, publishes `news`, and returns everything else.
struct Crowd;

impl Handler for Crowd {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        socket.subscribe("all");
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        if message.as_text() == Some(NEWS) {
            socket.publish("all", "n".repeat(125));
        } else {
            socket.send(message).or_drop();
        }
    }
}

/// What a connection's transport has taken.
#[derive(Default)]
struct Transport {
    frames: u32,
    is_shut: bool,
}

/// A loop with its connections.
struct Simulation {
    reactor: Reactor<Crowd, Transport>,
    now: Instant,
    keys: Vec<Key>,
}

/// What one kind of event costs.
struct Cost {
    what: &'static str,
    /// Nanoseconds for each connection that it concerns.
    nanos: f64,
}

impl Simulation {
    fn new(size: usize) -> Simulation {
        let rules = Rules {
            application: Crowd,
            config: Arc::new(Config::new(Limits::default().keepalive(Keepalive::every(PING_EVERY)))),
            admission: AdmissionPolicy::default(),
            serves_http: false,
            ledger: Arc::new(Ledger::new(usize::MAX)),
            max_spawned: 64,
            counts_traffic: false,
            tick_every: None,
        };
        let mut reactor = Reactor::new(Arc::new(rules), Arc::default(), Arc::default());
        let now = reactor.use_manual_time();
        assert!(reactor.begin_round(now).is_empty());
        Simulation { reactor, now, keys: Vec::with_capacity(size) }
    }

    fn open(&mut self, size: usize, census: &Arc<Census>) {
        for number in 0..u32::try_from(size).unwrap() {
            let ip = IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number));
            let place = census.enter(Some(ip)).unwrap();
            let key = self.reactor.accept(Transport::default(), Some((ip, 1).into()), place, Span::none());
            self.receive(key, REQUEST);
            self.drive(key);
            self.receive(key, HELLO);
            self.drive(key);
            self.keys.push(key);
        }
    }

    fn receive(&mut self, key: Key, bytes: &[u8]) {
        let mut read = [0; 256];
        let read = &mut read[..bytes.len()];
        read.copy_from_slice(bytes);
        self.reactor.received(key, read, |_| {});
    }

    /// A round of the loop in which nothing arrives.
    fn round(&mut self) {
        assert!(self.reactor.begin_round(self.now).is_empty());
        self.reactor.take_mail();
        self.drive_dirty();
        self.reactor.expire();
        self.drive_dirty();
    }

    fn drive_dirty(&mut self) {
        while let Some(key) = self.reactor.next_dirty() {
            self.drive(key);
        }
    }

    /// Does the steps of a connection. Its transport takes everything.
    fn drive(&mut self, key: Key) {
        while let Some(mut visit) = self.reactor.visit(key) {
            match visit.step() {
                Some(Step::Write) => {
                    let count = written(&mut visit);
                    if let Some(pending) = visit.written(count) {
                        self.reactor.resolve(key, pending, &mut Received::default());
                    }
                }
                Some(Step::Shutdown) => {
                    visit.link().is_shut = true;
                    visit.shut();
                }
                Some(Step::Drop) => drop(self.reactor.remove(key)),
                Some(Step::Wait | Step::HandOver) | None => return,
            }
        }
    }

    fn frames(&mut self) -> u64 {
        let keys = std::mem::take(&mut self.keys);
        let frames = keys.iter().filter_map(|key| Some(u64::from(self.reactor.link(*key)?.frames))).sum();
        self.keys = keys;
        frames
    }

    /// Times an event that concerns `count` connections.
    fn measure(&mut self, what: &'static str, count: usize, event: impl FnOnce(&mut Simulation)) -> Cost {
        let begun = Instant::now();
        event(self);
        let nanos = begun.elapsed().as_secs_f64() * 1e9 / count as f64;
        Cost { what, nanos }
    }

    /// Everything that is measured of a loop, in this order, and the bytes that a connection takes.
    fn run(size: usize) -> (Vec<Cost>, u64) {
        let census = Arc::new(Census::new(usize::MAX, usize::MAX));
        let before = private_dirty();
        let mut simulation = Simulation::new(size);
        let mut costs =
            vec![simulation.measure("open, and echo a message", size, |it| it.open(size, &census))];
        let bytes = (private_dirty().saturating_sub(before)) * 1024 / size as u64;
        let frames = simulation.frames();
        assert_eq!(frames, 2 * size as u64, "the response and the echo");

        // The connections that were driven while they opened are still on the list of those with work.
        simulation.round();
        const ROUNDS: usize = 1_000;
        costs.push(simulation.measure("a round in which nothing is due (in all)", ROUNDS, |it| {
            (0..ROUNDS).for_each(|_| it.round());
        }));
        let first = simulation.keys[0];
        costs.push(simulation.measure("a message to all", size, |it| {
            it.receive(first, b"\x81\x84\0\0\0\0news");
            it.drive_dirty();
        }));
        assert_eq!(simulation.frames(), frames + size as u64);
        let chatting: Vec<Key> =
            scattered(size).take(size / 100).map(|place| simulation.keys[place]).collect();
        costs.push(simulation.measure("1 % echo a message each, in random order", size / 100, |it| {
            for &key in &chatting {
                it.receive(key, HELLO);
                it.drive(key);
            }
        }));
        assert_eq!(simulation.frames(), frames + size as u64 + (size / 100) as u64);
        costs.push(simulation.measure("a wave of keepalive pings", size, |it| {
            it.now += PING_EVERY;
            it.round();
        }));
        assert_eq!(simulation.frames(), frames + 2 * size as u64 + (size / 100) as u64);
        costs.push(simulation.measure("their pongs, in random order", size, |it| {
            for place in scattered(size) {
                it.receive(it.keys[place], b"\x8a\x88\0\0\0\0\0\0\0\0\0\0\0\x01");
            }
        }));
        costs.push(simulation.measure("a shutdown that closes all at once", size, |it| {
            it.reactor.shut_down(Duration::ZERO);
            it.drive_dirty();
        }));
        costs.push(simulation.measure("their Close frames and ends", size, |it| {
            for place in 0..size {
                let key = it.keys[place];
                it.receive(key, b"\x88\x82\0\0\0\0\x03\xe9");
                it.drive(key);
                it.reactor.ended(key, None);
                it.drive(key);
            }
        }));
        assert_eq!(simulation.reactor.len(), 0);
        (costs, bytes)
    }
}

fn written(visit: &mut Visit<'_, Crowd, Transport>) -> usize {
    let mut slices = [IoSlice::new(&[]); 16];
    let (_, filled) = visit.transmit(&mut slices);
    let count = slices[..filled].iter().map(|slice| slice.len()).sum();
    visit.link().frames += 1;
    count
}

/// All numbers below `size`, in an order that no cache foresees.
fn scattered(size: usize) -> impl Iterator<Item = usize> {
    // A stride that has no factor in common with a size of the form 10^n visits each number once.
    const STRIDE: usize = 611_953;
    (0..size).map(move |number| number * STRIDE % size)
}

/// The memory that this process has written to and shares with no other, in KiB.
fn private_dirty() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = rollup.lines().find(|line| line.starts_with("Private_Dirty:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The costs must not depend on the number of connections, except that a larger loop finds less of itself in the caches.
#[test]
fn a_small_crowd_behaves() {
    let (costs, _) = Simulation::run(1_000);
    assert_eq!(costs.len(), 8);
}

#[test]
#[ignore = "takes gigabytes; `cargo xtask bench million` runs it"]
fn a_million() {
    const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
    let runs = SIZES.map(Simulation::run);
    let mut table = "| | 10,000 connections | 100,000 | 1,000,000 |\n|---|---|---|---|\n".to_owned();
    let mut row =
        |what: &str, cells: [String; 3]| writeln!(table, "| {what} | {} |", cells.join(" | ")).unwrap();
    for place in 0..runs[0].0.len() {
        let cells = runs.each_ref().map(|(costs, _)| format!("{:.0} ns", costs[place].nanos));
        row(runs[0].0[place].what, cells);
    }
    row("memory", runs.each_ref().map(|(_, bytes)| format!("{bytes} bytes")));
    println!("{table}");
    if let Some(file) = std::env::var_os("LONGWIRE_MILLION") {
        fs::write(PathBuf::from(file), table).unwrap();
    }
}
