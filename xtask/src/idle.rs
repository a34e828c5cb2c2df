//! `cargo xtask idle`: writes the page on the memory of an idle connection.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

/// The test that checks the page, or writes it if the variable is set.
const TEST: &str = "event::idle_page::the_page_is_current";
const VARIABLE: &str = "LONGWIRE_WRITE_IDLE";

/// Writes the page. Returns whether that went well.
pub(crate) fn write(workspace: &Workspace) -> Result<bool> {
    let mut test = Command::new(env!("CARGO"));
    test.current_dir(&workspace.root).env(VARIABLE, "1");
    test.args(["test", "--package", "longwire", "--all-features", "--lib", "--", "--exact", TEST]);
    Ok(test.status().context("running cargo test")?.success())
}
