//! `cargo xtask test`: all tests, suite by suite.

mod autobahn;
mod deny;
mod interop;
mod report;
mod rust;
mod side_by_side;
mod tap;

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
use crate::test::side_by_side::Part;

use crate::tidy;
use crate::workspace::Workspace;
pub(crate) use autobahn::Extent;

/// The suites, in the order in which they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The project's rules.
    Tidy,
    /// Unit, integration and documentation tests; the release build.
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
    /// Node's `ws` as client and as server.
    Node,
    /// Headless Chromium against `longwire serve` and its page.
    Browser,
    /// Other clients, servers and proxies: the matrix of `docs/interop.md`.
    Interop,
}

/// Phases run one after another, the lanes of a phase in parallel, and the suites of a lane one after another. The
/// tests of `rust` have the machine to themselves because some measure time. In the second phase, the first lane
/// compiles, and the second mostly waits for peers and the network. All suites that install Debian packages are in one
/// lane.
const PHASES: [&[&[Suite]]; 2] = [
    &[&[Suite::Rust]],
    &[
        &[Suite::Tidy, Suite::Fuzz, Suite::Sanitize],
        &[Suite::Deny, Suite::Instructions, Suite::Autobahn, Suite::Node, Suite::Browser, Suite::Interop],
    ],
];

impl Suite {
    fn outcome(self, context: &Context<'_>, extent: Extent) -> Outcome {
        self.run(context, extent).unwrap_or_else(|stop| stop.outcome(on_ci()))
    }

    fn run(self, context: &Context<'_>, extent: Extent) -> Result<Outcome, Stop> {
        match self {
            Self::Tidy => {
                let tally = tidy::run(context.workspace)?;
                Ok(Outcome { passed: tally.passed, failed: tally.failed, ..Outcome::default() })
            }
            Self::Rust => rust::run(context),
            Self::Fuzz => fuzz::suite(context),
            Self::Sanitize => sanitize::suite(context),
            Self::Instructions => instructions::suite(context),
            Self::Deny => deny::run(context),
            Self::Autobahn => autobahn::run(context, extent),
            Self::Node => interop::node(context),
            Self::Browser => interop::browser(context),
            Self::Interop => matrix::suite(context),
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
    let context = Context::new(workspace);
    let mut report = RunReport::default();
    for phase in PHASES {
        let is_wanted = |suite: &Suite| named.is_empty() || named.contains(suite);
        let lanes = phase.iter().map(|lane| lane.iter().copied().filter(is_wanted).collect());
        let mut lanes: Vec<Vec<Suite>> = lanes.collect();
        lanes.retain(|lane| !lane.is_empty());
        if let [_, _, ..] = lanes[..] {
            let parts = |lane: Vec<Suite>| lane.into_iter().map(Suite::as_part).collect();
            let lanes: Vec<Vec<Part>> = lanes.into_iter().map(parts).collect();
            side_by_side::run(workspace, &lanes, extent.options(), &mut report);
            continue;
        }
        for suite in lanes.into_iter().flatten() {
            terminal::heading(&suite.name());
            let begun = Instant::now();
            let outcome = suite.outcome(&context, extent);
            report.add(suite as usize, suite.name(), outcome, begun.elapsed());
        }
    }
    println!("{report}");
    Ok(report.is_clean())
}

/// Runs one suite of a larger run, and writes its counts to `file` for that run.
pub(crate) fn run_as_part(workspace: &Workspace, suite: Suite, extent: Extent, file: &Path) -> Result<bool> {
    let outcome = suite.outcome(&Context::new(workspace), extent);
    let json = serde_json::to_string(&outcome)?;
    std::fs::write(file, json).with_context(|| format!("writing {}", file.display()))?;
    Ok(outcome.failed == 0)
}
