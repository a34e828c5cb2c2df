use super::*;

fn shell(script: &str, deadline: Duration) -> (tempfile::TempDir, Finished) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let finished = Task::new(command, deadline, dir.path().join("logs/shell.log")).run(|_| ()).unwrap();
    (dir, finished)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn lines_of_both_streams_are_returned_and_kept_in_the_log() {
    let (_dir, finished) = shell("echo out; echo err >&2; exit 0", LONG);
    let mut lines = finished.lines.clone();
    lines.sort();
    assert_eq!(lines, ["err", "out"]);
    assert!(finished.succeeded());
    assert_eq!(std::fs::read_to_string(&finished.log).unwrap().lines().count(), 2);
}

#[test]
fn a_failure_is_explained_with_the_last_lines_and_the_log() {
    let (_dir, finished) = shell("echo something broke; exit 3", LONG);
    assert!(!finished.succeeded());
    let text = finished.explain();
    assert!(text.contains("exit status: 3"), "{text}");
    assert!(text.contains("\n| something broke"), "{text}");
    assert!(text.contains("logs/shell.log"), "{text}");
}

#[test]
fn a_program_over_its_deadline_is_stopped() {
    let (_dir, finished) = shell("echo begun; sleep 600", Duration::from_secs(6));
    assert!(matches!(finished.end, End::Deadline(_)));
    assert!(!finished.succeeded());
    assert_eq!(finished.lines, ["begun"]);
}

#[test]
fn a_process_left_behind_with_the_output_is_not_waited_for() {
    let begun = Instant::now();
    let (_dir, finished) = shell("sleep 20 & echo done", LONG);
    assert!(finished.succeeded());
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let task = Task::new(Command::new("no-such-program"), LONG, dir.path().join("log"));
    let error = task.run(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("cannot start no-such-program"), "{error}");
}
