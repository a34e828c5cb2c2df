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
    ("connections", |outcome| number(outcome.connections.into())),
    ("processes of the server", |outcome| outcome.servers.to_string()),
    ("until all are open", |outcome| format!("{:.1} s", outcome.opening)),
    ("server CPU for each opening", |outcome| format!("{} µs", number(outcome.opening_cpu))),
    ("server memory each", |outcome| format!("{} bytes", number(outcome.server_bytes))),
    ("kernel memory each, both ends", |outcome| format!("{} bytes", number(outcome.kernel_bytes))),
    ("of TCP's queues each, both ends", |outcome| format!("{} bytes", number(outcome.queued_bytes))),
    ("server CPU while held", |outcome| format!("{:.2} % of a core", outcome.held_busy * 100.0)),
    ("pings answered while held", |outcome| number(outcome.pings)),
    ("connections lost", |_| "0".to_owned()),
    ("broadcast: server CPU for each delivery", |outcome| format!("{} µs", number(outcome.delivery_cpu))),
    ("broadcast: until the last has it", |outcome| format!("{:.2} s", outcome.until_last)),
    ("cut, and back at once", |outcome| number(outcome.returned.into())),
    ("until all are back", |outcome| format!("{:.1} s", outcome.returning)),
    ("server CPU for each return", |outcome| format!("{} µs", number(outcome.returning_cpu))),
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
