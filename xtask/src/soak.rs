//! `cargo xtask soak`: honest and hostile clients of every kind at once, for a long time.

use anyhow::{Context as _, Result};

use crate::cargo::cargo;
use crate::workspace::Workspace;

/// Loads a server of each kind for `seconds`, all at once, and returns whether each passed the checks afterwards.
pub(crate) fn run(workspace: &Workspace, seconds: u64) -> Result<bool> {
    println!("four servers, {seconds} s, plus the time until the last connection ends");
    let status = cargo()
        .current_dir(&workspace.root)
        .args(["test", "--package", "longwire-cli", "--test", "soak", "--", "--nocapture"])
        .env("LONGWIRE_SOAK_SECONDS", seconds.to_string())
        .status()
        .context("running cargo test")?;
    Ok(status.success())
}
