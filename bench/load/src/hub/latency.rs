//! Latency from publication to delivery, in an open loop: a publication is due at its time, whatever has become of the
//! ones before, and its latency counts from then.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::audience::Audience;
use super::channel;
use super::opening::Request;
use super::publisher::Publisher;
use crate::arguments::{Hub, HubLatency, Target};
use crate::latency::Quantiles;
use crate::measured::{Cost, Meter};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    deliveries: u64,
    #[serde(flatten)]
    quantiles: Quantiles,
    #[serde(flatten)]
    cost: Cost,
}

/// How many publications that are due go out together.
const TOGETHER: usize = 10;

pub(super) fn run(target: &Target, hub: &Hub, latency: &HubLatency) -> Result<Report> {
    let channel = channel(hub.dialect, &hub.namespace, 0);
    let publisher = Publisher::open(target, hub.dialect, latency.by)?;
    let nodes = if target.node.is_empty() { vec![target.address] } else { target.node.clone() };
    let subscribers = (0..latency.subscribers)
        .map(|number| Request::subscriber(hub.dialect, channel.clone()).at(nodes[number % nodes.len()]));
    let mut audience = Audience::open(target, hub.dialect, subscribers, publisher)?;
    audience.begin_timing();
    publish_for(&mut audience, &channel, latency.rate, latency.time.warm_up())?;
    audience.timing()?.end_warm_up();
    let meter = Meter::start(target)?;
    publish_for(&mut audience, &channel, latency.rate, latency.time.measured())?;
    let cost = meter.stop()?;
    let all = audience.timing()?.publications() * audience.len();
    while audience.deliveries < all {
        audience.wait()?;
    }
    let timing = audience.timing()?;
    Ok(Report { deliveries: timing.measured(), quantiles: timing.quantiles(), cost })
}

/// Publishes at this rate. It never sleeps: precise timing occupies a core.
fn publish_for(audience: &mut Audience, channel: &str, rate: u32, time: Duration) -> Result<()> {
    let (start, rate) = (Instant::now(), f64::from(rate));
    let total = (rate * time.as_secs_f64()) as usize;
    let mut sent = 0;
    while sent < total {
        if audience.can_publish() {
            let due = (start.elapsed().as_secs_f64() * rate) as usize + 1;
            let until = due.min(total).min(sent + TOGETHER);
            for number in sent..until {
                audience.timing()?.is_due(start + Duration::from_secs_f64(number as f64 / rate));
            }
            if until > sent {
                audience.publish(&vec![channel.to_owned(); until - sent])?;
                sent = until;
            }
        }
        audience.poll()?;
    }
    Ok(())
}
