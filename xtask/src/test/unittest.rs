//! Parses the output of Python's `unittest`.

use crate::command::Finished;
use crate::suite::outcome::Outcome;

/// Reads the counts from the last lines: `Ran 28 tests in 8.0s`, and `FAILED (failures=1, errors=2, skipped=1)` or `OK`.
pub(crate) fn count(finished: &Finished) -> Outcome {
    let last = |prefix: &str| finished.lines.iter().rev().find_map(|line| line.strip_prefix(prefix));
    let ran: u32 = last("Ran ").and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(0);
    let verdict = last("FAILED (").or_else(|| last("OK (")).unwrap_or_default();
    let sum = |names: &[&str]| -> u32 {
        let counts = verdict.trim_end_matches(')').split(", ").filter_map(|count| count.split_once('='));
        counts
            .filter(|(name, _)| names.contains(name))
            .filter_map(|(_, count)| count.parse::<u32>().ok())
            .sum()
    };
    let failed = sum(&["failures", "errors", "unexpected successes"]);
    let skipped = sum(&["skipped", "expected failures"]);
    let mut outcome =
        Outcome { passed: ran.saturating_sub(failed + skipped), failed, skipped, notes: Vec::new() };
    let failures =
        finished.lines.iter().filter(|line| line.starts_with("FAIL: ") || line.starts_with("ERROR: "));
    outcome.notes.extend(failures.cloned());
    outcome.agree_with("unittest", finished);
    outcome
}

/// The lines of a failure: all but those of tests that passed.
pub(crate) fn telling(lines: &[String]) -> Vec<&String> {
    lines.iter().filter(|line| !line.ends_with(" ... ok") && *line != "ok").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::End;

    fn counted(output: &str, exit_code: i32) -> (u32, u32, u32, usize) {
        let mut command = std::process::Command::new("sh");
        let status = command.args(["-c", &format!("exit {exit_code}")]).status().unwrap();
        let lines = output.lines().map(str::to_owned).collect();
        let outcome = count(&Finished { end: End::Exited(status), lines, log: "python.log".into() });
        (outcome.passed, outcome.failed, outcome.skipped, outcome.notes.len())
    }

    #[test]
    fn the_closing_lines_are_counted() {
        assert_eq!(
            counted("test_a (test.Json.test_a) ... ok\nRan 28 tests in 8.0s\n\nOK\n", 0),
            (28, 0, 0, 0)
        );
        let failed =
            "FAIL: test_a (test.Json.test_a)\nRan 5 tests in 8.0s\nFAILED (failures=1, errors=1, skipped=1)";
        assert_eq!(counted(failed, 1), (2, 2, 1, 1));
    }

    #[test]
    fn a_run_without_a_test_and_one_that_broke_off_have_failed() {
        assert_eq!(counted("Ran 0 tests in 0.0s\n\nOK", 0).1, 1);
        assert_eq!(counted("Traceback (most recent call last):", 1).1, 1);
        assert_eq!(counted("Ran 2 tests in 0.1s\n\nOK", 1).1, 1);
    }
}
