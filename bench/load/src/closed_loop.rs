//! Throughput: every connection sends again after a reply.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use crate::arguments::{Echo, Span, Target};
use crate::crowd::{Beginning, Cost, Crowd, Meter};
use crate::frames::Frames;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    messages: usize,
    #[serde(flatten)]
    cost: Cost,
}

pub(crate) fn run(target: &Target, echo: &Echo) -> Result<Report> {
    let frames = Frames::new(echo.message, echo.outstanding, target.speech)?;
    let crowd = Crowd::open(target, frames, echo.connections, Beginning::Staggered)?;
    measure(crowd, target, echo.outstanding, echo.time)
}

/// Measures connections that each keep so many messages unanswered.
pub(crate) fn measure(mut crowd: Crowd, target: &Target, outstanding: usize, time: Span) -> Result<Report> {
    crowd.send_from_all(outstanding)?;
    let warm = Instant::now() + time.warm_up();
    while Instant::now() < warm {
        crowd.wait(|_, replies| replies)?;
    }

    let mut messages = 0;
    let meter = Meter::start(target)?;
    let end = Instant::now() + time.measured();
    while Instant::now() < end {
        crowd.wait(|_, replies| {
            messages += replies;
            replies
        })?;
    }
    Ok(Report { messages, cost: meter.stop()? })
}
