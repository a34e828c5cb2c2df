//! `cargo xtask sanitize`: tests the protocol, the ring and the event loops under LLVM's sanitizers.

use std::process::Command;

use anyhow::{Result, anyhow};

use crate::nightly::Nightly;
use crate::suite::cargo_test;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};
use crate::workspace::Workspace;

const NEEDS_NIGHTLY: &str = "the sanitizers need the nightly toolchain, and rustup has none";

/// A set of tests under a sanitizer.
struct Trial {
    /// The name of its log.
    name: &'static str,
    sanitizer: Sanitizer,
    /// The test programs that `cargo test` builds.
    programs: &'static [&'static str],
    /// Filters and options for the tests.
    tests: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sanitizer {
    Address,
    Thread,
}

const TRIALS: [Trial; 4] = [
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
    // The tests of the event loops, with io_uring and with readiness. The excluded test measures the stack by the
    // addresses of variables, which the sanitizer moves elsewhere.
    Trial {
        name: "sanitize-event-loops",
        sanitizer: Sanitizer::Address,
        programs: &["-p", "longwire", "--all-features", "--lib", "--test", "event_loops"],
        tests: &["event", "--skip", "disconnections_that_lead_to_others_do_not_pile_up"],
    },
    // The only thing that threads do to a ring is to wake it, and these tests do so. The other shared code is safe and
    // uses the standard library. That is not compiled with the sanitizer, which would need its source (the component
    // `rust-src`), so each contended mutex looks like a race, and suppressing those would suppress everything. The
    // harness distributes tests and collects results with such mutexes, too, so the tests run one at a time.
    Trial {
        name: "sanitize-ring-threads",
        sanitizer: Sanitizer::Thread,
        programs: &["-p", "longwire-ring", "--lib"],
        tests: &["--test-threads", "1"],
    },
];

/// Runs the tests, including documentation tests, and returns whether all passed.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let nightly = Nightly::find().ok_or_else(|| anyhow!(NEEDS_NIGHTLY))?;
    let outcome = test(workspace, &nightly)?;
    println!("{} passed, {} failed, {} skipped", outcome.passed, outcome.failed, outcome.skipped);
    Ok(outcome.failed == 0)
}

/// The suite: the same tests, skipped without a nightly toolchain.
pub(crate) fn suite(context: &Context<'_>) -> Result<Outcome, Stop> {
    let nightly = Nightly::find().ok_or_else(|| Stop::Unavailable(NEEDS_NIGHTLY.to_owned()))?;
    Ok(test(context.workspace, &nightly)?)
}

fn test(workspace: &Workspace, nightly: &Nightly) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for trial in &TRIALS {
        if trial.sanitizer == Sanitizer::Thread && !cfg!(target_os = "linux") {
            outcome.add(Outcome::skipped(format!("{}: io_uring needs Linux", trial.name)));
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
    /// Each sanitizer needs its own build, in its own target directory.
    fn directory(self) -> &'static str {
        match self {
            Sanitizer::Address => "sanitize",
            Sanitizer::Thread => "sanitize-threads",
        }
    }

    fn flags(self) -> &'static str {
        match self {
            Sanitizer::Address => "-Zsanitizer=address",
            // The standard library is not compiled with the sanitizer.
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
