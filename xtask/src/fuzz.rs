//! `cargo xtask fuzz`: runs the targets of `fuzz/`, with cargo-fuzz if there is a nightly toolchain, else without it.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::cargo::cargo;
use crate::command::{Finished, Task};
use crate::nightly::Nightly;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};
use crate::workspace::Workspace;

/// How long a target runs in the test suite.
const SHORT: Duration = Duration::from_secs(10);

/// Enough for a cold build.
const BUILD_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// Fuzzes one target, or all of them in turn, and returns whether all passed.
pub(crate) fn run(workspace: &Workspace, named: Option<&str>, time: Duration) -> Result<bool> {
    let mut targets = targets(workspace)?;
    if let Some(named) = named {
        let known = targets.join(", ");
        targets.retain(|target| target == named);
        ensure!(!targets.is_empty(), "there is no target {named}; the targets are {known}");
    }
    let outcome = fuzz(&Context::new(workspace), &targets, time)?;
    for note in &outcome.notes {
        println!("{note}");
    }
    Ok(outcome.failed == 0)
}

/// The suite: every target runs its seeds, and then fuzzes for a short time.
pub(crate) fn suite(context: &Context<'_>) -> Result<Outcome, Stop> {
    Ok(fuzz(context, &targets(context.workspace)?, SHORT)?)
}

/// The names of the targets, which are those of their files.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let dir = workspace.root.join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    ensure!(!names.is_empty(), "{} contains no targets", dir.display());
    Ok(names)
}

fn fuzz(context: &Context<'_>, targets: &[String], time: Duration) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let engine = Engine::prepare(context, &mut outcome)?;
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    for together in targets.chunks(lanes) {
        thread::scope(|scope| {
            let running: Vec<_> = together
                .iter()
                .map(|target| (target, scope.spawn(|| engine.fuzz(context.workspace, target, time))))
                .collect();
            for (target, run) in running {
                let finished =
                    run.join().map_err(|_| anyhow!("{target}: the thread that ran it panicked"))??;
                println!("{target}: {}", summary(&finished));
                outcome.count(&format!("fuzz target {target}"), &finished);
            }
            Ok::<(), anyhow::Error>(())
        })?;
    }
    Ok(outcome)
}

/// The line in which either engine reports its number of runs.
fn summary(finished: &Finished) -> &str {
    finished.lines.iter().rev().find(|line| line.contains(" runs in ")).map_or("no runs", String::as_str)
}

/// The fuzzing engine.
#[derive(Debug)]
enum Engine {
    /// libFuzzer: guided by coverage, with `AddressSanitizer`.
    LibFuzzer { nightly: Nightly, cargo_fuzz: PathBuf },
    /// `fuzz/examples/stable.rs`: mutates the seeds at random.
    Stable,
}

impl Engine {
    /// Selects the best engine that is available or can be installed, and builds the targets. If it is not libFuzzer,
    /// the reason becomes a note.
    fn prepare(context: &Context<'_>, outcome: &mut Outcome) -> Result<Self> {
        match Self::lib_fuzzer(context)? {
            Ok(engine) => Ok(engine),
            Err(why) => {
                outcome.notes.push(format!("fuzzed without cargo-fuzz, which finds more bugs: {why}"));
                let finished =
                    context.run(stable(context.workspace, "build", &[]), BUILD_DEADLINE, "fuzz-build")?;
                ensure!(finished.succeeded(), "building the fuzz targets: {}", finished.explain());
                Ok(Self::Stable)
            }
        }
    }

    /// libFuzzer, or why it is unavailable.
    fn lib_fuzzer(context: &Context<'_>) -> Result<Result<Self, String>> {
        let Some(nightly) = Nightly::find() else {
            return Ok(Err("rustup has no nightly toolchain".to_owned()));
        };
        let Ok(cargo_fuzz) = context.find_or_cargo_install("cargo-fuzz") else {
            return Ok(Err("cannot install cargo-fuzz".to_owned()));
        };
        let build = cargo_fuzz_command(&nightly, &cargo_fuzz, context.workspace, "build");
        let finished = context.run(build, BUILD_DEADLINE, "fuzz-build-nightly")?;
        Ok(if finished.succeeded() {
            Ok(Self::LibFuzzer { nightly, cargo_fuzz })
        } else {
            Err(format!("its build failed, see {}", finished.log.display()))
        })
    }

    fn fuzz(&self, workspace: &Workspace, target: &str, time: Duration) -> Result<Finished> {
        let seconds = time.as_secs().to_string();
        let command = match self {
            Self::LibFuzzer { nightly, cargo_fuzz } => {
                // New inputs are written to the first directory, so they do not mix with the seeds.
                let found = workspace.target.join("fuzz-corpus").join(target);
                std::fs::create_dir_all(&found).with_context(|| format!("creating {}", found.display()))?;
                let mut command = cargo_fuzz_command(nightly, cargo_fuzz, workspace, "run");
                command.arg(target).arg(found).arg(workspace.root.join("fuzz/corpus").join(target));
                command.args([
                    "--",
                    &format!("-max_total_time={seconds}"),
                    "-print_final_stats=0",
                    "-verbosity=1",
                ]);
                command
            }
            Self::Stable => stable(workspace, "run", &["--", target, &seconds]),
        };
        Task::new(command, time + BUILD_DEADLINE, workspace.log(&format!("fuzz-{target}"))).run(|_| {})
    }
}

/// `cargo fuzz VERB` with all checks: `AddressSanitizer`, debug assertions and integer overflow.
fn cargo_fuzz_command(nightly: &Nightly, cargo_fuzz: &PathBuf, workspace: &Workspace, verb: &str) -> Command {
    let mut command = nightly.command(cargo_fuzz);
    command.current_dir(&workspace.root).args(["fuzz", verb, "--fuzz-dir", "fuzz", "--debug-assertions"]);
    command.arg("--target-dir").arg(workspace.target.join("fuzz"));
    command
}

fn stable(workspace: &Workspace, verb: &str, arguments: &[&str]) -> Command {
    let mut command = cargo();
    command.current_dir(workspace.root.join("fuzz")).args([
        verb,
        "--no-default-features",
        "--example",
        "stable",
    ]);
    command.arg("--target-dir").arg(workspace.target.join("fuzz")).args(arguments);
    command
}
