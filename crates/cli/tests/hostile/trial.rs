//! One attack on one server, from the state before it to the verdict.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::{Peer, upgrade_request};
use crate::process::{KIB, MIB};
use crate::server::Server;
use crate::witness::Witness;

/// Longer than the server's longest timeout here, 10 s for closing, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One attack at a time, so that each is measured alone.
static TURN: Mutex<()> = Mutex::new(());

/// An observed server, and an honest client.
pub(crate) struct Trial {
    pub(crate) server: Server,
    witness: Witness,
    before: Before,
    /// The log may have so many lines that are not about refused connections.
    lines: usize,
    _turn: MutexGuard<'static, ()>,
}

/// The server before the attack.
struct Before {
    memory: usize,
    cpu: Duration,
    descriptors: usize,
}

/// The hub writes ten lines of each kind at once, and one every 5 s.
const MOST_LINES: usize = 25;

/// The most memory of an unused connection in an unoptimized build.
pub(crate) const CONNECTION: usize = 16 * KIB;

/// The most that an attack may cost the server.
pub(crate) struct Bounds {
    /// In bytes, at any moment.
    pub(crate) memory: usize,
    /// In total. Generous, because the build is not optimized and the machine may be busy.
    pub(crate) cpu: Duration,
}

impl Trial {
    /// Starts a server and warms it up before recording its state.
    pub(crate) fn begin(flags: &[&str]) -> Trial {
        Trial { lines: 1, ..Trial::of("/echo", || Server::start(flags)) }
    }

    /// As [`begin`](Trial::begin), of a server whose honest client sends its messages to `path`, which sends them back.
    pub(crate) fn of(path: &'static str, start: impl FnOnce() -> Server) -> Trial {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let server = start();
        warm_up(&server);
        eventually("the server closes the connections of the warm-up", || server.connections() == 0);
        let witness = Witness::call(server.address(), path);
        server.forget_peak();
        let process = server.process();
        let before = Before {
            memory: process.peak_memory().unwrap(),
            cpu: process.cpu(),
            descriptors: server.descriptors(),
        };
        Trial { server, witness, before, lines: MOST_LINES, _turn: turn }
    }

    /// The number of open descriptors beyond those before the attack.
    pub(crate) fn more_descriptors(&self) -> usize {
        self.server.descriptors().saturating_sub(self.before.descriptors)
    }

    /// Ends a trial whose attack could not be carried out.
    pub(crate) fn give_up(self) {
        self.witness.slowest_echo();
    }

    /// Ends the trial after the attackers have left: prints a row of the table, and checks the bounds.
    pub(crate) fn end(self, attack: &str, answer: &str, bounds: &Bounds) {
        eventually("the descriptors are closed", || self.more_descriptors() == 0);
        let slowest_echo = self.witness.slowest_echo();
        let process = self.server.process();
        let memory = process.peak_memory().unwrap().saturating_sub(self.before.memory);
        let cpu = process.cpu().saturating_sub(self.before.cpu);
        print_row(attack, answer, memory, bounds.memory, cpu, slowest_echo);
        assert!(memory <= bounds.memory, "{attack}: {} KiB of memory", memory / KIB);
        assert!(cpu <= bounds.cpu, "{attack}: {cpu:?} of CPU time");
        // Lines for the operator are acceptable, but not one per misbehaving peer. Refusals are rate-limited per reason.
        let complaints = self.server.complaints();
        let (refused, others): (Vec<&str>, Vec<&str>) =
            complaints.lines().partition(|line| line.contains("refused: "));
        assert!(others.len() <= self.lines && refused.len() <= 60, "{attack}: {complaints}");
    }
}

/// Sends messages and a refused request, so that one-time allocations are made. It uses all buffers that an event loop
/// receives into, 2 MiB in total.
fn warm_up(server: &Server) {
    let mut peers: Vec<Peer> = (0..4).map(|_| Peer::open(server, "/echo")).collect();
    for peer in &mut peers {
        for _ in 0..128 {
            peer.echo(&[0; 30 * KIB]);
        }
        peer.echo(&[0; 64 * KIB]);
    }
    Peer::connect(server).ask(upgrade_request("/nowhere", ""));
}

fn print_row(attack: &str, answer: &str, memory: usize, bound: usize, cpu: Duration, slowest_echo: Duration) {
    static HEAD: Once = Once::new();
    HEAD.call_once(|| {
        println!("| a peer that … | response | memory, at most | CPU time | slowest echo of others |");
        println!("|---|---|---|---|---|");
    });
    let mib = |bytes: usize| bytes as f64 / MIB as f64;
    println!(
        "| {attack} | {answer} | {:.1} of {:.1} MiB | {:.2} s | {:.0} ms |",
        mib(memory),
        mib(bound),
        cpu.as_secs_f64(),
        slowest_echo.as_secs_f64() * 1e3,
    );
}

/// Polls a condition that cannot be waited for.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
