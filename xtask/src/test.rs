//! `cargo xtask test`: all tests, suite by suite.

mod autobahn;
mod check;
mod deny;
mod extent;
mod interop;
mod report;
mod rust;
mod side_by_side;
mod tap;
mod unittest;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::fuzz;
use crate::instructions;
use crate::matrix;
use crate::sanitize;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop, on_ci};
use crate::terminal;
use crate::test::report::RunReport;
use crate::test::side_by_side::{Part, Schedule};
use crate::tidy::{self, Comparison};
use crate::workspace::Workspace;
pub(crate) use extent::Extent;

/// The suites, in the order in which they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The project's rules.
    Tidy,
    /// Unit, integration and documentation tests.
    Rust,
    /// The fuzz targets of the protocol, each for a short time.
    Fuzz,
    /// The protocol and the event loops under `AddressSanitizer`, the ring under `ThreadSanitizer`.
    Sanitize,
    /// The instruction counts of typical protocol work.
    Instructions,
    /// Licences, bans, sources and advisories of the dependencies.
    Deny,
    /// The Autobahn test suite against `longwire serve` and against our client.
    Autobahn,
    /// The cases of `longwire check` against `longwire serve`, with and without io_uring and TLS.
    Check,
    /// Node's `ws` as client and as server, and the official JavaScript clients of Centrifugo and Socket.IO.
    Node,
    /// Headless Chromium against `longwire serve`, its page and its hub, and with the client of Socket.IO.
    Browser,
    /// Several nodes of `longwire serve` on Redis and on NATS, which are killed, stopped, cut off and restarted under load.
    Cluster,
    /// The official Python clients of Centrifugo against `longwire serve`, and `python-socketio` against our Socket.IO server.
    Python,
    /// Other clients, servers and proxies: the matrix of `docs/interop.md`; and the crate `rust_socketio` against our Socket.IO
    /// server.
    Interop,
}

/// Suites that run one after another beside all phases. They measure no time, and take only the processor time that the
/// others leave.
const BACKGROUND: [Suite; 1] = [Suite::Tidy];

/// Phases run one after another, the lanes of a phase in parallel, and the suites of a lane one after another. The tests
/// of `rust` have the machine to themselves, except for the background, because some measure time. In the second phase,
/// the first lane compiles, and the others mostly wait for peers and the network. All suites that install Debian
/// packages are in one lane.
const PHASES: [&[&[Suite]]; 2] = [
    &[&[Suite::Rust]],
    &[
        &[Suite::Sanitize, Suite::Fuzz],
        &[Suite::Deny, Suite::Check, Suite::Autobahn],
        &[Suite::Instructions, Suite::Node, Suite::Browser, Suite::Cluster, Suite::Python, Suite::Interop],
    ],
];

impl Suite {
    fn outcome(self, context: &Context<'_>, extent: Extent) -> Outcome {
        self.run(context, extent).unwrap_or_else(|stop| stop.outcome(on_ci()))
    }

    fn run(self, context: &Context<'_>, extent: Extent) -> Result<Outcome, Stop> {
        match self {
            Self::Tidy => {
                let comparison = match extent {
                    Extent::Sampled => Comparison::Ours,
                    Extent::Full => Comparison::Whole,
                };
                let tally = tidy::suite(context.workspace, comparison)?;
                Ok(Outcome { passed: tally.passed, failed: tally.failed, ..Outcome::default() })
            }
            Self::Rust => rust::run(context, extent),
            Self::Fuzz => fuzz::suite(context),
            Self::Sanitize => sanitize::suite(context),
            Self::Instructions => instructions::suite(context),
            Self::Deny => deny::run(context),
            Self::Autobahn => autobahn::run(context, extent),
            Self::Check => check::run(context),
            Self::Node => interop::node(context),
            Self::Browser => interop::browser(context),
            Self::Cluster => interop::cluster(context),
            Self::Python => interop::python(context),
            Self::Interop => {
                let mut outcome = matrix::suite(context)?;
                outcome.add(interop::rust(context)?);
                Ok(outcome)
            }
        }
    }

    fn as_part(self) -> Part {
        Part { name: self.name(), place: self as usize }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Prints the list of suites.
pub(crate) fn list() {
    for value in Suite::value_variants().iter().filter_map(Suite::to_possible_value) {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        println!("{:<16} {help}", value.get_name());
    }
}

/// Runs the suites, or all of them if none is named, and returns whether nothing failed.
pub(crate) fn run(workspace: &Workspace, named: &[Suite], extent: Extent) -> Result<bool> {
    let mut report = RunReport::default();
    if let [suite] = *named {
        terminal::heading(&suite.name());
        let begun = Instant::now();
        let outcome = suite.outcome(&Context::new(workspace), extent);
        report.add(suite as usize, suite.name(), outcome, begun.elapsed());
    } else {
        side_by_side::run(workspace, &schedule(named), extent.options(), &mut report);
    }
    println!("{report}");
    Ok(report.is_clean())
}

/// The order of the named suites, or of all if none is named.
fn schedule(named: &[Suite]) -> Schedule {
    let lane = |lane: &[Suite]| {
        let wanted = lane.iter().filter(|suite| named.is_empty() || named.contains(suite));
        wanted.map(|suite| suite.as_part()).collect()
    };
    Schedule {
        background: lane(&BACKGROUND),
        phases: PHASES.iter().map(|phase| phase.iter().map(|suites| lane(suites)).collect()).collect(),
    }
}

/// Runs one suite of a larger run, and writes its counts to `file` for that run.
pub(crate) fn run_as_part(workspace: &Workspace, suite: Suite, extent: Extent, file: &Path) -> Result<bool> {
    let outcome = suite.outcome(&Context::new(workspace), extent);
    let json = serde_json::to_string(&outcome)?;
    std::fs::write(file, json).with_context(|| format!("writing {}", file.display()))?;
    Ok(outcome.failed == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_suite_has_one_place() {
        let Schedule { background, phases } = schedule(&[]);
        let mut places: Vec<usize> =
            background.iter().chain(phases.iter().flatten().flatten()).map(|part| part.place).collect();
        places.sort_unstable();
        assert_eq!(places, Suite::value_variants().iter().map(|suite| *suite as usize).collect::<Vec<_>>());
    }

    #[test]
    fn suites_that_are_not_named_are_left_out() {
        let Schedule { background, phases } = schedule(&[Suite::Node, Suite::Deny]);
        let names: Vec<String> = phases.into_iter().flatten().flatten().map(|part| part.name).collect();
        assert_eq!(names, ["deny", "node"]);
        assert!(background.is_empty());
    }
}
