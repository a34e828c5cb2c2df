//! Latency in an open loop: a message is sent when it is due, even if others are unanswered, and its latency counts
//! from then. A stall of the server therefore delays all messages that were due during it (no coordinated omission).

use std::sync::Arc;

use anyhow::Result;
use longwire_load::{Pace, Plan, RatePlan, Times, Waiting, Workload};
use serde::Serialize;

use crate::arguments::{Latency, Target};
use crate::measured::{self, Cost};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    messages: u64,
    unanswered: u64,
    #[serde(flatten)]
    quantiles: Quantiles,
    #[serde(flatten)]
    cost: Cost,
}

/// In microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Quantiles {
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    pub(crate) max: f64,
}

/// So many different messages are sent, which no server that keeps up has unanswered on one connection.
const DIFFERENT: usize = 64;

pub(crate) fn run(target: &Target, latency: &Latency) -> Result<Report> {
    let series = measured::series(latency.message, DIFFERENT, target.speech)?;
    let time = latency.time.warm_up() + latency.time.measured();
    let pace = Pace::Open(RatePlan::constant(f64::from(latency.rate), time));
    let workload = Workload::Echo { series: Arc::new(series), pace };
    // Precise timing occupies a core.
    let plan = Plan { waiting: Waiting::Spin, ..measured::plan(workload, latency.connections, latency.time) };
    let (outcome, cost) = measured::run(target, "/", &plan)?;
    let tally = &outcome.tally;
    Ok(Report {
        messages: tally.received,
        unanswered: tally.unanswered,
        quantiles: Quantiles::of(&tally.round_trip),
        cost,
    })
}

impl Quantiles {
    pub(crate) fn of(times: &Times) -> Self {
        let quantile = |quantile| times.quantile(quantile).as_secs_f64() * 1e6;
        Self {
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            max: quantile(1.0),
        }
    }
}
