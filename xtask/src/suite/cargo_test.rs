//! Runs of `cargo test`: counts tests, selects the output to show of a failure, and detects skipped tests.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cargo::is_status;
use crate::command::{Finished, Task};
use crate::suite::outcome::{Outcome, on_ci};
use crate::terminal::Progress;
use crate::workspace::Workspace;

/// The variable that names a file. A test that this system cannot run, or can run only in part, appends a line to it
/// (`crates/longwire/tests/skipped`), because the harness counts such a test as passed.
const SKIPPED: &str = "LONGWIRE_SKIPPED";

/// Runs `cargo test`, counts its tests, and prints failures. `name` is the name of the log.
pub(crate) fn run(workspace: &Workspace, name: &str, command: Command) -> Result<Outcome> {
    Ok(run_with_lines(workspace, name, command)?.0)
}

/// Like [`run`]. Also returns the output.
pub(crate) fn run_with_lines(
    workspace: &Workspace,
    name: &str,
    mut command: Command,
) -> Result<(Outcome, Vec<String>)> {
    const DEADLINE: Duration = Duration::from_secs(20 * 60);

    let skipped = workspace.log(&format!("{name}-skipped"));
    forget(&skipped)?;
    command.env(SKIPPED, &skipped);
    let mut progress = Progress::start();
    let task = Task::new(command, DEADLINE, workspace.log(name));
    let finished = task.run(|line| progress.say(&format!("{name}: {}", line.trim())))?;
    drop(progress);
    let mut outcome = judge(&finished);
    count_skipped(&mut outcome, &read(&skipped)?, on_ci());
    Ok((outcome, finished.lines))
}

/// Removes the file of an earlier run.
fn forget(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", file.display()))
        }
        _ => Ok(()),
    }
}

fn read(file: &Path) -> Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("reading {}", file.display())),
    }
}

/// Moves tests that reported themselves as skipped, wholly or in part, from the passed to the skipped ones. On CI they
/// count as failed, because a CI machine must provide what they need.
fn count_skipped(outcome: &mut Outcome, reported: &str, on_ci: bool) {
    let mut tests: Vec<&str> = reported.lines().collect();
    tests.sort_unstable();
    tests.dedup();
    let count = u32::try_from(tests.len()).unwrap_or(u32::MAX);
    outcome.passed = outcome.passed.saturating_sub(count);
    let total = if on_ci { &mut outcome.failed } else { &mut outcome.skipped };
    *total += count;
    outcome.notes.extend(tests.into_iter().map(|test| format!("not run: {test}")));
}

fn judge(finished: &Finished) -> Outcome {
    let outcome = count(finished);
    if outcome.failed > 0 {
        let telling: Vec<&String> = finished.lines.iter().filter(|line| is_telling(line)).collect();
        println!("cargo test: {}", finished.explain_with(&telling));
    }
    outcome
}

fn count(finished: &Finished) -> Outcome {
    let mut outcome = Outcome::default();
    for line in &finished.lines {
        if let Some(result) = TestResult::parse(line) {
            outcome.passed += result.passed;
            outcome.failed += result.failed;
            outcome.skipped += result.ignored;
        } else if let Some(test) = line.strip_prefix("test ").filter(|test| test.contains(" ... ignored")) {
            outcome.notes.push(test.to_owned());
        }
    }
    outcome.agree_with("cargo test", finished);
    outcome
}

/// Whether to show a line of a failure. Lines about builds, passed tests and backtraces are left out: they would crowd
/// out the panic messages.
fn is_telling(line: &str) -> bool {
    let passed =
        line.starts_with("test ") && line.ends_with("... ok") || line.starts_with("test result: ok.");
    let dull = line.is_empty() || line.starts_with("running ") || is_status(line);
    !passed && !dull && !is_of_the_stack(line)
}

/// Whether a line belongs to a backtrace, as printed by the standard library: a numbered function, or its location.
fn is_of_the_stack(line: &str) -> bool {
    let number = line.split_once(": ").map_or("", |(number, _)| number);
    let is_function = number.len() >= 4 && number.trim_start().bytes().all(|byte| byte.is_ascii_digit());
    is_function || line == "stack backtrace:" || line.starts_with("             at ")
}

/// The last line of each test program.
#[derive(Debug, PartialEq, Eq)]
struct TestResult {
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl TestResult {
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |name: &str| {
            counts.split("; ").find_map(|part| part.strip_suffix(name)?.trim_end().parse::<u32>().ok())
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_reports_itself_as_skipped_has_not_passed() {
        let reported = "b needs io_uring\na needs io_uring\nb needs io_uring\n";
        let of = |on_ci| {
            let mut outcome = Outcome { passed: 10, ..Outcome::default() };
            count_skipped(&mut outcome, reported, on_ci);
            (outcome.passed, outcome.failed, outcome.skipped, outcome.notes.len())
        };
        assert_eq!(of(false), (8, 0, 2, 2));
        assert_eq!(of(true), (8, 2, 0, 2));
    }

    #[test]
    fn the_closing_line_is_counted() {
        let line = "test result: FAILED. 31 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 2.02s";
        assert_eq!(TestResult::parse(line), Some(TestResult { passed: 31, failed: 2, ignored: 1 }));
        assert_eq!(TestResult::parse("test mask::tests::result: ok"), None);
    }

    #[test]
    fn what_went_well_is_not_shown_with_a_failure() {
        assert!(!is_telling("test mask::tests::each_alignment ... ok"));
        assert!(!is_telling("   Compiling bytes v1.11.0"));
        assert!(!is_telling("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"));
        assert!(is_telling("test mask::tests::each_alignment ... FAILED"));
        assert!(is_telling("assertion `left == right` failed"));
        assert!(is_telling("  left: 31"));
    }

    #[test]
    fn the_stack_leaves_room_for_what_the_panic_says() {
        assert!(!is_telling("stack backtrace:"));
        assert!(!is_telling("   0: __rustc::rust_begin_unwind"));
        assert!(!is_telling("  14: <tokio::runtime::Runtime>::block_on_inner::<suite::run>"));
        assert!(!is_telling(
            "             at /home/somebody/.cargo/registry/src/tokio/src/runtime/context.rs:186:38"
        ));
        assert!(is_telling("    at least one of them"));
    }
}
