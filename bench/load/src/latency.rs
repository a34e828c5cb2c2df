//! Latency in an open loop: a message is sent when it is due, even if others are unanswered, and its latency counts
//! from then. A stall of the server therefore delays all messages that were due during it (no coordinated omission).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::arguments::{Latency, Target};
use crate::crowd::{Beginning, Cost, Crowd, Meter};
use crate::frames::Frames;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    messages: u64,
    unanswered: usize,
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

/// Unanswered messages per connection. A server that keeps up never has this many.
const OUTSTANDING: usize = 64;

/// The upper bound of the histogram, in nanoseconds: one minute.
pub(crate) const LONGEST: u64 = 60_000_000_000;

/// The due times of unanswered messages, by connection.
struct UnderWay {
    due: Vec<VecDeque<Instant>>,
    histogram: Histogram<u64>,
}

pub(crate) fn run(target: &Target, latency: &Latency) -> Result<Report> {
    let frames = Frames::new(latency.message, OUTSTANDING, target.speech)?;
    let mut crowd = Crowd::open(target, frames, latency.connections, Beginning::Staggered)?;
    let mut under_way = UnderWay {
        due: vec![VecDeque::new(); crowd.len()],
        histogram: Histogram::new_with_bounds(1, LONGEST, 3)?,
    };
    let rate = f64::from(latency.rate);
    send_for(&mut crowd, &mut under_way, rate, latency.time.warm_up())?;
    under_way.histogram.reset();
    let meter = Meter::start(target)?;
    send_for(&mut crowd, &mut under_way, rate, latency.time.measured())?;
    let cost = meter.stop()?;
    let unanswered = under_way.give_up();

    let histogram = under_way.histogram;
    Ok(Report { messages: histogram.len(), unanswered, quantiles: Quantiles::of(&histogram), cost })
}

impl Quantiles {
    /// Of a histogram in nanoseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let quantile = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            max: quantile(1.0),
        }
    }
}

/// Sends at this rate, on one connection after another. It never sleeps: precise timing occupies a core.
fn send_for(crowd: &mut Crowd, under_way: &mut UnderWay, rate: f64, time: Duration) -> Result<()> {
    let start = Instant::now();
    let total = (rate * time.as_secs_f64()) as usize;
    let mut sent = 0;
    while sent < total {
        let now = Instant::now();
        while sent < total {
            let due = start + Duration::from_secs_f64(sent as f64 / rate);
            if due > now {
                break;
            }
            let connection = sent % crowd.len();
            under_way.due[connection].push_back(due);
            crowd.send(connection, 1)?;
            sent += 1;
        }
        crowd.poll(|connection, replies| {
            under_way.answered(connection, replies);
            0
        })?;
    }
    Ok(())
}

impl UnderWay {
    fn answered(&mut self, connection: usize, replies: usize) {
        let now = Instant::now();
        for due in self.due[connection].drain(..replies) {
            self.histogram.saturating_record((now - due).as_nanos() as u64);
        }
    }

    /// Counts unanswered messages as if they were answered now, and returns their number.
    fn give_up(&mut self) -> usize {
        let now = Instant::now();
        let mut unanswered = 0;
        for due in self.due.iter_mut().flat_map(|due| due.drain(..)) {
            unanswered += 1;
            self.histogram.saturating_record((now - due).as_nanos() as u64);
        }
        unanswered
    }
}
