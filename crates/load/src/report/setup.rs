//! How a report was measured, so that two reports can be told to be alike.

use std::collections::BTreeMap;
use std::thread;

use crate::outcome::Outcome;
use crate::plan::{Check, Pace, Plan, Think, Waiting, Workload};
use crate::series::{Coding, Kind, Series};
use crate::target::Target;

/// The name of the workload in a setup.
pub(super) const WORKLOAD: &str = "workload";

/// The name of the way in which answers are checked.
pub(super) const CHECK: &str = "check";

/// What a run was like, by name: its plan, its endpoint without the address, and the machine of the generator.
pub(super) fn setup(plan: &Plan, target: &Target, outcome: &Outcome) -> BTreeMap<String, String> {
    let mut known = vec![
        (WORKLOAD, workload(plan).to_owned()),
        ("connections", plan.connections.to_string()),
        ("channels", plan.channels().to_string()),
        (CHECK, if plan.check == Check::Any { "any" } else { "equal" }.to_owned()),
        ("measured", seconds(plan.measured)),
        ("warm-up", seconds(plan.warm_up)),
        (
            "reopening",
            plan.reopening.map_or_else(|| "no".to_owned(), |after| format!("after {}", seconds(after))),
        ),
        ("transport", transport(target).to_owned()),
        ("path", target.path().to_owned()),
        ("endpoint", if target.is_local() { "on this machine" } else { "on another machine" }.to_owned()),
        (
            "compression",
            if target.coding() == Coding::Deflate { "permessage-deflate" } else { "no" }.to_owned(),
        ),
        ("engine", outcome.engine.clone()),
        ("threads", outcome.own.len().to_string()),
        ("waiting", if plan.waiting == Waiting::Spin { "spinning" } else { "sleeping" }.to_owned()),
        ("machine", machine()),
    ];
    known.extend(plan.pace().map(|pace| ("pace", describe(pace))));
    if let Workload::Echo { series, .. } | Workload::Fanout { series, .. } = &plan.workload {
        known.push(("messages", messages(series)));
    }
    known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The workload, as `longwire load` names it.
pub(super) fn workload(plan: &Plan) -> &'static str {
    match plan.workload {
        Workload::Echo { .. } => "echo",
        Workload::Fanout { .. } => "fan-out",
        Workload::Storm { .. } => "storm",
        Workload::Idle => "idle",
    }
}

/// The name of the latency that a run of this workload is about. `None`: there is no such workload.
pub(super) fn latency(workload: &str) -> Option<&'static str> {
    match workload {
        "echo" => Some("round_trip"),
        "fan-out" => Some("fan_out"),
        "storm" => Some("opening"),
        "idle" => Some("handshake"),
        _ => None,
    }
}

fn transport(target: &Target) -> &'static str {
    match (target.address(), target.is_secure()) {
        (None, _) => "a Unix socket",
        (_, true) => "TLS",
        (_, false) => "TCP",
    }
}

fn describe(pace: &Pace) -> String {
    match pace {
        Pace::Closed { depth, think } if *think == Think::default() => format!("{depth} at a time"),
        Pace::Closed { depth, think } => {
            format!("{depth} at a time, after {} to {}", seconds(think.least), seconds(think.most))
        }
        Pace::Open(rate) => rate.to_string(),
    }
}

fn messages(series: &Series) -> String {
    let kind = if series.kind() == Kind::Text { "text" } else { "binary" };
    let lengths = || (0..series.count()).map(|number| series.length(number));
    let (least, most) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
    let range = if least == most { least.to_string() } else { format!("{least} to {most}") };
    format!("{} of {range} bytes, {} together, {kind}", series.count(), lengths().sum::<usize>())
}

fn seconds(time: std::time::Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// The generator's machine: its system, its processor and how many cores the generator may use.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let processor = processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{}, {processor}, {cores} cores", std::env::consts::OS)
}

/// The name of the processor, where the system tells it.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, name) = text.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
    Some(name.trim().to_owned())
}
