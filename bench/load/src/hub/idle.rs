//! The memory of connections that are subscribed and idle.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::channel;
use super::opening::{Request, open};
use crate::arguments::{Hub, HubIdle, Target};
use crate::process::private_dirty;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    connections: usize,
    bytes_per_connection: f64,
}

/// Connections before the measurement, so that one-time costs of the server are not counted.
const FIRST: usize = 100;

/// How long the server has to free what it no longer needs.
const SETTLING: Duration = Duration::from_secs(2);

pub(super) fn run(target: &Target, hub: &Hub, idle: &HubIdle) -> Result<Report> {
    let request = Request::subscriber(hub.dialect, channel(hub.dialect, &hub.namespace, 0));
    let first = open(target, &vec![request.clone(); FIRST])?;
    thread::sleep(SETTLING);
    let before = private_dirty(target.pid)?;
    let others = open(target, &vec![request; idle.connections])?;
    thread::sleep(SETTLING);
    let after = private_dirty(target.pid)?;
    drop((first, others));
    let bytes_per_connection = (after as f64 - before as f64) / idle.connections as f64;
    Ok(Report { connections: idle.connections, bytes_per_connection })
}
