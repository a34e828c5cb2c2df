//! `cargo xtask bench crowd`: as many connections as this machine holds.

mod clients;
pub(super) mod options;
mod page;
mod phases;
mod process;

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum as _;

use self::options::{CrowdEngine, CrowdOptions};
use self::phases::{CrowdPrograms, measure};
use super::programs;
use super::saving::replace;
use super::section::Section;
use crate::command::find_on_path;
use crate::suite::context::Context;
use crate::terminal;
use crate::workspace::Workspace;

/// Measures, and writes the section of the page.
pub(super) fn run(workspace: &Workspace, options: &CrowdOptions) -> Result<()> {
    let context = Context::new(workspace);
    let programs = CrowdPrograms {
        built: programs::build(&context, &["bench-crowd", "bench-longwire"])?,
        taskset: programs::taskset()?,
    };
    if !options.inside && may_separate() {
        return run_inside();
    }
    let mut options = options.clone();
    if options.quick {
        (options.connections, options.hold) = (2000, 1);
    }
    let engines = if options.engine.is_empty() { CrowdEngine::value_variants() } else { &options.engine[..] };
    let mut outcomes = Vec::new();
    for engine in engines {
        terminal::heading(&format!("{} connections over {}", options.connections, engine.argument()));
        outcomes.push((*engine, measure(workspace, &programs, &options, *engine)?));
    }
    let text = page::section(workspace, &options, &outcomes)?;
    let is_whole = CrowdEngine::value_variants().iter().all(|engine| engines.contains(engine));
    if options.quick || !is_whole {
        println!("{text}");
        return Ok(());
    }
    replace(workspace, &workspace.root.join("docs"), Section::Crowd, &text)
}

/// Whether this process may have a network namespace of its own. There, no other program has sockets.
fn may_separate() -> bool {
    let tried = Command::new("unshare").args(["--net", "true"]).output();
    tried.is_ok_and(|output| output.status.success()) && find_on_path("ip").is_some()
}

/// Runs the same command line in a network namespace of its own.
fn run_inside() -> Result<()> {
    const INSIDE: &str = r#"ip link set lo up && exec "$0" "$@" --inside"#;

    let mut command = Command::new("unshare");
    command
        .args(["--net", "sh", "-c", INSIDE])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1));
    let status = command.status().context("unshare")?;
    ensure!(status.success(), "the measurement in its own network namespace: {status}");
    Ok(())
}
