//! `cargo xtask test`: every test there is, suite by suite.

mod autobahn;
pub(crate) mod certificates;
pub(crate) mod context;
mod deny;
pub(crate) mod interop;
pub(crate) mod outcome;
mod report;
pub(crate) mod rust;
mod tap;

use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use crate::fuzz;
use crate::instructions;
use crate::matrix;
use crate::sanitize;
use crate::terminal;
use crate::test::context::Context;
use crate::test::outcome::{Outcome, Stop};
use crate::test::report::Report;
use crate::tidy;
use crate::workspace::Workspace;

/// The suites in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The house rules.
    Tidy,
    /// Unit, integration and documentation tests; the release build.
    Rust,
    /// The fuzz targets of the protocol, each for a short while.
    Fuzz,
    /// The protocol and the event loops under `AddressSanitizer`, the ring under `ThreadSanitizer`.
    Sanitize,
    /// How many instructions the protocol's work takes.
    Instructions,
    /// Licences, bans, sources and advisories of the dependencies.
    Deny,
    /// The Autobahn test suite against `longwire serve` and against our client.
    Autobahn,
    /// Node's `ws` as client and as server.
    Node,
    /// Headless Chromium against `longwire serve` and its page.
    Browser,
    /// Clients, servers and proxies of others: the matrix of `docs/interop.md`.
    Interop,
}

impl Suite {
    fn run(self, context: &Context<'_>) -> Result<Outcome, Stop> {
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
            Self::Autobahn => autobahn::run(context),
            Self::Node => interop::node(context),
            Self::Browser => interop::browser(context),
            Self::Interop => matrix::suite(context),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Shows the suites.
pub(crate) fn list() {
    for value in Suite::value_variants().iter().filter_map(Suite::to_possible_value) {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        println!("{:<16} {help}", value.get_name());
    }
}

/// Runs the suites, all of them if none is named, and tells whether nothing failed.
pub(crate) fn run(workspace: &Workspace, named: &[Suite]) -> Result<bool> {
    let continuous_integration = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let context = Context::new(workspace);
    let mut report = Report::default();
    for suite in Suite::value_variants() {
        if named.is_empty() || named.contains(suite) {
            terminal::heading(&suite.name());
            let begun = Instant::now();
            let outcome = suite.run(&context).unwrap_or_else(|stop| stop.outcome(continuous_integration));
            report.add(suite.name(), outcome, begun.elapsed());
        }
    }
    println!("{report}");
    Ok(report.is_clean())
}
