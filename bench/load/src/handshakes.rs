//! Connections that are opened and dropped immediately.

use anyhow::Result;
use longwire_load::{Pace, Think, Workload};
use serde::Serialize;

use crate::arguments::{Handshakes, Target};
use crate::measured::{self, Cost};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    handshakes: u64,
    #[serde(flatten)]
    cost: Cost,
}

pub(crate) fn run(target: &Target, handshakes: &Handshakes) -> Result<Report> {
    let pace = Pace::Closed { depth: handshakes.together, think: Think::default() };
    let plan = measured::plan(Workload::Storm { pace }, 1, handshakes.time);
    let (outcome, cost) = measured::run(target, "/", &plan)?;
    Ok(Report { handshakes: outcome.tally.received_in_time, cost })
}
