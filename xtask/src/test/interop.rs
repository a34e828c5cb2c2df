//! Tests with other implementations: Node's `ws` as client and server, Chromium, the official clients of Centrifugo and
//! Socket.IO, and `rust_socketio`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::cargo::cargo;
use crate::command::{Finished, Task};
use crate::suite::cargo_test;
use crate::suite::certificates;
use crate::suite::context::Context;
use crate::suite::node::{find_node, install_packages};
use crate::suite::outcome::{Outcome, Stop};
use crate::suite::python::find_python;
use crate::terminal::Progress;
use crate::test::{tap, unittest};

/// Several times what the browser's tests need.
const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// What nodes of a cluster need, with the Debian packages.
const CLUSTER: [(&str, &str); 3] = [("haproxy", "haproxy"), ("nats-server", "nats-server"), REDIS];

const REDIS: (&str, &str) = ("redis-server", "redis-server");

pub(crate) fn node(context: &Context<'_>) -> Result<Outcome, Stop> {
    let command = node_test(context, "node", 2)?;
    run(context, command, "node", &TAP)
}

/// Several nodes, with brokers and a proxy of Debian.
pub(crate) fn cluster(context: &Context<'_>) -> Result<Outcome, Stop> {
    context.apt_install_missing(&CLUSTER)?;
    let command = node_test(context, "cluster", 4)?;
    run(context, command, "cluster", &TAP)
}

pub(crate) fn browser(context: &Context<'_>) -> Result<Outcome, Stop> {
    let chromium = context.find_or_install(
        &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
        &["chromium"],
    )?;
    let certutil = context.find_or_install(&["certutil"], &["libnss3-tools"])?;
    context.apt_install_missing(&[REDIS])?;
    let mut command = node_test(context, "browser", 2)?;
    command.env("CHROMIUM", chromium).env("CERTUTIL", certutil);
    run(context, command, "browser", &TAP)
}

pub(crate) fn python(context: &Context<'_>) -> Result<Outcome, Stop> {
    let directory = context.workspace.root.join("interop/python");
    let python = find_python(context, "python-clients", &directory.join("requirements.txt"))?;
    let mut command = Command::new(python);
    command
        .current_dir(&directory)
        .args(["-m", "unittest", "discover", "--verbose"])
        .env("LONGWIRE", context.longwire()?)
        .env("LONGWIRE_INTEROP", context.longwire_interop()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1");
    run(context, command, "python", &UNITTEST)
}

/// `rust_socketio`, in a workspace of its own, which needs the headers of OpenSSL.
pub(crate) fn rust(context: &Context<'_>) -> Result<Outcome, Stop> {
    let mut openssl = Command::new("pkg-config");
    let has_openssl = openssl.args(["--exists", "openssl"]).status().is_ok_and(|status| status.success());
    if !has_openssl {
        context.apt_install(&["libssl-dev", "pkg-config"])?;
    }
    let mut command = cargo();
    command
        .current_dir(context.workspace.root.join("interop/rust"))
        .args(["test", "--locked", "--target-dir"])
        .arg(context.workspace.target.join("rust-clients"))
        .env("LONGWIRE_INTEROP", context.longwire_interop()?);
    Ok(cargo_test::run(context.workspace, "rust-clients", command)?)
}

/// What a test runner prints.
struct Reporter {
    name: &'static str,
    /// The name of a test that begins or has ended, in a line.
    test: fn(&str) -> Option<&str>,
    count: fn(&Finished) -> Outcome,
    /// The lines to show of a failure.
    telling: fn(&[String]) -> Vec<&String>,
}

const TAP: Reporter = Reporter {
    name: "node --test",
    test: |line| line.trim_start().strip_prefix("# Subtest: "),
    count: tap::count,
    telling: tap::telling,
};

const UNITTEST: Reporter = Reporter {
    name: "unittest",
    test: |line| Some(line.strip_prefix("test_")?.split_once(" (")?.0),
    count: unittest::count,
    telling: unittest::telling,
};

fn run(context: &Context<'_>, command: Command, suite: &str, reporter: &Reporter) -> Result<Outcome, Stop> {
    let mut progress = Progress::start();
    let task = Task::new(command, DEADLINE, context.workspace.log(suite));
    let finished = task.run(|line| {
        if let Some(test) = (reporter.test)(line) {
            progress.say(&format!("{suite}: {test}"));
        }
    })?;
    drop(progress);
    let outcome = (reporter.count)(&finished);
    if outcome.failed > 0 {
        println!("{}: {}", reporter.name, finished.explain_with(&(reporter.telling)(&finished.lines)));
    }
    Ok(outcome)
}

/// `node --test` on the files of one directory of `interop`, with everything that they need. So many files run at once: they wait most
/// of the time.
fn node_test(context: &Context<'_>, directory: &str, at_once: u32) -> Result<Command, Stop> {
    let node = find_node(context)?;
    let interop = context.workspace.root.join("interop");
    install_packages(context, &interop)?;
    let mut command = Command::new(node);
    command
        .current_dir(&interop)
        .args(["--test", "--test-reporter=tap"])
        .arg(format!("--test-concurrency={at_once}"))
        .args(test_files(&interop.join(directory))?)
        .env("LONGWIRE", context.longwire()?)
        .env("LONGWIRE_INTEROP", context.longwire_interop()?)
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
