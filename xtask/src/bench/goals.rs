//! The project's performance goals.

use super::figures::{Figure, Samples, Spread, ratio, spread};
use super::results::Results;
use super::servers::RAW_EPOLL;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    pub(super) title: &'static str,
    pub(super) measure: Measure,
    scenario: &'static str,
    /// The upper limits, one for each of [`INTERFACES`].
    limits: [Option<f64>; 3],
}

/// The quantity that is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// The cost relative to that of this server.
    Against(&'static str),
    /// Bytes per connection.
    Bytes,
}

/// One cell of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached {
    pub(super) limit: f64,
    pub(super) measure: Measure,
    /// `None` if it was not measured.
    pub(super) value: Option<Spread>,
}

const URING: &str = "longwire-uring";

/// The servers that have goals, in the order of the columns.
pub(super) const INTERFACES: [&str; 3] = [URING, "longwire-readiness", "longwire-async"];

pub(super) const GOALS: &[Goal] = &[
    against(RAW_EPOLL, "16b-c64", "16 B, 64 connections", [0.85, 1.08, 1.20]),
    against(RAW_EPOLL, "16b-c64-d32", "16 B, 64 connections, 32 outstanding", [0.90, 1.10, 1.5]),
    against(RAW_EPOLL, "125b-c1000", "125 B, 1,000 connections", [0.90, 1.08, 1.15]),
    against(RAW_EPOLL, "125b-c10000", "125 B, 10,000 connections", [0.95, 1.08, 1.15]),
    against(RAW_EPOLL, "1k-c64-d32", "1 KiB, 64 connections, 32 outstanding", [1.0, 1.15, 1.8]),
    against(RAW_EPOLL, "16k-c64", "16 KiB, 64 connections", [0.95, 1.05, 1.1]),
    against("tokio-websockets", "256k-c4", "256 KiB, 4 connections", [1.0, 1.0, 1.1]),
    against("sockudo-ws", "deflate-1k", "permessage-deflate, 1 KiB JSON", [0.8, 0.8, 0.9]),
    against("fastwebsockets", "handshakes", "opening handshake", [0.88, 0.95, 0.98]),
    readiness_against_uring("broadcast-1000", "broadcast of 125 B to 1,000"),
    readiness_against_uring("broadcast-10000", "broadcast of 125 B to 10,000"),
    Goal {
        title: "bytes for each idle connection",
        scenario: "idle",
        measure: Measure::Bytes,
        limits: [Some(350.0), Some(400.0), Some(1600.0)],
    },
];

const fn against(
    server: &'static str,
    scenario: &'static str,
    title: &'static str,
    [uring, readiness, asynchronous]: [f64; 3],
) -> Goal {
    let limits = [Some(uring), Some(readiness), Some(asynchronous)];
    Goal { title, scenario, measure: Measure::Against(server), limits }
}

/// How much more a broadcast may cost where io_uring is refused.
const fn readiness_against_uring(scenario: &'static str, title: &'static str) -> Goal {
    Goal { title, scenario, measure: Measure::Against(URING), limits: [None, Some(1.15), None] }
}

impl Goal {
    /// The results of each of [`INTERFACES`], or `None` where there is no goal.
    pub(super) fn reached(&self, results: &Results) -> [Option<Reached>; 3] {
        let samples = |server: &str| results.of(self.scenario)?.servers.get(server);
        let value = |interface: &str| -> Option<Spread> {
            let own: &Samples = samples(interface)?;
            match self.measure {
                Measure::Against(other) => ratio(own, samples(other)?, Figure::Cost),
                Measure::Bytes => spread(own, Figure::Memory),
            }
        };
        let [first, second, third] = INTERFACES;
        let [limit_1, limit_2, limit_3] = self.limits;
        [(first, limit_1), (second, limit_2), (third, limit_3)].map(|(interface, limit)| {
            limit.map(|limit| Reached { limit, measure: self.measure, value: value(interface) })
        })
    }
}
