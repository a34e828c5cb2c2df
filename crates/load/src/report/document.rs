//! The report of a run, as a document.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::setup::{WORKLOAD, latency, setup, workload};
use crate::outcome::Outcome;
use crate::plan::{Pace, Plan, Waiting, Workload};
use crate::tally::Interval;
use crate::target::Target;
use crate::times::Times;
use crate::verdict;

/// A report. Its JSON is the format of `longwire load --json`: fields are added, never changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the generator.
    pub version: String,
    /// The endpoint.
    pub url: String,
    /// What was done, in a line.
    pub load: String,
    /// How it was measured, by name: the plan, the endpoint without its address, the machine of the generator.
    #[serde(default)]
    pub setup: BTreeMap<String, String>,
    /// The measured time, in seconds.
    pub seconds: f64,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Connections.
    pub connections: Connections,
    /// Messages.
    pub messages: Messages,
    /// Messages that came back or were delivered in a second of the measured time; in a storm, connections.
    pub rate: f64,
    /// Times by what was timed: `lookup`, `connect`, `tls`, `handshake`, `opening`, `round_trip` or `fan_out`.
    pub times: BTreeMap<String, Distribution>,
    /// How often the server closed with each code.
    pub closes: BTreeMap<String, u64>,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// The generator itself.
    pub generator: Generator,
    /// Parts of the measured time, in order.
    pub intervals: Vec<Part>,
    /// The report of the second endpoint, if two were loaded in turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versus: Option<Box<Report>>,
}

/// Counts of connections.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Connections {
    /// How many were begun.
    pub begun: u64,
    /// How many were opened.
    pub opened: u64,
    /// How many could not be opened.
    pub failed: u64,
    /// How many ended before the generator ended them.
    pub ended_early: u64,
    /// How many were opened for others, which could not be opened or had ended early. They are in `opened`, too.
    #[serde(default)]
    pub reopened: u64,
    /// How many were open when the measured time ended.
    pub open_at_end: u64,
}

/// Counts of messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Messages {
    /// Messages that were sent, or that were due in an open loop while no connection could send them. In a closed loop,
    /// those that were sent before the measured time and never answered are among them.
    pub sent: u64,
    /// Their content, in bytes.
    pub sent_bytes: u64,
    /// Answers or deliveries that were to arrive for them. Of a fan-out, those to all subscribers.
    #[serde(default)]
    pub expected: u64,
    /// Messages that arrived as expected.
    pub received: u64,
    /// Their content, in bytes.
    pub received_bytes: u64,
    /// Messages that never arrived although a later one did.
    pub lost: u64,
    /// Messages that arrived again, or after a later one.
    pub repeated: u64,
    /// Messages that nobody sent.
    pub unexpected: u64,
    /// Messages without an answer at the end.
    pub unanswered: u64,
    /// Pings that arrived. Of several before a send, only the latest is answered.
    pub pings: u64,
}

/// A distribution of times, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// How many times there are.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// The median.
    pub p50: f64,
    /// 90 % took at most this.
    pub p90: f64,
    /// 95 % took at most this.
    #[serde(default)]
    pub p95: f64,
    /// 99 % took at most this.
    pub p99: f64,
    /// 99.9 % took at most this.
    #[serde(rename = "p99.9")]
    pub p99_9: f64,
    /// 99.99 % took at most this.
    #[serde(rename = "p99.99")]
    pub p99_99: f64,
    /// The longest.
    pub max: f64,
}

/// What the generator used, and whether it was the bottleneck.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// How it did I/O.
    pub engine: String,
    /// Its threads.
    pub threads: usize,
    /// The share of a core that its busiest thread used.
    pub cpu: Option<f64>,
    /// The share of the time in which that thread had to wait for a processor.
    pub waited: Option<f64>,
    /// In an open loop, the share of messages that it sent more than a millisecond late.
    pub late: Option<f64>,
    /// In an open loop, how late it sent each message.
    #[serde(default, skip_serializing_if = "Times::is_empty")]
    pub lateness: Times,
    /// Whether it never slept, so that `cpu` does not tell whether it had time to spare.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spins: bool,
    /// Why it was the bottleneck. Empty: it was not.
    pub bottleneck: Vec<String>,
}

/// A part of the measured time. Answers that came after that time are in the last part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// How long it was.
    pub seconds: f64,
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that arrived; in a storm, connections that were opened.
    pub done: u64,
    /// Latencies, in milliseconds.
    pub p50: f64,
    /// As above.
    pub p90: f64,
    /// As above.
    pub p99: f64,
    /// As above.
    pub max: f64,
    /// Their histogram. Those of all parts together are that of the run.
    #[serde(default, skip_serializing_if = "Times::is_empty")]
    pub histogram: Times,
}

