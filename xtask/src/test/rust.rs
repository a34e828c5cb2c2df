//! The tests that cargo runs, and the release build that the other suites use.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::cargo::{cargo, is_status};
use crate::command::{Finished, Task};
use crate::features::Features;
use crate::terminal::Progress;
use crate::test::context::Context;
use crate::test::outcome::{Outcome, Stop};
use crate::workspace::Workspace;

pub(crate) fn run(context: &Context<'_>) -> Result<Outcome, Stop> {
    let mut outcome = cargo_test(context)?;
    for built in [context.longwire(), context.longwire_interop()] {
        match built {
            Ok(_) => outcome.passed += 1,
            Err(stop) => outcome.add(stop.outcome(true)),
        }
    }
    Ok(outcome)
}

fn cargo_test(context: &Context<'_>) -> Result<Outcome, Stop> {
    let mut command = cargo();
    command.current_dir(&context.workspace.root).args([
        "test",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
    ]);
    let finished = finish(context.workspace, "rust", command)?;
    let mut outcome = judge(&finished);
    let unproven = Features::load(&context.workspace.root)?.unproven(&finished.lines);
    outcome.failed += u32::from(!unproven.is_empty());
    outcome.notes.extend(unproven);
    Ok(outcome)
}

/// Runs a `cargo test`, counts its tests, and shows what failed; `name` is that of its log.
pub(crate) fn test(workspace: &Workspace, name: &str, command: Command) -> Result<Outcome> {
    Ok(judge(&finish(workspace, name, command)?))
}

fn finish(workspace: &Workspace, name: &str, command: Command) -> Result<Finished> {
    const DEADLINE: Duration = Duration::from_secs(20 * 60);

    let mut progress = Progress::start();
    let task = Task::new(command, DEADLINE, workspace.log(name));
    task.run(|line| progress.say(&format!("{name}: {}", line.trim())))
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

/// Lines other than those of what was built, of what passed, and of the stack beneath a panic, which would leave no room
/// for what the panic says.
fn is_telling(line: &str) -> bool {
    let passed =
        line.starts_with("test ") && line.ends_with("... ok") || line.starts_with("test result: ok.");
    let dull = line.is_empty() || line.starts_with("running ") || is_status(line);
    !passed && !dull && !is_of_the_stack(line)
}

/// A line of a backtrace: the number and the name of a function, or where it is, in the columns of the standard library.
fn is_of_the_stack(line: &str) -> bool {
    let number = line.split_once(": ").map_or("", |(number, _)| number);
    let is_function = number.len() >= 4 && number.trim_start().bytes().all(|byte| byte.is_ascii_digit());
    is_function || line == "stack backtrace:" || line.starts_with("             at ")
}

/// The line with which each test program closes.
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
