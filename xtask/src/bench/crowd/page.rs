//! The section of the page.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::options::{CrowdEngine, CrowdOptions};
use super::phases::CrowdFigures;
use crate::bench::machine::machine;
use crate::bench::report::number;
use crate::bench::section::Section;
use crate::workspace::Workspace;

/// One line of the table.
type TableLine = (&'static str, fn(&CrowdFigures) -> String);

const ROWS: &[TableLine] = &[
    ("connections", |figures| number(figures.connections.into())),
    ("processes of the server", |figures| figures.servers.to_string()),
    ("until all are open", |figures| format!("{:.1} s", figures.opening)),
    ("server CPU for each opening", |figures| format!("{} µs", number(figures.opening_cpu))),
    ("server memory each", |figures| format!("{} bytes", number(figures.server_bytes))),
    ("kernel memory each, both ends", |figures| format!("{} bytes", number(figures.kernel_bytes))),
    ("of TCP's queues each, both ends", |figures| format!("{} bytes", number(figures.queued_bytes))),
    ("server CPU while held", |figures| format!("{:.2} % of a core", figures.held_busy * 100.0)),
    ("pings answered while held", |figures| number(figures.pings)),
    ("connections lost", |_| "0".to_owned()),
    ("broadcast: server CPU for each delivery", |figures| format!("{} µs", number(figures.delivery_cpu))),
    ("broadcast: until the last has it", |figures| format!("{:.2} s", figures.until_last)),
    ("cut, and back at once", |figures| number(figures.returned.into())),
    ("until all are back", |figures| format!("{:.1} s", figures.returning)),
    ("attempts that failed and were repeated", |figures| number(figures.failed.into())),
    ("server CPU for each return", |figures| format!("{} µs", number(figures.returning_cpu))),
];

/// The text of the section, with the notes that are written by hand.
pub(super) fn section(
    workspace: &Workspace,
    options: &CrowdOptions,
    outcomes: &[(CrowdEngine, CrowdFigures)],
) -> Result<String> {
    let notes = workspace.root.join(Section::Crowd.notes());
    let notes = std::fs::read_to_string(&notes).with_context(|| format!("reading {}", notes.display()))?;
    let CrowdOptions { connections, hold, .. } = options;
    let mut text = format!(
        "{}\n\nWritten by `cargo xtask bench crowd --connections {connections} --hold {hold}`, on {}. One run.\n\n{}\n{}\n\n",
        Section::Crowd.heading(),
        machine(),
        Section::Crowd.method(),
        notes.trim(),
    );
    let titles: Vec<String> =
        outcomes.iter().map(|(engine, _)| format!("longwire-{}", engine.argument())).collect();
    let rules = "---:|".repeat(outcomes.len());
    // Writing to a `String` does not fail.
    let _ = writeln!(text, "| | {} |\n|---|{rules}", titles.join(" | "));
    for (title, figure) in ROWS {
        let figures: Vec<String> = outcomes.iter().map(|(_, outcome)| figure(outcome)).collect();
        let _ = writeln!(text, "| {title} | {} |", figures.join(" | "));
    }
    Ok(text)
}
