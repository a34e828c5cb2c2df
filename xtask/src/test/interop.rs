//! Tests with other implementations: Node's `ws` as client and server, and Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::command::Task;
use crate::suite::certificates;
use crate::suite::context::Context;
use crate::suite::node::{find_node, install_packages};
use crate::suite::outcome::{Outcome, Stop};
use crate::terminal::Progress;
use crate::test::tap;

const DEADLINE: Duration = Duration::from_secs(10 * 60);

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

/// `node --test` on the files of one directory of `interop`, with everything that they need.
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
        return Err(Stop::Broken(anyhow!("{} contains no tests", dir.display())));
    }
    Ok(files)
}
