//! Broadcast: one connection sends, all receive, including the sender; then it sends again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use longwire_load::{Dialect, Pace, Plan, Publishers, Think, Workload};
use serde::Serialize;

use crate::arguments::{Broadcast, Target};
use crate::measured::{self, Cost};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    published: u64,
    deliveries: u64,
    #[serde(flatten)]
    cost: Cost,
}

/// How long a server may take to subscribe a connection after it has accepted it.
const SUBSCRIBING: Duration = Duration::from_millis(500);

pub(crate) fn run(target: &Target, broadcast: &Broadcast) -> Result<Report> {
    let workload = Workload::Fanout {
        series: Arc::new(measured::series(broadcast.message, 1, target.speech)?),
        pace: Pace::Closed { depth: 1, think: Think::default() },
        channels: 1,
        dialect: Dialect::Plain,
        publishers: Publishers::FirstSubscriber,
    };
    let plan =
        Plan { settling: SUBSCRIBING, ..measured::plan(workload, broadcast.connections, broadcast.time) };
    let (outcome, cost) = measured::run(target, "/", &plan)?;
    Ok(Report { published: outcome.tally.sent, deliveries: outcome.tally.received_in_time, cost })
}
