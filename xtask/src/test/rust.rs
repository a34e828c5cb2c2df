//! The tests that cargo runs, and our programs, which the other suites use.

use crate::cargo::cargo;
use crate::features::Features;
use crate::suite::cargo_test;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop, on_ci};
use crate::test::extent::Extent;

/// How long each test of the hub's promises keeps the server busy in a full run.
const FULL_PROMISES: (&str, &str) = ("LONGWIRE_PROMISES_SECONDS", "60");

/// Programs that tests start, with their Debian packages. Where a proxy is missing, its tests pass over it; where a broker
/// is missing, they fail.
const PROGRAMS: [(&str, &str); 5] = [
    ("nginx", "nginx"),
    ("haproxy", "haproxy"),
    ("nats-server", "nats-server"),
    ("redis-server", "redis-server"),
    ("redis-sentinel", "redis-sentinel"),
];

pub(crate) fn run(context: &Context<'_>, extent: Extent) -> Result<Outcome, Stop> {
    let programs = context.apt_install_missing(&PROGRAMS);
    let mut outcome = cargo_test(context, extent)?;
    if let Err(stop) = programs {
        outcome.add(stop.outcome(on_ci()));
    }
    for built in [context.longwire(), context.longwire_interop()] {
        match built {
            Ok(_) => outcome.passed += 1,
            Err(stop) => outcome.add(stop.outcome(true)),
        }
    }
    Ok(outcome)
}

fn cargo_test(context: &Context<'_>, extent: Extent) -> Result<Outcome, Stop> {
    let mut command = cargo();
    command.current_dir(&context.workspace.root).args([
        "test",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
    ]);
    if extent == Extent::Full {
        let (variable, seconds) = FULL_PROMISES;
        command.env(variable, seconds);
    }
    let (mut outcome, lines) = cargo_test::run_with_lines(context.workspace, "rust", command)?;
    let unproven = Features::load(&context.workspace.root)?.unproven(&lines);
    outcome.failed += u32::from(!unproven.is_empty());
    outcome.notes.extend(unproven);
    Ok(outcome)
}
