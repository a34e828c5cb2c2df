//! Suites that run in parallel: each is a process, whose output is shown when it has ended.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::command::{Finished, Task, find_on_path};
use crate::suite::outcome::Outcome;
use crate::terminal::{self, Progress};
use crate::test::report::RunReport;
use crate::workspace::Workspace;

/// A generous limit: each step of a suite has its own deadline.
const DEADLINE: Duration = Duration::from_secs(2 * 60 * 60);

/// A suite as named on the command line, and its index in the report.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) place: usize,
}

/// When to run which suite. The suites of a lane run one after another.
#[derive(Debug)]
pub(super) struct Schedule {
    /// A lane of low priority, beside all phases.
    pub(super) background: Vec<Part>,
    /// Phases run one after another, and the lanes of a phase in parallel.
    pub(super) phases: Vec<Vec<Vec<Part>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Priority {
    Normal,
    Lowest,
}

/// A suite that has ended.
struct Ended {
    part: Part,
    /// Its output, without progress.
    lines: Vec<String>,
    outcome: Outcome,
    took: Duration,
}

/// Runs the suites of the schedule, all with these options.
pub(super) fn run(workspace: &Workspace, schedule: &Schedule, options: &[&str], report: &mut RunReport) {
    let runner = Runner { workspace, options };
    thread::scope(|scope| {
        let (tell, ended) = mpsc::channel();
        let lane = |parts: &[Part], priority, tell: Sender<Ended>| {
            for part in parts {
                // The receiver lives until all lanes are done.
                let _ = tell.send(runner.run(part, priority));
            }
        };
        let tell_of_background = tell.clone();
        scope.spawn(move || lane(&schedule.background, Priority::Lowest, tell_of_background));
        scope.spawn(move || {
            for phase in &schedule.phases {
                thread::scope(|lanes| {
                    for parts in phase {
                        let tell = tell.clone();
                        lanes.spawn(move || lane(parts, Priority::Normal, tell));
                    }
                });
            }
        });
        for Ended { part: Part { name, place }, lines, outcome, took } in ended {
            terminal::heading(&name);
            for line in lines {
                println!("{line}");
            }
            report.add(place, name, outcome, took);
        }
    });
}

/// Runs suites as processes.
#[derive(Debug, Clone, Copy)]
struct Runner<'r> {
    workspace: &'r Workspace,
    options: &'r [&'r str],
}

impl Runner<'_> {
    fn run(self, part: &Part, priority: Priority) -> Ended {
        let begun = Instant::now();
        let (lines, outcome) = match self.run_process(&part.name, priority) {
            Ok((finished, outcome)) => (finished.lines, outcome),
            Err(error) => (Vec::new(), Outcome::failed(format!("{error:#}"))),
        };
        let lines = lines.into_iter().filter(|line| terminal::progress_in(line).is_none()).collect();
        Ended { part: part.clone(), lines, outcome, took: begun.elapsed() }
    }

    fn run_process(self, name: &str, priority: Priority) -> Result<(Finished, Outcome)> {
        let file = self.workspace.log(&format!("suite-{name}-outcome"));
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        }
        match fs::remove_file(&file) {
            // Otherwise the counts of an earlier run would be mistaken for those of this one.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut command = this_program(priority)?;
        command.current_dir(&self.workspace.root).args(["test", name]).args(self.options);
        command.arg("--outcome").arg(&file);
        let mut progress = Progress::start();
        let task = Task::new(command, DEADLINE, self.workspace.log(&format!("suite-{name}")));
        let finished = task.run(|line| {
            if let Some(told) = terminal::progress_in(line) {
                progress.say(told);
            }
        })?;
        let outcome = counted(name, &finished, &file);
        Ok((finished, outcome))
    }
}

/// The suite's counts. The process fails unless it exits with its own verdict.
fn counted(name: &str, finished: &Finished, file: &Path) -> Outcome {
    let read = fs::read_to_string(file).ok().and_then(|json| serde_json::from_str::<Outcome>(&json).ok());
    match read {
        Some(outcome) if finished.succeeded() || outcome.failed > 0 => outcome,
        _ => Outcome::failed(format!("the suite {name} did not finish: {}", finished.explain())),
    }
}

/// This program. On Linux, the path works even after a suite has rebuilt the program. It names this process, because the
/// program that sets the priority would take `/proc/self` for its own.
fn this_program(priority: Priority) -> Result<Command> {
    let link = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    let program = if link.exists() { link } else { std::env::current_exe()? };
    Ok(match find_on_path("nice") {
        Some(nice) if priority == Priority::Lowest => {
            let mut command = Command::new(nice);
            command.args(["-n", "19"]).arg(program);
            command
        }
        _ => Command::new(program),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::End;

    fn finished(exit_code: i32) -> Finished {
        let status = Command::new("sh").args(["-c", &format!("exit {exit_code}")]).status().unwrap();
        Finished { end: End::Exited(status), lines: Vec::new(), log: "suite.log".into() }
    }

    #[test]
    fn a_suite_is_believed_only_if_it_came_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("outcome");
        assert_eq!(counted("node", &finished(0), &file).failed, 1, "nothing was written");
        fs::write(&file, r#"{"passed":3,"failed":0,"skipped":1,"notes":["no network"]}"#).unwrap();
        let outcome = counted("node", &finished(0), &file);
        assert_eq!((outcome.passed, outcome.failed, outcome.skipped), (3, 0, 1));
        assert_eq!(counted("node", &finished(101), &file).failed, 1, "it ended with a panic");
        fs::write(&file, r#"{"passed":3,"failed":2,"skipped":0,"notes":[]}"#).unwrap();
        assert_eq!(counted("node", &finished(1), &file).failed, 2);
    }
}
