//! The figures of one run, and their statistics over many runs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hub_load::HubLoad;
use super::scenarios::Load;

/// A measured quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Figure {
    /// Server CPU µs per message, delivery or handshake.
    Cost,
    /// Messages, deliveries or handshakes per second.
    Rate,
    /// The fraction of its core that the server used, up to 1.
    Busy,
    /// Bytes of memory per connection.
    Memory,
    /// Seconds until everything is done.
    Time,
    /// Median latency, in µs.
    P50,
    P99,
    P999,
    Longest,
}

/// The figures of one run.
pub(super) type Sample = BTreeMap<Figure, f64>;

/// The runs of one server in one scenario, by round.
pub(super) type Samples = BTreeMap<u32, Sample>;

impl Load {
    /// The figure that its tables are sorted by: less is better.
    pub(super) fn main_figure(self) -> Figure {
        match self {
            Load::Echo { .. } | Load::Events { .. } | Load::Broadcast { .. } | Load::Handshakes => {
                Figure::Cost
            }
            Load::Latency { .. } | Load::Hub(HubLoad::Latency { .. }) => Figure::P99,
            Load::Idle { .. } | Load::Hub(HubLoad::Idle { .. }) => Figure::Memory,
            Load::Hub(HubLoad::Deliver { .. } | HubLoad::Nodes { .. } | HubLoad::Api { .. }) => Figure::Cost,
            Load::Hub(HubLoad::Recover { .. }) => Figure::Time,
        }
    }

    /// Reads the load generator's report.
    pub(super) fn sample(self, report: &str) -> Result<Sample> {
        let report: Value = serde_json::from_str(report).context("the load generator's report")?;
        let number = |path: &str| {
            let value = report.pointer(path).and_then(Value::as_f64);
            value.with_context(|| format!("the load generator's report has no {path}: {report}"))
        };
        let cost = |count: &str| -> Result<Vec<(Figure, f64)>> {
            let (count, cpu, wall) = (number(count)?, number("/server/cpu")?, number("/server/wall")?);
            Ok(vec![
                (Figure::Cost, cpu * 1e6 / count),
                (Figure::Rate, count / wall),
                (Figure::Busy, cpu / wall),
            ])
        };
        let latencies = || -> Result<Vec<(Figure, f64)>> {
            Ok(vec![
                (Figure::P50, number("/p50")?),
                (Figure::P99, number("/p99")?),
                (Figure::P999, number("/p99_9")?),
                (Figure::Longest, number("/max")?),
            ])
        };
        let figures = match self {
            Load::Echo { .. } | Load::Events { .. } => cost("/messages")?,
            Load::Broadcast { .. } => cost("/deliveries")?,
            Load::Handshakes => cost("/handshakes")?,
            Load::Idle { .. } | Load::Hub(HubLoad::Idle { .. }) => {
                vec![(Figure::Memory, number("/bytes_per_connection")?)]
            }
            Load::Hub(HubLoad::Deliver { .. } | HubLoad::Nodes { .. }) => cost("/deliveries")?,
            Load::Hub(HubLoad::Api { .. }) => cost("/publications")?,
            Load::Hub(HubLoad::Recover { .. }) => {
                let mut figures = cost("/clients")?;
                figures.push((Figure::Time, number("/server/wall")?));
                figures
            }
            Load::Latency { .. } => [cost("/messages")?, latencies()?].concat(),
            Load::Hub(HubLoad::Latency { .. }) => [cost("/deliveries")?, latencies()?].concat(),
        };
        Ok(figures.into_iter().collect())
    }
}

/// The distribution of many runs, in three numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// `None` if there are no numbers.
    pub(super) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let (least, most) = (*numbers.first()?, *numbers.last()?);
        let (lower, upper) = (numbers.get((numbers.len() - 1) / 2)?, numbers.get(numbers.len() / 2)?);
        Some(Self { median: f64::midpoint(*lower, *upper), least, most })
    }
}

/// One figure over all rounds.
pub(super) fn spread(samples: &Samples, figure: Figure) -> Option<Spread> {
    Spread::of(samples.values().filter_map(|sample| sample.get(&figure).copied()))
}

/// The ratio to another server, round by round, because a disturbance affects both servers of a round.
pub(super) fn ratio(samples: &Samples, others: &Samples, figure: Figure) -> Option<Spread> {
    Spread::of(samples.iter().filter_map(|(round, sample)| {
        let other = others.get(round)?.get(&figure)?;
        Some(sample.get(&figure)? / other)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::hub_load::Namespace;
    use super::*;

    fn samples(costs: &[f64]) -> Samples {
        (0..).zip(costs.iter().map(|cost| Sample::from([(Figure::Cost, *cost)]))).collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let odd = Spread { median: 2.0, least: 1.0, most: 9.0 };
        assert_eq!(Spread::of([9.0, 1.0, 2.0]), Some(odd));
        assert_eq!(Spread::of([1.0, 4.0, 2.0, 9.0]).unwrap().median, 3.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn servers_are_compared_round_by_round() {
        // The second round was disturbed for both.
        let spread = ratio(&samples(&[1.0, 10.0, 1.0]), &samples(&[2.0, 20.0, 2.0]), Figure::Cost);
        assert_eq!(spread, Some(Spread { median: 0.5, least: 0.5, most: 0.5 }));
    }

    #[test]
    fn a_report_is_read() {
        let report =
            r#"{"messages":1000,"server":{"cpu":0.01,"wall":0.5},"generator":{"cpu":0.1,"wall":0.5}}"#;
        let sample = Load::Handshakes.sample(&report.replace("messages", "handshakes")).unwrap();
        assert_eq!(
            sample,
            Sample::from([(Figure::Cost, 10.0), (Figure::Rate, 2000.0), (Figure::Busy, 0.02)])
        );
        assert!(Load::Handshakes.sample(report).is_err());
    }

    #[test]
    fn latency_between_nodes_is_read_with_the_cost_of_a_delivery() {
        let report = r#"{"deliveries":1000,"p50":400.0,"p99":900.0,"p99_9":950.0,"max":990.0,
            "server":{"cpu":0.01,"wall":0.5},"generator":{"cpu":0.1,"wall":0.5}}"#;
        let load = Load::Hub(HubLoad::Latency { namespace: Namespace::Plain, nodes: 3 });
        let sample = load.sample(report).unwrap();
        assert_eq!(sample.get(&load.main_figure()), Some(&900.0));
        assert_eq!((sample.get(&Figure::P50), sample.get(&Figure::Cost)), (Some(&400.0), Some(&10.0)));
    }
}
