//! Throughput: every connection sends again after a reply.

use std::sync::Arc;

use anyhow::Result;
use longwire_load::{Pace, Plan, Series, Step, Think, Workload};
use serde::Serialize;

use crate::arguments::{Echo, Span, Target};
use crate::measured::{self, Cost};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    messages: u64,
    #[serde(flatten)]
    cost: Cost,
}

pub(crate) fn run(target: &Target, echo: &Echo) -> Result<Report> {
    let series = measured::series(echo.message, echo.outstanding, target.speech)?;
    measure(target, "/", series, Vec::new(), (echo.connections, echo.outstanding), echo.time)
}

/// Measures connections that each keep so many messages unanswered, after these steps.
pub(crate) fn measure(
    target: &Target,
    path: &str,
    series: Series,
    joining: Vec<Step>,
    (connections, outstanding): (u32, usize),
    time: Span,
) -> Result<Report> {
    let pace = Pace::Closed { depth: outstanding, think: Think::default() };
    let workload = Workload::Echo { series: Arc::new(series), pace };
    let plan = Plan { joining, ..measured::plan(workload, connections, time) };
    let (outcome, cost) = measured::run(target, path, &plan)?;
    Ok(Report { messages: outcome.tally.received_in_time, cost })
}
