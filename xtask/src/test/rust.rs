//! The tests that cargo runs, and our programs, which the other suites use.

use crate::cargo::cargo;
use crate::features::Features;
use crate::suite::cargo_test;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};

pub(crate) fn run(context: &Context<'_>) -> Result<Outcome, Stop> {
    let mut outcome = cargo_test(context)?;
    for built in [context.longwire(), context.longwire_interop()] {
        match built {
            Ok(_) => outcome.passed += 1,
            Err(stop) => outcome.add(stop.outcome(true)),
        }
    }
    Ok(outcome)
}

fn cargo_test(context: &Context<'_>) -> Result<Outcome, Stop> {
    let mut command = cargo();
    command.current_dir(&context.workspace.root).args([
        "test",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
    ]);
    let (mut outcome, lines) = cargo_test::run_with_lines(context.workspace, "rust", command)?;
    let unproven = Features::load(&context.workspace.root)?.unproven(&lines);
    outcome.failed += u32::from(!unproven.is_empty());
    outcome.notes.extend(unproven);
    Ok(outcome)
}
