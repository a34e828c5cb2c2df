//! Broadcast: one connection sends, all receive, including the sender; then it sends again.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::arguments::{Broadcast, Target};
use crate::crowd::{Beginning, Cost, Crowd, Meter};
use crate::frames::Frames;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    published: usize,
    deliveries: usize,
    #[serde(flatten)]
    cost: Cost,
}

/// How long a server may take to subscribe a connection after it has accepted it.
const SUBSCRIBING: Duration = Duration::from_millis(500);

pub(crate) fn run(target: &Target, broadcast: &Broadcast) -> Result<Report> {
    let frames = Frames::new(broadcast.message, 1, target.speech)?;
    let mut crowd = Crowd::open(target, frames, broadcast.connections, Beginning::First)?;
    std::thread::sleep(SUBSCRIBING);
    publish_for(&mut crowd, broadcast.time.warm_up())?;
    let meter = Meter::start(target)?;
    let published = publish_for(&mut crowd, broadcast.time.measured())?;
    Ok(Report { published, deliveries: published * crowd.len(), cost: meter.stop()? })
}

/// Publishes one message after another, each when all connections have received the previous one.
fn publish_for(crowd: &mut Crowd, time: Duration) -> Result<usize> {
    let end = Instant::now() + time;
    let mut published = 0;
    while Instant::now() < end {
        crowd.send(0, 1)?;
        published += 1;
        let mut missing = crowd.len();
        while missing > 0 {
            crowd.wait(|_, replies| {
                missing -= replies;
                0
            })?;
        }
    }
    Ok(published)
}
