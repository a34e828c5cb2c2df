//! The man pages of `longwire`, which the program writes itself. A test of the program compares them with those kept.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::cargo::cargo;
use crate::workspace::Workspace;

const FOLDER: &str = "docs/man";

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    // Pages of commands that are gone go, too.
    if folder.is_dir() {
        fs::remove_dir_all(&folder).with_context(|| format!("emptying {FOLDER}"))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("creating {FOLDER}"))?;
    let status = cargo()
        .current_dir(&workspace.root)
        .args(["run", "--quiet", "--package", "longwire-cli", "--", "man"])
        .arg(&folder)
        .status()
        .context("cannot start `cargo run`")?;
    ensure!(status.success(), "`longwire man` failed: {status}");
    Ok(())
}
