//! The cost of a delivery: to many subscribers of one channel, or to one subscriber of each of many channels.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::audience::Audience;
use super::channel;
use super::opening::Request;
use super::publisher::{By, Publisher};
use crate::arguments::{Deliver, Hub, Target};
use crate::measured::{Cost, Meter};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    deliveries: usize,
    #[serde(flatten)]
    cost: Cost,
}

/// How many channels a client publishes to in one write, and how many a request of the API has.
const IN_A_WRITE: usize = 32;
const IN_A_REQUEST: usize = 10;

pub(super) fn run(target: &Target, hub: &Hub, deliver: &Deliver) -> Result<Report> {
    let channels: Vec<String> =
        (0..deliver.channels).map(|number| channel(hub.dialect, &hub.namespace, number)).collect();
    let publisher = Publisher::open(target, hub.dialect, deliver.by)?;
    let nodes = [&[target.address][..], &target.node].concat();
    let subscribed = (0..deliver.subscribers).map(|number| {
        let (round, channel) = (number / channels.len(), number % channels.len());
        Request::subscriber(hub.dialect, channels[channel].clone()).at(nodes[round % nodes.len()])
    });
    let mut audience = Audience::open(target, hub.dialect, subscribed, publisher)?;
    let per_write = match deliver.by {
        By::Client => IN_A_WRITE,
        By::Api => IN_A_REQUEST,
    };
    let mut next = 0;
    publish_for(&mut audience, &channels, &mut next, per_write, deliver.time.warm_up())?;
    let (meter, before) = (Meter::start(target)?, audience.deliveries);
    publish_for(&mut audience, &channels, &mut next, per_write, deliver.time.measured())?;
    Ok(Report { deliveries: audience.deliveries - before, cost: meter.stop()? })
}

/// Publishes to some channels, one after another, and to the next when all subscribers have received that.
fn publish_for(
    audience: &mut Audience,
    channels: &[String],
    next: &mut usize,
    per_write: usize,
    time: Duration,
) -> Result<()> {
    let end = Instant::now() + time;
    let per_channel = audience.len() / channels.len();
    while Instant::now() < end {
        let now = &channels[*next..channels.len().min(*next + per_write)];
        *next = (*next + now.len()) % channels.len();
        let expected = audience.deliveries + now.len() * per_channel;
        audience.publish(now)?;
        while audience.deliveries < expected || !audience.can_publish() {
            audience.wait()?;
        }
    }
    Ok(())
}
