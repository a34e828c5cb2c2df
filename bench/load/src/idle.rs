//! The memory of idle connections.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use longwire_load::{Control, Ending, Observer, Pace, Plan, RatePlan, Workload};
use serde::Serialize;

use crate::arguments::{Content, Idle, MessageShape, Target};
use crate::measured;
use crate::process::private_dirty;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    connections: u32,
    before: u64,
    after: u64,
    bytes_per_connection: f64,
}

/// Connections before the measurement, so that one-time costs of the server are not counted.
const FIRST: u32 = 100;

/// How long the server has to free what it no longer needs.
const SETTLING: Duration = Duration::from_secs(2);

/// In which time each connection exchanges its message.
const EXCHANGING: Duration = Duration::from_secs(2);

pub(crate) fn run(target: &Target, idle: &Idle) -> Result<Report> {
    let mut second = Memory { pid: target.pid, found: None, next: None };
    let mut first = Memory {
        pid: target.pid,
        found: None,
        next: Some(Box::new(|| exchange_one(target, idle.connections, &mut second))),
    };
    exchange_one(target, FIRST, &mut first)?;
    let before = first.take()?;
    drop(first);
    let after = second.take()?;
    let bytes_per_connection = (after as f64 - before as f64) / f64::from(idle.connections);
    Ok(Report { connections: idle.connections, before, after, bytes_per_connection })
}

/// Looks at the server's memory when connections have exchanged a message and are still open. Meanwhile, more may be
/// opened.
struct Memory<'n> {
    pid: u32,
    found: Option<Result<u64>>,
    next: Option<Box<dyn FnOnce() -> Result<()> + 'n>>,
}

impl Memory<'_> {
    fn take(&mut self) -> Result<u64> {
        self.found.take().unwrap_or_else(|| Err(anyhow::anyhow!("the connections were not held")))
    }
}

impl Observer for Memory<'_> {
    fn ends(&mut self) {
        thread::sleep(SETTLING);
        self.found = Some(private_dirty(self.pid));
        if let Some(next) = self.next.take()
            && let Err(error) = next()
        {
            self.found = Some(Err(error));
        }
    }
}

/// Opens connections that have exchanged one message, so that they hold their long-term memory.
fn exchange_one(target: &Target, connections: u32, memory: &mut Memory<'_>) -> Result<()> {
    let shape = MessageShape { size: 125, content: Content::Text };
    let rate = RatePlan::constant(f64::from(connections) / EXCHANGING.as_secs_f64() * 1.001, EXCHANGING);
    let workload = Workload::Echo {
        series: Arc::new(measured::series(shape, 1, target.speech)?),
        pace: Pace::Open(rate),
    };
    let plan =
        Plan { measured: EXCHANGING, ending: Ending::Reset, ..Plan::new(workload, connections as usize) };
    let outcome = longwire_load::run(&plan, &measured::endpoint(target, "/")?, &Control::default(), memory)?;
    let tally = &outcome.tally;
    ensure!(tally.errors.is_empty(), "connections failed: {:?}", tally.errors);
    ensure!(tally.received >= u64::from(connections), "only {} messages came back", tally.received);
    Ok(())
}
