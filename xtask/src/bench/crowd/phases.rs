//! The phases of a crowd: it comes, stays, hears, is cut in half, and comes back.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::clients::{ClientProcess, ClientProcesses};
use super::options::{CrowdEngine, CrowdOptions};
use super::process::{cpu, descriptor_limit, private_dirty, slab, tcp};
use crate::server::{self, Server};
use crate::workspace::Workspace;

const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";

/// Descriptors of a process for everything except its connections.
const SPARE: u64 = 200;

/// How long memory may take to be freed after a phase.
const SETTLING: Duration = Duration::from_secs(3);

/// How often it is published.
const PUBLICATIONS: u32 = 5;

/// The programs of the measurement.
#[derive(Debug)]
pub(super) struct CrowdPrograms {
    /// The folder of `bench-crowd` and `bench-longwire`.
    pub(super) built: PathBuf,
    pub(super) taskset: PathBuf,
}

/// The figures of one engine. Bytes and CPU µs are those of one connection or delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct CrowdFigures {
    pub(super) connections: u32,
    /// Processes of the server.
    pub(super) servers: usize,
    /// Until all are open, in seconds.
    pub(super) opening: f64,
    pub(super) opening_cpu: f64,
    pub(super) server_bytes: f64,
    /// Of both ends.
    pub(super) kernel_bytes: f64,
    /// Of both ends, in TCP's queues.
    pub(super) queued_bytes: f64,
    /// While they were held: the fraction of a core that the server used, and the pings that were answered.
    pub(super) held_busy: f64,
    pub(super) pings: f64,
    pub(super) delivery_cpu: f64,
    /// From a publication until the last connection has it, in seconds; the median.
    pub(super) until_last: f64,
    /// Attempts of the clients to connect that failed, and were repeated.
    pub(super) failed: u32,
    pub(super) returned: u32,
    /// Until all are back, in seconds.
    pub(super) returning: f64,
    pub(super) returning_cpu: f64,
}

/// A server for each process with clients, because each has only so many descriptors.
struct Side {
    /// First, so that they end first: a connection that the server ends is lost.
    clients: ClientProcesses,
    servers: Vec<Server>,
    pids: Vec<u32>,
}

/// Runs all phases over one engine.
pub(super) fn measure(
    workspace: &Workspace,
    programs: &CrowdPrograms,
    options: &CrowdOptions,
    engine: CrowdEngine,
) -> Result<CrowdFigures> {
    let mut side = start(workspace, programs, options.connections, engine)?;
    let pids = side.pids.clone();
    let (dirty, kernel, queued) = (private_dirty(&pids)?, slab()?, tcp()?.0);

    let before = cpu(&pids)?;
    let opened = side.clients.order("open")?;
    let opening_cpu = cpu(&pids)? - before;
    thread::sleep(SETTLING);
    let each = |bytes: u64, before: u64| (bytes as f64 - before as f64) / f64::from(opened.count);
    let (queued_now, sockets) = tcp()?;
    let (server_bytes, kernel_bytes) = (each(private_dirty(&pids)?, dirty), each(slab()?, kernel));
    println!("{} connections after {:.1} s, {sockets} sockets", opened.count, opened.slowest);

    let (held_busy, pings) = hold(&mut side, Duration::from_secs(options.hold))?;

    let before = cpu(&pids)?;
    let mut times = Vec::new();
    for _ in 0..PUBLICATIONS {
        times.push(side.clients.order("publish")?.slowest);
    }
    let delivery_cpu = (cpu(&pids)? - before) / f64::from(PUBLICATIONS * opened.count);
    times.sort_by(f64::total_cmp);
    let until_last = *times.get(times.len() / 2).context("nothing was published")?;
    println!("published to all: {until_last:.2} s until the last has it");

    side.clients.order("cut")?;
    let before = cpu(&pids)?;
    let back = side.clients.order("return")?;
    let returning_cpu = (cpu(&pids)? - before) / f64::from(back.count);
    let there = side.clients.order("count")?.count;
    ensure!(there == opened.count, "{there} of {} connections are open at the end", opened.count);
    println!("{} were cut, and are back after {:.1} s", back.count, back.slowest);
    side.servers.iter_mut().try_for_each(Server::check)?;
    Ok(CrowdFigures {
        connections: opened.count,
        servers: pids.len(),
        opening: opened.slowest,
        opening_cpu: opening_cpu * 1e6 / f64::from(opened.count),
        server_bytes,
        kernel_bytes,
        queued_bytes: each(queued_now, queued),
        held_busy,
        pings,
        delivery_cpu: delivery_cpu * 1e6,
        until_last,
        failed: side.clients.order("failed")?.count,
        returned: back.count,
        returning: back.slowest,
        returning_cpu: returning_cpu * 1e6,
    })
}

/// Holds the connections, and shows once in a while that all are there. Returns what the server did meanwhile: the fraction of a
/// core, and the pings that were answered.
fn hold(side: &mut Side, time: Duration) -> Result<(f64, f64)> {
    const BETWEEN_LOOKS: Duration = Duration::from_secs(15);

    let (begin, before) = (Instant::now(), cpu(&side.pids)?);
    let earlier = side.clients.order("count")?.sum;
    loop {
        let left = time.saturating_sub(begin.elapsed());
        thread::sleep(left.min(BETWEEN_LOOKS));
        let there = side.clients.order("count")?;
        println!("{:4} s: {} open, {:.0} pings answered", begin.elapsed().as_secs(), there.count, there.sum);
        if left <= BETWEEN_LOOKS {
            let busy = (cpu(&side.pids)? - before) / begin.elapsed().as_secs_f64();
            return Ok((busy, there.sum - earlier));
        }
    }
}

/// Starts the processes of both sides, as many as the limit on descriptors demands.
fn start(
    workspace: &Workspace,
    programs: &CrowdPrograms,
    connections: u32,
    engine: CrowdEngine,
) -> Result<Side> {
    let most = u32::from(u16::try_from(descriptor_limit()?.saturating_sub(SPARE)).unwrap_or(u16::MAX));
    ensure!(most > 0, "a process may not open enough files");
    let processes = connections.div_ceil(most);
    ensure!(processes <= 200, "{processes} processes are too many: raise the limit on files (ulimit -Hn)");
    let mut side = Side { clients: ClientProcesses(Vec::new()), servers: Vec::new(), pids: Vec::new() };
    for number in 0..processes {
        // Together they have exactly as many connections as are wanted.
        let own = connections * (number + 1) / processes - connections * number / processes;
        let address = server::free_address()?;
        let mut command = limited(programs, SERVER_CORE, "bench-longwire");
        command.args([&address.port().to_string(), "broadcast", engine.argument()]);
        let log = workspace.log(&format!("bench-crowd-{}-{number}", engine.argument()));
        let server = Server::start(command, address, log)?;
        side.pids.push(server.pid());
        side.servers.push(server);
        let mut command = limited(programs, CLIENT_CORE, "bench-crowd");
        command.args([address.to_string(), own.to_string(), number.to_string()]);
        side.clients.0.push(ClientProcess::start(command)?);
    }
    Ok(side)
}

/// The command for a program on one core, with the highest limit on descriptors that is allowed. The shell becomes the program.
fn limited(programs: &CrowdPrograms, core: &str, program: &str) -> Command {
    const LAUNCH: &str = r#"ulimit -n "$(ulimit -H -n)"; exec "$0" "$@""#;

    let mut command = Command::new("sh");
    command.args(["-c", LAUNCH]).arg(&programs.taskset).args(["-c", core]).arg(programs.built.join(program));
    command
}
