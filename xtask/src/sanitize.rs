//! `cargo xtask sanitize`: the tests of the protocol under `AddressSanitizer`.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::command::Task;
use crate::nightly::Nightly;
use crate::terminal::Progress;
use crate::workspace::Workspace;

/// Runs the tests, documentation tests included, and tells whether all passed.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    const DEADLINE: Duration = Duration::from_secs(20 * 60);
    const SANITIZER: &str = "-Zsanitizer=address";

    let nightly =
        Nightly::find().context("the sanitizers need the nightly toolchain, and rustup has none")?;
    let mut command = nightly.command("cargo");
    command
        .current_dir(&workspace.root)
        .args(["test", "-p", "longwire-proto", "--all-features", "--no-fail-fast", "--target", &nightly.host])
        .arg("--target-dir")
        .arg(workspace.target.join("sanitize"))
        .env("RUSTFLAGS", SANITIZER)
        .env("RUSTDOCFLAGS", SANITIZER);
    let mut progress = Progress::start();
    let task = Task::new(command, DEADLINE, workspace.log("sanitize"));
    let finished = task.run(|line| progress.say(&format!("sanitize: {}", line.trim())))?;
    drop(progress);
    for result in finished.lines.iter().filter(|line| line.starts_with("test result: ")) {
        println!("{result}");
    }
    if !finished.succeeded() {
        println!("{}", finished.explain());
    }
    Ok(finished.succeeded())
}
