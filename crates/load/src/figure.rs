//! The figures of a report that a condition may be about, and which of them a run measures.

use crate::plan::{Plan, Workload};
use crate::report::{Distribution, Report};
use crate::series::Coding;
use crate::target::Target;

/// A figure of a report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Figure {
    /// A quantile of times, or of the latency that the run is about.
    Time {
        of: Option<String>,
        which: Which,
    },
    Count {
        which: Count,
        is_share: bool,
    },
    Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    P50,
    P90,
    P95,
    P99,
    P99_9,
    P99_99,
    Max,
    Mean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Errors,
    Failed,
    Lost,
    Repeated,
    Unexpected,
    Unanswered,
    Received,
}

impl Figure {
    /// Why a run of this plan never measures it. `None`: it does.
    pub(crate) fn missing_in(&self, plan: &Plan, target: &Target) -> Option<String> {
        let run = named(plan);
        let has_messages = matches!(plan.workload, Workload::Echo { .. } | Workload::Fanout { .. });
        match self {
            Figure::Time { of: Some(name), .. } => {
                let measured = measured_times(plan, target);
                let is_missing = !measured.contains(&name.as_str());
                is_missing
                    .then(|| format!("{run} at this endpoint has no {name}; it has {}", measured.join(", ")))
            }
            Figure::Time { of: None, .. } => None,
            Figure::Rate => matches!(plan.workload, Workload::Idle)
                .then(|| format!("{run} sends nothing, so it has no rate")),
            Figure::Count { which, .. } => (which.is_of_messages() && !has_messages)
                .then(|| format!("{run} sends no messages; count errors or failed instead")),
        }
    }

    pub(crate) fn of(&self, report: &Report) -> Option<f64> {
        match self {
            Figure::Time { of: None, which } => report.latency().map(|(_, times)| which.of(times)),
            Figure::Time { of: Some(name), which } => report.times.get(name).map(|times| which.of(times)),
            Figure::Rate => Some(report.rate),
            Figure::Count { which, is_share } => {
                let (count, whole) = which.of(report);
                #[expect(clippy::cast_precision_loss, reason = "counts of messages")]
                let [count, whole] = [count as f64, whole as f64];
                match is_share {
                    false => Some(count),
                    true if whole > 0.0 => Some(count / whole * 100.0),
                    true => None,
                }
            }
        }
    }
}

impl Which {
    const NAMED: [(&str, Which); 8] = [
        ("p50", Which::P50),
        ("p90", Which::P90),
        ("p95", Which::P95),
        ("p99", Which::P99),
        ("p99.9", Which::P99_9),
        ("p99.99", Which::P99_99),
        ("max", Which::Max),
        ("mean", Which::Mean),
    ];

    pub(crate) fn of(self, times: &Distribution) -> f64 {
        match self {
            Which::P50 => times.p50,
            Which::P90 => times.p90,
            Which::P95 => times.p95,
            Which::P99 => times.p99,
            Which::P99_9 => times.p99_9,
            Which::P99_99 => times.p99_99,
            Which::Max => times.max,
            Which::Mean => times.mean,
        }
    }

    /// Whether it exceeds these milliseconds without what the generator may have added.
    pub(crate) fn certainly_exceeds(self, limit: f64, name: &str, report: &Report) -> bool {
        let share = match self {
            Which::P50 => 0.5,
            Which::P90 => 0.1,
            Which::P95 => 0.05,
            Which::P99 => 0.01,
            Which::P99_9 => 0.001,
            Which::P99_99 => 0.0001,
            Which::Max => 0.0,
            Which::Mean => return report.mean_without_lateness(name).is_some_and(|mean| mean > limit),
        };
        report.is_exceeded_despite_lateness(name, limit, share)
    }

    pub(crate) fn parse(text: &str) -> Option<Which> {
        let text = if text == "median" { "p50" } else { text };
        Which::NAMED.into_iter().find_map(|(name, which)| (name == text).then_some(which))
    }
}

impl Count {
    fn is_of_messages(self) -> bool {
        !matches!(self, Count::Errors | Count::Failed)
    }

    /// Whether a slow generator can only make it larger.
    pub(crate) fn grows_with_lateness(self) -> bool {
        self != Count::Received
    }

    const NAMED: [(&str, Count); 7] = [
        ("errors", Count::Errors),
        ("failed", Count::Failed),
        ("lost", Count::Lost),
        ("repeated", Count::Repeated),
        ("unexpected", Count::Unexpected),
        ("unanswered", Count::Unanswered),
        ("received", Count::Received),
    ];

    /// The count, and what it is a share of.
    fn of(self, report: &Report) -> (u64, u64) {
        let (messages, connections) = (&report.messages, &report.connections);
        match self {
            Count::Errors => (report.errors.values().sum(), connections.begun),
            Count::Failed => (connections.failed, connections.begun),
            Count::Lost => (messages.lost, messages.expected),
            Count::Repeated => (messages.repeated, messages.expected),
            Count::Unexpected => (messages.unexpected, messages.expected),
            Count::Unanswered => (messages.unanswered, messages.expected),
            Count::Received => (messages.received, messages.expected),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Count> {
        Count::NAMED.into_iter().find_map(|(name, which)| (name == text).then_some(which))
    }
}

/// The names of times that a condition may have before a dot.
pub(crate) const TIMES: [&str; 7] =
    ["lookup", "connect", "tls", "handshake", "opening", "round_trip", "fan_out"];

/// All figures that a condition may be about.
pub(crate) fn figures() -> String {
    let listed = |names: &[&str]| names.join(", ");
    format!(
        "{} of the latency, or of another time, as in handshake.p99 ({}); rate; {}",
        listed(&Which::NAMED.map(|(name, _)| name)),
        listed(&TIMES),
        listed(&Count::NAMED.map(|(name, _)| name))
    )
}

/// The times that a run measures, by name.
fn measured_times(plan: &Plan, target: &Target) -> Vec<&'static str> {
    let has_handshake = target.coding() != Coding::Tcp;
    let own = match plan.workload {
        Workload::Echo { .. } => "round_trip",
        Workload::Fanout { .. } => "fan_out",
        Workload::Storm { .. } => "opening",
        Workload::Idle => "",
    };
    let is_measured = |name: &&str| match *name {
        "lookup" => target.lookup().is_some(),
        "tls" => target.is_secure(),
        "handshake" => has_handshake,
        "connect" => true,
        name => name == own,
    };
    TIMES.into_iter().filter(is_measured).collect()
}

/// The workload in a sentence.
fn named(plan: &Plan) -> &'static str {
    match plan.workload {
        Workload::Echo { .. } => "an echo",
        Workload::Fanout { .. } => "a fan-out",
        Workload::Storm { .. } => "a storm",
        Workload::Idle => "an idle crowd",
    }
}
