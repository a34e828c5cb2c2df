//! `cargo xtask instructions`: counts the instructions of typical protocol work with callgrind.
//!
//! Unlike a time, a count does not depend on the load of the machine, so it reveals small regressions. It does depend
//! on how the code was compiled, so the counts are for the release profile, and on the processor, because some code is
//! selected at run time. Valgrind always presents its own processor, with AVX2 at most.

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

/// Path of the expected counts, relative to the workspace.
const FILE: &str = "crates/proto/benches/instructions.json";

/// The expected counts, with the conditions that they apply to.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Figures {
    architecture: String,
    /// The compiler that produced the counts. Another one may need other counts.
    rustc: String,
    /// The number of iterations in the first run; the second runs twice as many.
    iterations: u64,
    /// The accepted difference between the expected and the measured count.
    tolerance_percent: f64,
    /// Per workload of the example `instructions`.
    instructions_per_iteration: BTreeMap<String, u64>,
}

/// Counts, and compares with the expected counts or replaces them. Returns whether all match.
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

/// The suite: compares counts with the expected ones.
pub(crate) fn suite(context: &Context<'_>) -> Result<Outcome, Stop> {
    let figures = Figures::load(context.workspace)?;
    let counted = count(context, &figures)?;
    Ok(judge(&figures, &counted)?)
}

/// Compares the counts, and notes what to do about a difference.
fn judge(figures: &Figures, counted: &BTreeMap<String, u64>) -> Result<Outcome> {
    let mut outcome = compare(figures, counted);
    if outcome.failed > 0 {
        outcome.notes.push(
            "if the change is intended, `cargo xtask instructions --write` updates the expected counts"
                .to_owned(),
        );
        let (then, now) = (&figures.rustc, rustc()?);
        if *then != now {
            outcome.notes.push(format!(
                "the compiler may be the cause: the expected counts are for {then}, this is {now}"
            ));
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
            return Err(Stop::Unavailable(format!("the expected counts are for {expected}, this is {here}")));
        }
        if !has_avx2() {
            return Err(Stop::Unavailable("the expected counts are for code that uses AVX2".to_owned()));
        }
        Ok(())
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

/// Other architectures have only one code path.
#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    true
}

/// The compiler and its version, as in `rustc 1.95.0`.
fn rustc() -> Result<String> {
    let output = Command::new("rustc").arg("--version").output().context("cannot start rustc")?;
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
            let count = run.join().map_err(|_| anyhow!("{workload}: the thread that ran it panicked"))??;
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
    /// The instructions of one iteration. Subtracting two runs removes the cost of starting the process.
    fn iteration(&self, workload: &str, iterations: u64) -> Result<u64> {
        ensure!(iterations > 0, "{FILE}: no iterations");
        let (once, twice) = (self.run(workload, iterations)?, self.run(workload, 2 * iterations)?);
        let more = twice
            .checked_sub(once)
            .with_context(|| format!("{workload}: twice the work took fewer instructions"))?;
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

/// The total in callgrind's last line: `==31893== Collected : 46234243`.
fn total(lines: &[String]) -> Option<u64> {
    lines.iter().rev().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

/// Prints the expected and the measured counts. Fewer instructions than expected fail too: if the expected counts
/// stayed high, they would hide a later regression.
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

/// The difference between the measured and the expected count, in percent.
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
