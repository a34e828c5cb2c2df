//! The memory of idle connections.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::arguments::{Content, Idle, MessageShape, Target};
use crate::crowd::{Beginning, Crowd};
use crate::frames::Frames;
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

pub(crate) fn run(target: &Target, idle: &Idle) -> Result<Report> {
    let first = exchange_one(target, FIRST)?;
    thread::sleep(SETTLING);
    let before = private_dirty(target.pid)?;
    let others = exchange_one(target, idle.connections)?;
    thread::sleep(SETTLING);
    let after = private_dirty(target.pid)?;
    drop((first, others));
    let bytes_per_connection = (after as f64 - before as f64) / f64::from(idle.connections);
    Ok(Report { connections: idle.connections, before, after, bytes_per_connection })
}

/// Opens connections that have exchanged one message, so that they hold their long-term memory.
fn exchange_one(target: &Target, connections: u32) -> Result<Crowd> {
    let frames = Frames::new(MessageShape { size: 125, content: Content::Text }, 1, target.speech)?;
    let mut crowd = Crowd::open(target, frames, connections, Beginning::Staggered)?;
    crowd.send_from_all(1)?;
    let mut missing = crowd.len();
    while missing > 0 {
        crowd.wait(|_, replies| {
            missing -= replies;
            0
        })?;
    }
    Ok(crowd)
}
