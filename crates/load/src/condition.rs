//! Conditions on a report, such as `p99 > 50ms`.

use std::fmt;
use std::str::FromStr;

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
    /// It is true; this is the figure.
    True(String),
    /// Nothing was measured of it.
    Unknown,
}

impl Condition {
    /// Looks at a report.
    #[must_use]
    pub fn find(&self, report: &Report) -> Finding {
        let Some(value) = self.figure.of(report) else { return Finding::Unknown };
        let is_true = match self.comparison {
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
        };
        if !is_true {
            return Finding::Fine;
        }
        Finding::True(match self.figure {
            Figure::Time { .. } => format!("{} ms", crate::report::time(value)),
            Figure::Count { is_share: true, .. } => format!("{value:.3} %"),
            Figure::Count { .. } | Figure::Rate => format!("{value:.0}"),
        })
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
    fn of(self, times: &Distribution) -> f64 {
        match self {
            Which::P50 => times.p50,
            Which::P90 => times.p90,
            Which::P99 => times.p99,
            Which::P99_9 => times.p99_9,
            Which::P99_99 => times.p99_99,
            Which::Max => times.max,
            Which::Mean => times.mean,
        }
    }

    fn parse(text: &str) -> Option<Which> {
        Some(match text {
            "p50" | "median" => Which::P50,
            "p90" => Which::P90,
            "p99" => Which::P99,
            "p99.9" => Which::P99_9,
            "p99.99" => Which::P99_99,
            "max" => Which::Max,
            "mean" => Which::Mean,
            _ => return None,
        })
    }
}

impl Count {
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
        Some(match text {
            "errors" => Count::Errors,
            "failed" => Count::Failed,
            "lost" => Count::Lost,
            "repeated" => Count::Repeated,
            "unexpected" => Count::Unexpected,
            "unanswered" => Count::Unanswered,
            "received" => Count::Received,
            _ => return None,
        })
    }
}

/// The names of times that a condition may have before a dot.
const TIMES: [&str; 7] = ["lookup", "connect", "tls", "handshake", "opening", "round_trip", "fan_out"];

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        parse(text).ok_or_else(|| {
            format!(
                "{text:?} is not a condition; write such as 'p99 > 50ms', 'handshake.max > 1s', 'lost > 0', \
                 'errors > 1%' or 'rate < 10000'"
            )
        })
    }
}

fn parse(text: &str) -> Option<Condition> {
    let at = text.find(['<', '>'])?;
    let (name, rest) = text.split_at(at);
    let (comparison, value) = match rest.strip_prefix(">=").map(|value| (Comparison::AtLeast, value)) {
        Some(found) => found,
        None => rest
            .strip_prefix("<=")
            .map(|value| (Comparison::AtMost, value))
            .or_else(|| rest.strip_prefix('>').map(|value| (Comparison::Above, value)))
            .or_else(|| rest.strip_prefix('<').map(|value| (Comparison::Below, value)))?,
    };
    let (name, value) = (name.trim(), value.trim());
    let (figure, limit) = if let Some(which) = Count::parse(name) {
        let share = value.strip_suffix('%');
        (Figure::Count { which, is_share: share.is_some() }, number(share.unwrap_or(value))?)
    } else if name == "rate" {
        (Figure::Rate, number(value)?)
    } else {
        let (of, which) = match name.split_once('.').filter(|(of, _)| TIMES.contains(of)) {
            Some((of, which)) => (Some(of.to_owned()), which),
            None => (None, name),
        };
        (Figure::Time { of, which: Which::parse(which)? }, millis(value)?)
    };
    Some(Condition { text: text.trim().to_owned(), figure, comparison, limit })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// A time with its unit, in milliseconds.
fn millis(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("µs", 0.001), ("ms", 1.0), ("s", 1000.0)];
    units.into_iter().find_map(|(unit, factor)| Some(number(text.strip_suffix(unit)?)? * factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Messages;

    fn report() -> Report {
        let mut report = Report { rate: 5000.0, ..Report::default() };
        report
            .times
            .insert("round_trip".into(), Distribution { p99: 12.0, p99_9: 60.0, ..Distribution::default() });
        report.times.insert("handshake".into(), Distribution { max: 1500.0, ..Distribution::default() });
        report.messages.sent = 1000;
        report.messages.expected = 1000;
        report.messages.lost = 5;
        report
    }

    fn find(condition: &str) -> Finding {
        condition.parse::<Condition>().unwrap().find(&report())
    }

    #[test]
    fn a_condition_is_true_or_not() {
        for (condition, finding) in [
            ("p99 > 50ms", Finding::Fine),
            ("p99.9>50ms", Finding::True("60.0 ms".into())),
            ("p99 >= 0.012s", Finding::True("12.0 ms".into())),
            ("p99 < 12000us", Finding::Fine),
            ("handshake.max > 1s", Finding::True("1500 ms".into())),
            ("lost > 0", Finding::True("5".into())),
            ("lost > 0.5%", Finding::Fine),
            ("lost >= 0.5 %", Finding::True("0.500 %".into())),
            ("rate < 10000", Finding::True("5000".into())),
            ("rate <= 4999", Finding::Fine),
        ] {
            assert_eq!(find(condition), finding, "{condition}");
        }
    }

    #[test]
    fn a_share_of_a_fan_out_is_one_of_its_deliveries() {
        let mut report = report();
        report.messages = Messages {
            sent: 10,
            expected: 10_000,
            received: 5000,
            lost: 4000,
            unanswered: 1000,
            ..Messages::default()
        };
        for (condition, figure) in
            [("received < 99%", "50.000 %"), ("lost > 1%", "40.000 %"), ("unanswered > 1%", "10.000 %")]
        {
            let finding = condition.parse::<Condition>().unwrap().find(&report);
            assert_eq!(finding, Finding::True(figure.into()), "{condition}");
        }
    }

    #[test]
    fn what_was_not_measured_is_unknown() {
        assert_eq!(find("tls.p50 > 1s"), Finding::Unknown);
        assert_eq!(find("errors > 1%"), Finding::Unknown);
        assert_eq!("p50 > 1s".parse::<Condition>().unwrap().find(&Report::default()), Finding::Unknown);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in [
            "",
            "p99",
            "p99 > 50",
            "p99 = 50ms",
            "p98 > 1s",
            "lost > many",
            "rate > -1",
            "x.p99 > 1s",
            "p99 > NaNs",
        ] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }
}
