//! `cargo xtask sanitize`: the tests of the protocol under `AddressSanitizer`.

use anyhow::{Result, anyhow};

use crate::nightly::Nightly;
use crate::test::context::Context;
use crate::test::outcome::{Outcome, Stop};
use crate::test::rust;
use crate::workspace::Workspace;

const NEEDS_NIGHTLY: &str = "the sanitizers need the nightly toolchain, and rustup has none";

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
    const SANITIZER: &str = "-Zsanitizer=address";

    let mut command = nightly.command("cargo");
    command
        .current_dir(&workspace.root)
        .args(["test", "-p", "longwire-proto", "--all-features", "--no-fail-fast", "--target", &nightly.host])
        .arg("--target-dir")
        .arg(workspace.target.join("sanitize"))
        .env("RUSTFLAGS", SANITIZER)
        .env("RUSTDOCFLAGS", SANITIZER);
    rust::test(workspace, "sanitize", command)
}
