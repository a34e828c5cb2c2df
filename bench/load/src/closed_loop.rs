//! Throughput: every connection sends again after a reply.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use crate::arguments::{Echo, Target};
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
    let mut crowd = Crowd::open(target, frames, echo.connections, Beginning::Staggered)?;
    crowd.send_from_all(echo.outstanding)?;
    let warm = Instant::now() + echo.time.warm_up();
    while Instant::now() < warm {
        crowd.wait(|_, replies| replies)?;
    }

    let mut messages = 0;
    let meter = Meter::start(target.pid)?;
    let end = Instant::now() + echo.time.measured();
    while Instant::now() < end {
        crowd.wait(|_, replies| {
            messages += replies;
            replies
        })?;
    }
    Ok(Report { messages, cost: meter.stop()? })
}
