//! Conditions on a report, such as `p99 > 50ms`.

use std::fmt;
use std::str::FromStr;

use crate::rate;
use crate::report::{Distribution, Report};

/// A condition that must not be true.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    figure: Figure,
    comparison: Comparison,
    limit: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Figure {
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
enum Which {
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
enum Count {
    Errors,
    Failed,
    Lost,
    Repeated,
    Unexpected,
    Unanswered,
    Received,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// What a condition finds in a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// It is not true.
    Fine,
    /// It is true of the server; this is the figure.
    True(String),
    /// It is true of this figure, but the generator was the bottleneck and may be why.
    Uncertain(String),
    /// Nothing was measured of it.
    Unknown,
}

impl Condition {
    /// Looks at a report.
    #[must_use]
    pub fn find(&self, report: &Report) -> Finding {
        let Some(value) = self.figure.of(report) else { return Finding::Unknown };
        if !self.is_true_of(value) {
            return Finding::Fine;
        }
        let figure = match self.figure {
            Figure::Time { .. } => format!("{} ms", crate::report::time(value)),
            Figure::Count { is_share: true, .. } => format!("{value:.3} %"),
            Figure::Count { .. } | Figure::Rate => format!("{value:.0}"),
        };
        if self.is_certain(report) { Finding::True(figure) } else { Finding::Uncertain(figure) }
    }

    fn is_true_of(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
        }
    }

    /// Whether a condition that is true of the report is true of the server, even if the generator was the bottleneck.
    fn is_certain(&self, report: &Report) -> bool {
        if report.generator.bottleneck.is_empty() {
            return true;
        }
        let is_floor = matches!(self.comparison, Comparison::Above | Comparison::AtLeast);
        match &self.figure {
            // A slow generator lowers the rate, and makes no time shorter.
            Figure::Rate => is_floor,
            Figure::Time { .. } if !is_floor => true,
            Figure::Time { of, which } => {
                let name = of.as_deref().or_else(|| report.latency().map(|(name, _)| name));
                name.is_some_and(|name| which.certainly_exceeds(self.limit, name, report))
            }
            Figure::Count { .. } => {
                self.figure.of(&report.without_excuses()).is_some_and(|value| self.is_true_of(value))
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Figure {
    fn of(&self, report: &Report) -> Option<f64> {
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

    fn of(self, times: &Distribution) -> f64 {
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
    fn certainly_exceeds(self, limit: f64, name: &str, report: &Report) -> bool {
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

    fn parse(text: &str) -> Option<Which> {
        let text = if text == "median" { "p50" } else { text };
        Which::NAMED.into_iter().find_map(|(name, which)| (name == text).then_some(which))
    }
}

impl Count {
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

    fn parse(text: &str) -> Option<Count> {
        Count::NAMED.into_iter().find_map(|(name, which)| (name == text).then_some(which))
    }
}

/// The names of times that a condition may have before a dot.
const TIMES: [&str; 7] = ["lookup", "connect", "tls", "handshake", "opening", "round_trip", "fan_out"];

/// All figures that a condition may be about.
fn figures() -> String {
    let listed = |names: &[&str]| names.join(", ");
    format!(
        "{} of the latency, or of another time, as in handshake.p99 ({}); rate; {}",
        listed(&Which::NAMED.map(|(name, _)| name)),
        listed(&TIMES),
        listed(&Count::NAMED.map(|(name, _)| name))
    )
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let (name, comparison, value) = split(text).ok_or_else(|| {
            format!("{text:?} is not a condition; write a figure, one of > >= < <=, and a limit, such as 'p99 > 50ms'")
        })?;
        let (figure, limit) = if let Some(which) = Count::parse(name) {
            let share = value.strip_suffix('%');
            let limit = number(share.unwrap_or(value)).ok_or_else(|| {
                format!("{value:?} is not a count; write such as '{name} > 10' or '{name} > 1%'")
            })?;
            (Figure::Count { which, is_share: share.is_some() }, limit)
        } else if name == "rate" {
            let limit = rate::parse(value)
                .ok_or_else(|| format!("{value:?} is not a rate; write such as 5000, 10k or 10k/s"))?;
            (Figure::Rate, limit)
        } else {
            let (of, which) = match name.split_once('.').filter(|(of, _)| TIMES.contains(of)) {
                Some((of, which)) => (Some(of.to_owned()), which),
                None => (None, name),
            };
            let which = Which::parse(which)
                .ok_or_else(|| format!("there is no figure {name:?}; there are {}", figures()))?;
            let limit = millis(value).ok_or_else(|| {
                format!("{value:?} is not a time; write its unit, such as 500us, 50ms or 1.5s")
            })?;
            (Figure::Time { of, which }, limit)
        };
        Ok(Condition { text: text.trim().to_owned(), figure, comparison, limit })
    }
}

/// The figure, the sign and the limit of a condition.
fn split(text: &str) -> Option<(&str, Comparison, &str)> {
    const SIGNS: [(&str, Comparison); 4] = [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (">", Comparison::Above),
        ("<", Comparison::Below),
    ];

    let (name, rest) = text.split_at_checked(text.find(['<', '>'])?)?;
    SIGNS
        .into_iter()
        .find_map(|(sign, comparison)| Some((name.trim(), comparison, rest.strip_prefix(sign)?.trim())))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// A time with its unit, in milliseconds.
fn millis(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("µs", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)];
    units.into_iter().find_map(|(unit, factor)| Some(number(text.strip_suffix(unit)?)? * factor))
}

#[cfg(test)]
mod tests;