impl Report {
    /// The report of a run.
    #[must_use]
    pub fn new(url: &str, target: &Target, plan: &Plan, outcome: &Outcome) -> Report {
        let tally = &outcome.tally;
        let mut times: BTreeMap<String, Distribution> = [
            ("connect", &tally.connect),
            ("tls", &tally.tls),
            ("handshake", &tally.handshake),
            ("opening", &tally.opening),
        ]
        .into_iter()
        .chain(latency(workload(plan)).map(|name| (name, &tally.round_trip)))
        .filter(|(_, times)| times.count() > 0)
        .map(|(name, times)| (name.to_owned(), Distribution::of(times)))
        .collect();
        if let Some(lookup) = target.lookup() {
            let mut one = Times::default();
            one.record(lookup);
            times.insert("lookup".to_owned(), Distribution::of(&one));
        }
        let seconds = outcome.measured.as_secs_f64();
        let open_loop = tally.late.count() > 0;
        let busiest = outcome.busiest();
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: url.to_owned(),
            load: describe(plan),
            setup: setup(plan, target, outcome),
            seconds,
            stopped: outcome.was_stopped,
            connections: Connections {
                begun: tally.begun,
                opened: tally.opened,
                failed: tally.failed,
                ended_early: tally.ended_early,
                reopened: tally.reopened,
                open_at_end: u64::try_from(outcome.open_at_end).unwrap_or(u64::MAX),
            },
            messages: Messages {
                sent: tally.sent,
                sent_bytes: tally.sent_bytes,
                expected: tally.expected,
                received: tally.received,
                received_bytes: tally.received_bytes,
                lost: tally.lost,
                repeated: tally.repeated,
                unexpected: tally.unexpected,
                unanswered: tally.unanswered,
                pings: tally.pings,
            },
            rate: per_second(tally.received_in_time, seconds),
            times,
            closes: tally.closes.iter().map(|(code, count)| (code.to_string(), *count)).collect(),
            errors: tally.errors.clone(),
            generator: Generator {
                engine: outcome.engine.clone(),
                threads: outcome.own.len(),
                cpu: busiest.cpu_share(),
                waited: busiest.waited_share(),
                late: open_loop.then(|| verdict::late_share(&tally.late)),
                lateness: tally.late.clone(),
                // In a closed loop, nothing is due, and it sleeps.
                spins: open_loop && plan.waiting == Waiting::Spin,
                // Where nothing was opened, there is nothing to be slow at.
                bottleneck: if tally.opened == 0 {
                    Vec::new()
                } else {
                    verdict::bottlenecks(busiest, &tally.late, plan.waiting)
                },
            },
            intervals: tally.intervals.iter().map(Part::of).collect(),
            versus: None,
        }
    }

    /// The name of the latency that the run is about: that of its workload. `None`: the report does not say which it was.
    #[must_use]
    pub fn latency_name(&self) -> Option<&'static str> {
        latency(self.setup.get(WORKLOAD)?)
    }

    /// That name, and the distribution. `None`: nothing was measured of it, even if other times were.
    #[must_use]
    pub fn latency(&self) -> Option<(&'static str, &Distribution)> {
        let name = self.latency_name()?;
        self.times.get(name).map(|times| (name, times))
    }

    /// Whether anything went wrong with the endpoint.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        let Messages { lost, repeated, unexpected, unanswered, .. } = self.messages;
        self.connections.opened == 0
            || !self.errors.is_empty()
            || lost + repeated + unexpected + unanswered > 0
    }
}

impl Distribution {
    /// Of these times.
    #[must_use]
    pub fn of(times: &Times) -> Distribution {
        let at = |share: f64| millis(times.quantile(share));
        Distribution {
            count: times.count(),
            mean: millis(times.mean()),
            deviation: millis(times.deviation()),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: at(1.0),
        }
    }
}

impl Distribution {
    /// The percentiles that are shown, each with its name. `None`: no time lies beyond it, so it says no more than `max`.
    pub(super) fn percentiles(&self) -> [(&'static str, Option<f64>); 5] {
        [
            ("p50", 2, self.p50),
            ("p90", 10, self.p90),
            ("p99", 100, self.p99),
            ("p99.9", 1000, self.p99_9),
            ("p99.99", 10_000, self.p99_99),
        ]
        .map(|(name, fewest, time)| (name, (self.count >= fewest).then_some(time)))
    }
}

impl Part {
    fn of(interval: &Interval) -> Part {
        let Distribution { p50, p90, p99, max, .. } = Distribution::of(&interval.latency);
        Part {
            seconds: interval.time.as_secs_f64(),
            sent: interval.sent,
            done: interval.done,
            p50,
            p90,
            p99,
            max,
            histogram: interval.latency.clone(),
        }
    }
}

fn describe(plan: &Plan) -> String {
    let connections = plan.connections;
    let what = match &plan.workload {
        Workload::Echo { .. } => format!("echo over {connections} connections"),
        Workload::Fanout { channels, .. } => format!("{connections} subscribers of {channels} channels"),
        Workload::Storm { .. } => "connections opened and dropped".to_owned(),
        Workload::Idle => format!("{connections} idle connections"),
    };
    match plan.pace() {
        None => what,
        Some(Pace::Open(rate)) => format!("{what}, open loop at up to {} a second", rate.highest()),
        Some(Pace::Closed { depth, .. }) => format!("{what}, closed loop with {depth} at a time"),
    }
}

/// Milliseconds.
pub(super) fn millis(time: Duration) -> f64 {
    // Microseconds are exact enough for a reader, and nanoseconds for a comparison.
    (time.as_secs_f64() * 1e6).round() / 1e3
}

pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
    let count = count as f64;
    if seconds > 0.0 { count / seconds } else { 0.0 }
}
