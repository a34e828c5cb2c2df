//! `cargo xtask sanitize`: the protocol, the ring and the event loops under LLVM's sanitizers.

use std::process::Command;

use anyhow::{Result, anyhow};

use crate::nightly::Nightly;
use crate::suite::cargo_test;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};
use crate::workspace::Workspace;

const NEEDS_NIGHTLY: &str = "the sanitizers need the nightly toolchain, and rustup has none";

/// Some tests under a sanitizer.
struct Trial {
    /// That of its log.
    name: &'static str,
    sanitizer: Sanitizer,
    /// Which programs `cargo test` builds.
    programs: &'static [&'static str],
    /// Which of their tests run, and how.
    tests: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sanitizer {
    Address,
    Thread,
}

const TRIALS: [Trial; 5] = [
    Trial {
        name: "sanitize-protocol",
        sanitizer: Sanitizer::Address,
        programs: &["-p", "longwire-proto", "--all-features"],
        tests: &[],
    },
    Trial {
        name: "sanitize-ring",
        sanitizer: Sanitizer::Address,
        programs: &["-p", "longwire-ring"],
        tests: &[],
    },
    // The tests of the event loops over the ring and over readiness. The one that is left out measures the stack by the
    // addresses of its variables, which the sanitizer keeps elsewhere.
    Trial {
        name: "sanitize-event-loops",
        sanitizer: Sanitizer::Address,
        programs: &["-p", "longwire", "--all-features", "--lib", "--test", "suite"],
        tests: &["event", "--skip", "disconnections_that_lead_to_others_do_not_pile_up"],
    },
    // What threads do to a ring: wake it. All else that they share is safe code over the standard library, which is not
    // compiled with the sanitizer (that takes its source, the component `rust-src`): each of its mutexes that is waited
    // for looks like a race, and a suppression of those would suppress everything. One test at a time, for the harness
    // gives them out and gathers their results by such means too.
    Trial {
        name: "sanitize-ring-threads",
        sanitizer: Sanitizer::Thread,
        programs: &["-p", "longwire-ring", "--lib"],
        tests: &["--test-threads", "1"],
    },
    Trial {
        name: "sanitize-threads",
        sanitizer: Sanitizer::Thread,
        programs: &["-p", "longwire", "--no-default-features", "--features", "client,uring", "--lib"],
        tests: &["event::uring", "--test-threads", "1"],
    },
];

/// Runs the tests, documentation tests included, and tells whether all passed.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let nightly = Nightly::find().ok_or_else(|| anyhow!(NEEDS_NIGHTLY))?;
    let outcome = test(workspace, &nightly)?;
    println!("{} passed, {} failed, {} skipped", outcome.passed, outcome.failed, outcome.skipped);
    Ok(outcome.failed == 0)
}

/// The suite: the same, skipped where there is no nightly toolchain.
pub(crate) fn suite(context: &Context<'_>) -> Result<Outcome, Stop> {
    let nightly = Nightly::find().ok_or_else(|| Stop::Unavailable(NEEDS_NIGHTLY.to_owned()))?;
    Ok(test(context.workspace, &nightly)?)
}

fn test(workspace: &Workspace, nightly: &Nightly) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for trial in &TRIALS {
        if trial.sanitizer == Sanitizer::Thread && !cfg!(target_os = "linux") {
            outcome.add(Outcome::skipped(format!("{}: io_uring is Linux's", trial.name)));
            continue;
        }
        outcome.add(cargo_test::run(workspace, trial.name, trial.command(workspace, nightly))?);
    }
    Ok(outcome)
}

impl Trial {
    fn command(&self, workspace: &Workspace, nightly: &Nightly) -> Command {
        let mut command = nightly.command("cargo");
        command.current_dir(&workspace.root).arg("test").args(self.programs);
        command.args(["--no-fail-fast", "--target", &nightly.host, "--target-dir"]);
        command.arg(workspace.target.join(self.sanitizer.directory()));
        command.arg("--").args(self.tests);
        self.sanitizer.set_up(&mut command, workspace);
        command
    }
}

impl Sanitizer {
    /// What is compiled for one sanitizer is of no use to another.
    fn directory(self) -> &'static str {
        match self {
            Sanitizer::Address => "sanitize",
            Sanitizer::Thread => "sanitize-threads",
        }
    }

    fn flags(self) -> &'static str {
        match self {
            Sanitizer::Address => "-Zsanitizer=address",
            // The standard library does without.
            Sanitizer::Thread => "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
        }
    }

    fn set_up(self, command: &mut Command, workspace: &Workspace) {
        command.env("RUSTFLAGS", self.flags()).env("RUSTDOCFLAGS", self.flags());
        if self == Sanitizer::Thread {
            let suppressions = workspace.root.join("xtask/thread-sanitizer.supp");
            command.env("TSAN_OPTIONS", format!("suppressions='{}'", suppressions.display()));
        }
    }
}
