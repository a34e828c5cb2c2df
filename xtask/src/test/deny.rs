//! Checks the dependencies' licences, bans and sources with cargo-deny and `deny.toml`, and advisories if their
//! database can be reached.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::command::Finished;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};

const DEADLINE: Duration = Duration::from_secs(2 * 60);

pub(crate) fn run(context: &Context<'_>) -> Result<Outcome, Stop> {
    let program = context.find_or_cargo_install("cargo-deny")?;
    let mut outcome = Outcome::default();
    for check in ["bans", "licenses", "sources"] {
        outcome.count(&format!("cargo deny check {check}"), &deny(context, &program, &["check", check])?);
    }
    if deny(context, &program, &["fetch", "db"])?.succeeded() {
        outcome.count("cargo deny check advisories", &deny(context, &program, &["check", "advisories"])?);
    } else {
        outcome.skipped += 1;
        outcome.notes.push("advisories: cannot reach their database".to_owned());
    }
    Ok(outcome)
}

fn deny(context: &Context<'_>, program: &Path, arguments: &[&str]) -> Result<Finished> {
    let mut command = Command::new(program);
    command.current_dir(&context.workspace.root).args(["--workspace", "--all-features"]).args(arguments);
    // The advisories are fetched with git, which must not prompt for a password.
    command.env("GIT_TERMINAL_PROMPT", "0");
    context.run(command, DEADLINE, &format!("deny-{}", arguments.join("-")))
}
