//! Parses the output of `node --test`, which uses the Test Anything Protocol.

use crate::command::Finished;
use crate::suite::outcome::Outcome;

/// Reads the counts from the reporter's last lines.
pub(crate) fn count(finished: &Finished) -> Outcome {
    let sum = |names: &[&str]| names.iter().filter_map(|name| closing_count(&finished.lines, name)).sum();
    let mut outcome = Outcome {
        passed: sum(&["pass"]),
        failed: sum(&["fail", "cancelled"]),
        skipped: sum(&["skipped", "todo"]),
        notes: Vec::new(),
    };
    for line in &finished.lines {
        let test = line.trim_start().to_ascii_lowercase();
        if test.starts_with("not ok ") || test.contains(" # skip") || test.contains(" # todo") {
            outcome.notes.push(line.trim_start().to_owned());
        }
    }
    outcome.agree_with("node --test", finished);
    outcome
}

/// Finds a count such as "# pass 12". The reporter's lines are not indented and come after the output of tests.
fn closing_count(lines: &[String], name: &str) -> Option<u32> {
    lines.iter().rev().find_map(|line| line.strip_prefix("# ")?.strip_prefix(name)?.trim_start().parse().ok())
}

/// The lines of failed tests, including their diagnostics, and other lines without indentation.
pub(crate) fn telling(lines: &[String]) -> Vec<&String> {
    let mut in_passed = false;
    lines
        .iter()
        .filter(|line| {
            let test = line.trim_start();
            match test {
                _ if test.starts_with("ok ") => in_passed = true,
                _ if test.starts_with("not ok ") || !line.starts_with(' ') => in_passed = false,
                _ => {}
            }
            !in_passed
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::End;

    const OUTPUT: &str = "\
TAP version 13
# Subtest: echo
ok 1 - echo
  ---
  duration_ms: 3.1
  ...
# Subtest: refuses
not ok 2 - refuses
  ---
  error: 'expected 403'
  ...
ok 3 - later # SKIP no network
1..3
# tests 3
# suites 0
# pass 1
# fail 1
# cancelled 0
# skipped 1
# todo 0
# duration_ms 80.2";

    fn finished(output: &str, exit_code: i32) -> Finished {
        let mut command = std::process::Command::new("sh");
        let status = command.args(["-c", &format!("exit {exit_code}")]).status().unwrap();
        Finished {
            end: End::Exited(status),
            lines: output.lines().map(str::to_owned).collect(),
            log: "node.log".into(),
        }
    }

    #[test]
    fn the_closing_lines_are_counted() {
        let outcome = count(&finished(OUTPUT, 1));
        assert_eq!((outcome.passed, outcome.failed, outcome.skipped), (1, 1, 1));
        assert_eq!(outcome.notes, ["not ok 2 - refuses", "ok 3 - later # SKIP no network"]);
    }

    #[test]
    fn a_run_without_a_test_has_failed() {
        let outcome = count(&finished("TAP version 13\n1..0\n# tests 0\n# pass 0\n# fail 0", 0));
        assert_eq!(
            (outcome.failed, outcome.notes.as_slice()),
            (1, ["node --test ran no test".to_owned()].as_slice())
        );
    }

    #[test]
    fn an_exit_code_that_says_failure_is_believed() {
        assert_eq!(count(&finished("# pass 2\n# fail 0", 1)).failed, 1);
    }

    #[test]
    fn what_is_shown_of_a_failure_leaves_out_what_passed() {
        let lines: Vec<String> = OUTPUT.lines().map(str::to_owned).collect();
        let shown = telling(&lines);
        assert!(shown.iter().any(|line| line.contains("expected 403")));
        assert!(!shown.iter().any(|line| line.contains("3.1") || line.starts_with("ok 1")));
    }
}
