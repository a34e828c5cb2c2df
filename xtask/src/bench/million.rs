//! `cargo xtask bench million`: a simulated million of connections.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::machine::machine;
use super::section::Section;
use crate::workspace::Workspace;

/// The simulation, a test of the library. It writes its table to the file that the variable names.
const TEST: &str = "event::reactor::million::a_million";
const VARIABLE: &str = "LONGWIRE_MILLION";

/// Runs the simulation, and returns its section of the page.
pub(super) fn section(workspace: &Workspace) -> Result<String> {
    let table = workspace.target.join("bench/million.md");
    let mut test = Command::new(env!("CARGO"));
    test.current_dir(&workspace.root).env(VARIABLE, &table);
    test.args(["test", "--release", "--package", "longwire", "--lib", "--", "--ignored", "--exact", TEST]);
    let status = test.status().context("running cargo test")?;
    ensure!(status.success(), "the simulation has failed: {status}");
    let rows = fs::read_to_string(&table).with_context(|| format!("reading {}", table.display()))?;
    let notes = workspace.root.join(Section::Million.notes());
    let notes = fs::read_to_string(&notes).with_context(|| format!("reading {}", notes.display()))?;
    let (heading, method) = (Section::Million.heading(), Section::Million.method());
    let origin = format!("{}. One run of `cargo xtask bench million`.", machine());
    Ok([heading, method, &origin, &rows, &notes].map(str::trim).join("\n\n"))
}
