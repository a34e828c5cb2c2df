//! `cargo xtask instructions`: how many instructions the protocol's work takes, counted by callgrind.
//!
//! A count does not depend on how busy the machine is, so it shows a small regression where a clock cannot. It depends
//! on what was compiled, so the figures are those of the release profile; and on what the processor can do, since some
//! code is chosen at run time: valgrind shows every program a processor of its own, with AVX2 at most.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use crate::command::Task;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};
use crate::terminal::{Tone, paint};
use crate::workspace::Workspace;

/// Where the figures are, from the root of the workspace.
const FILE: &str = "crates/proto/benches/instructions.json";

/// What is expected, and of what.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Figures {
    architecture: String,
    /// The compiler that they were counted with. Another one may need other figures.
    rustc: String,
    /// How many iterations are compared with twice as many.
    iterations: u64,
    /// How far a count may be from what is expected.
    tolerance_percent: f64,
    /// By workload of the example `instructions`.
    instructions_per_iteration: BTreeMap<String, u64>,
}

/// Counts, and compares with the figures or replaces them. `true`: all is as expected.
pub(crate) fn run(workspace: &Workspace, write: bool) -> Result<bool> {
    let figures = Figures::load(workspace)?;
    let counted = count(&Context::new(workspace), &figures).map_err(|stop| match stop {
        Stop::Unavailable(why) | Stop::NotInstalled(why) => anyhow!(why),
        Stop::Broken(error) => error,
    })?;
    if write {
        let figures = Figures { rustc: rustc()?, instructions_per_iteration: counted, ..figures };
        figures.save(workspace)?;
        println!("wrote {FILE}");
        return Ok(true);
    }
    let outcome = judge(&figures, &counted)?;
    for note in &outcome.notes {
        println!("{note}");
    }
    Ok(outcome.failed == 0)
}

/// The suite: what is counted, compared with the figures.
pub(crate) fn suite(context: &Context<'_>) -> Result<Outcome, Stop> {
    let figures = Figures::load(context.workspace)?;
    let counted = count(context, &figures)?;
    Ok(judge(&figures, &counted)?)
}

/// Compares, and says what to do if something is not as expected.
fn judge(figures: &Figures, counted: &BTreeMap<String, u64>) -> Result<Outcome> {
    let mut outcome = compare(figures, counted);
    if outcome.failed > 0 {
        outcome.notes.push(
            "if that is as it should be, `cargo xtask instructions --write` makes it what is expected"
                .to_owned(),
        );
        let (then, now) = (&figures.rustc, rustc()?);
        if *then != now {
            outcome.notes.push(format!("it may be the compiler: the figures are of {then}, this is {now}"));
        }
    }
    Ok(outcome)
}

impl Figures {
    fn load(workspace: &Workspace) -> Result<Self> {
        let text =
            std::fs::read_to_string(workspace.root.join(FILE)).with_context(|| format!("reading {FILE}"))?;
        serde_json::from_str(&text).with_context(|| FILE.to_owned())
    }

    fn save(&self, workspace: &Workspace) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(workspace.root.join(FILE), text).with_context(|| format!("writing {FILE}"))
    }

    fn tolerate(&self, expected: u64, counted: u64) -> bool {
        counted.abs_diff(expected) as f64 * 100.0 <= expected as f64 * self.tolerance_percent
    }

    fn check_machine(&self) -> Result<(), Stop> {
        let (expected, here) = (&self.architecture, std::env::consts::ARCH);
        if expected != here {
            return Err(Stop::Unavailable(format!("the figures are for {expected}, and this is {here}")));
        }
        if !has_avx2() {
            return Err(Stop::Unavailable("the figures are for code that uses AVX2".to_owned()));
        }
        Ok(())
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

/// There is only one kind of code elsewhere.
#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    true
}

/// The name and number of the compiler, as in `rustc 1.95.0`.
fn rustc() -> Result<String> {
    let output = Command::new("rustc").arg("--version").output().context("rustc could not be started")?;
    let version = String::from_utf8(output.stdout)?;
    Ok(version.split(' ').take(2).collect::<Vec<_>>().join(" "))
}

/// The instructions of one iteration of each workload.
fn count(context: &Context<'_>, figures: &Figures) -> Result<BTreeMap<String, u64>, Stop> {
    figures.check_machine()?;
    let callgrind = Callgrind {
        valgrind: context.find_or_install(&["valgrind"], &["valgrind"])?,
        program: context.instructions()?,
        workspace: context.workspace,
    };
    let counted = thread::scope(|scope| {
        let running: Vec<_> = figures
            .instructions_per_iteration
            .keys()
            .map(|workload| (workload, scope.spawn(|| callgrind.iteration(workload, figures.iterations))))
            .collect();
        let ended = running.into_iter().map(|(workload, run)| {
            let count = run.join().map_err(|_| anyhow!("{workload}: the run could not be followed"))??;
            Ok((workload.clone(), count))
        });
        ended.collect::<Result<_>>()
    });
    Ok(counted?)
}

