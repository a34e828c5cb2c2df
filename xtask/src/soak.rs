//! `cargo xtask soak`: honest and hostile clients of every sort at once, for long.

use anyhow::{Context as _, Result};

use crate::cargo::cargo;
use crate::workspace::Workspace;

/// Keeps a server of each kind busy for as many seconds, all at once, and tells whether each was then as it had been.
pub(crate) fn run(workspace: &Workspace, seconds: u64) -> Result<bool> {
    println!("four servers, {seconds} s, then the time that the last connection takes to end");
    let status = cargo()
        .current_dir(&workspace.root)
        .args(["test", "--package", "longwire-cli", "--test", "soak", "--", "--nocapture"])
        .env("LONGWIRE_SOAK_SECONDS", seconds.to_string())
        .status()
        .context("running cargo test")?;
    Ok(status.success())
}
