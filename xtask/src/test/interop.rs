//! Peers that others wrote: Node's `ws` as client and server, and Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::command::Task;
use crate::terminal::Progress;
use crate::test::certificates;
use crate::test::context::Context;
use crate::test::outcome::{Outcome, Stop};
use crate::test::tap;

const DEADLINE: Duration = Duration::from_secs(10 * 60);

/// The first version whose test runner has all that the tests use.
const OLDEST_NODE: u32 = 20;

pub(crate) fn node(context: &Context<'_>) -> Result<Outcome, Stop> {
    let command = node_test(context, "node")?;
    run(context, command, "node")
}

pub(crate) fn browser(context: &Context<'_>) -> Result<Outcome, Stop> {
    let chromium = context.find_or_install(
        &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
        &["chromium"],
    )?;
    let certutil = context.find_or_install(&["certutil"], &["libnss3-tools"])?;
    let mut command = node_test(context, "browser")?;
    command.env("CHROMIUM", chromium).env("CERTUTIL", certutil);
    run(context, command, "browser")
}

fn run(context: &Context<'_>, command: Command, suite: &str) -> Result<Outcome, Stop> {
    let mut progress = Progress::start();
    let task = Task::new(command, DEADLINE, context.workspace.log(suite));
    let finished = task.run(|line| {
        if let Some(test) = line.trim_start().strip_prefix("# Subtest: ") {
            progress.say(&format!("{suite}: {test}"));
        }
    })?;
    drop(progress);
    let outcome = tap::count(&finished);
    if outcome.failed > 0 {
        println!("node --test: {}", finished.explain_with(&tap::telling(&finished.lines)));
    }
    Ok(outcome)
}

/// `node --test` on the files of one directory of `interop`, with all that they need.
fn node_test(context: &Context<'_>, directory: &str) -> Result<Command, Stop> {
    let node = find_node(context)?;
    let interop = context.workspace.root.join("interop");
    install_packages(context, &interop)?;
    let mut command = Command::new(node);
    command
        .current_dir(&interop)
        .args(["--test", "--test-reporter=tap"])
        .args(test_files(&interop.join(directory))?)
        .env("LONGWIRE", context.longwire()?)
        .env("LONGWIRE_CERTS", certificates::make(&context.workspace.target)?)
        .env_remove("NODE_OPTIONS")
        .env_remove("FORCE_COLOR")
        .env("NO_COLOR", "1");
    Ok(command)
}

fn test_files(dir: &Path) -> Result<Vec<PathBuf>, Stop> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    if files.is_empty() {
        return Err(Stop::Broken(anyhow!("{} holds no tests", dir.display())));
    }
    Ok(files)
}

pub(crate) fn find_node(context: &Context<'_>) -> Result<PathBuf, Stop> {
    let node = context.find_or_install(&["node"], &["nodejs", "npm"])?;
    let output = Command::new(&node).arg("--version").output().context("node could not be started")?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(node),
        _ => Err(Stop::Unavailable(format!(
            "Node {OLDEST_NODE} or newer is needed, and {} is {version}",
            node.display()
        ))),
    }
}

/// The first number of a version such as `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// `npm ci`, unless what it installed last is as new as the lock.
pub(crate) fn install_packages(context: &Context<'_>, interop: &Path) -> Result<(), Stop> {
    let changed = |path: &str| std::fs::metadata(interop.join(path)).and_then(|file| file.modified());
    let locked = changed("package-lock.json").context("interop/package-lock.json")?;
    if changed("node_modules/.package-lock.json").is_ok_and(|installed| installed >= locked) {
        return Ok(());
    }
    let npm = context.find_or_install(&["npm"], &["npm"])?;
    let mut command = Command::new(npm);
    command.current_dir(interop).args(["ci", "--no-audit", "--no-fund"]);
    context.install("npm-packages", command, DEADLINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_s_version_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("node: not found"), None);
    }
}