struct Callgrind<'w> {
    valgrind: PathBuf,
    program: PathBuf,
    workspace: &'w Workspace,
}

impl Callgrind<'_> {
    /// The instructions of one iteration: what the start of the process takes goes away by the difference.
    fn iteration(&self, workload: &str, iterations: u64) -> Result<u64> {
        ensure!(iterations > 0, "{FILE}: no iterations");
        let (once, twice) = (self.run(workload, iterations)?, self.run(workload, 2 * iterations)?);
        let more = twice.checked_sub(once).with_context(|| format!("{workload}: more work took less"))?;
        Ok(more / iterations)
    }

    fn run(&self, workload: &str, iterations: u64) -> Result<u64> {
        const DEADLINE: Duration = Duration::from_secs(5 * 60);

        let mut command = Command::new(&self.valgrind);
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(&self.program).args([workload, &iterations.to_string()]);
        let log = self.workspace.log(&format!("instructions-{workload}-{iterations}"));
        let finished = Task::new(command, DEADLINE, log).run(|_| {})?;
        ensure!(finished.succeeded(), "{workload}: {}", finished.explain());
        total(&finished.lines).with_context(|| format!("{workload}: {}", finished.explain()))
    }
}

/// The number that callgrind closes with: `==31893== Collected : 46234243`.
fn total(lines: &[String]) -> Option<u64> {
    lines.iter().rev().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

/// Prints what was expected and what was counted. Fewer instructions than expected fail as well: unless the figures
/// follow, a later regression would hide behind them.
fn compare(figures: &Figures, counted: &BTreeMap<String, u64>) -> Outcome {
    let mut outcome = Outcome::default();
    let titles = format!("{:<12} {:>12} {:>12} {:>10}", "workload", "expected", "counted", "change");
    println!("{}", paint(Tone::Heading, &titles));
    for (workload, &expected) in &figures.instructions_per_iteration {
        let counted = counted.get(workload).copied().unwrap_or_default();
        let percent = change(expected, counted);
        let row = format!("{workload:<12} {expected:>12} {counted:>12} {percent:>+8.1} %");
        if figures.tolerate(expected, counted) {
            outcome.passed += 1;
            println!("{}", paint(Tone::Good, &row));
        } else {
            outcome.failed += 1;
            println!("{}", paint(Tone::Bad, &row));
            let (size, direction) = (percent.abs(), if percent > 0.0 { "more" } else { "fewer" });
            outcome.notes.push(format!(
                "{workload} takes {size:.1} % {direction} instructions than expected; {} % are tolerated",
                figures.tolerance_percent
            ));
        }
    }
    outcome
}

/// By how many percent a count differs from what was expected.
fn change(expected: u64, counted: u64) -> f64 {
    (counted as f64 / expected as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(expected: u64) -> Figures {
        Figures {
            architecture: "x86_64".into(),
            rustc: "rustc 1.95.0".into(),
            iterations: 100,
            tolerance_percent: 3.0,
            instructions_per_iteration: BTreeMap::from([("parse16".into(), expected)]),
        }
    }

    fn compared(expected: u64, counted: u64) -> Outcome {
        compare(&figures(expected), &BTreeMap::from([("parse16".into(), counted)]))
    }

    #[test]
    fn a_count_may_be_a_little_off_and_no_more_in_either_direction() {
        for (counted, failed) in [(970, 0), (1030, 0), (969, 1), (1031, 1), (0, 1)] {
            let outcome = compared(1000, counted);
            assert_eq!((outcome.passed, outcome.failed), (1 - failed, failed), "{counted}");
        }
    }

    #[test]
    fn who_is_off_is_told_by_how_much() {
        let expectations = [
            (1100, "parse16 takes 10.0 % more instructions than expected; 3 % are tolerated"),
            (500, "parse16 takes 50.0 % fewer instructions than expected; 3 % are tolerated"),
        ];
        for (counted, note) in expectations {
            assert_eq!(compared(1000, counted).notes, [note]);
        }
    }

    #[test]
    fn a_workload_without_a_figure_yet_fails() {
        assert_eq!(compared(0, 1000).failed, 1);
    }

    #[test]
    fn callgrind_s_total_is_read() {
        let output = "==1== Callgrind, a call-graph generating cache profiler\n==1== Events    : Ir\n\
                      ==1== Collected : 46234243\n==1== \n==1== I   refs:      46,234,243";
        let lines: Vec<String> = output.lines().map(str::to_owned).collect();
        assert_eq!(total(&lines), Some(46_234_243));
        assert_eq!(total(&[]), None);
    }

    #[test]
    fn the_figures_are_those_of_another_machine_elsewhere() {
        let elsewhere = Figures { architecture: "m68k".into(), ..figures(1) };
        assert!(matches!(elsewhere.check_machine(), Err(Stop::Unavailable(_))));
    }
}
