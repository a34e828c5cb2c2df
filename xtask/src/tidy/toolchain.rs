//! Rules that cargo's own tools check.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::cargo::{cargo, is_status};
use crate::command::Task;
use crate::terminal::Progress;
use crate::workspace::Workspace;

/// Enough for a cold build of all dependencies on a small machine.
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// One run of a tool. `name` is shown, and names the log.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    arguments: &'static [&'static str],
}

/// For the separate workspaces. `--all` would follow their dependencies back into this one.
pub(crate) const FORMAT_BESIDE: Tool =
    Tool { name: "format-beside", arguments: &["fmt", "--check", "--", "--files-with-diff"] };

/// For the workspace of the comparison. (The fuzz targets need a nightly compiler.) The servers of other libraries take
/// minutes to compile, so only long runs look at them.
pub(crate) const CLIPPY_BENCH: Tool = Tool {
    name: "clippy-bench",
    arguments: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
};

/// For the peers of `longwire check` in Rust. They have libraries of other authors, so only long runs look at them.
pub(crate) const CLIPPY_CHECK_PEERS: Tool =
    Tool { name: "clippy-check-peers", arguments: &["clippy", "--all-targets", "--", "-D", "warnings"] };

/// Features are additive, so each set of features that makes a difference must compile.
pub(crate) const TOOLS: [Tool; 11] = [
    Tool { name: "format", arguments: &["fmt", "--all", "--check", "--", "--files-with-diff"] },
    Tool {
        name: "clippy",
        arguments: &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
    },
    Tool {
        name: "clippy-by-default",
        arguments: &["clippy", "-p", "longwire", "--all-targets", "--", "-D", "warnings"],
    },
    Tool {
        name: "clippy-without-features",
        arguments: &["clippy", "-p", "longwire", "--no-default-features", "--", "-D", "warnings"],
    },
    Tool {
        name: "clippy-client",
        arguments: &[
            "clippy",
            "-p",
            "longwire",
            "--no-default-features",
            "-F",
            "client",
            "--",
            "-D",
            "warnings",
        ],
    },
    Tool {
        name: "clippy-server",
        arguments: &[
            "clippy",
            "-p",
            "longwire",
            "--no-default-features",
            "-F",
            "server",
            "--",
            "-D",
            "warnings",
        ],
    },
    Tool {
        name: "clippy-client-tls",
        arguments: &[
            "clippy",
            "-p",
            "longwire",
            "--no-default-features",
            "-F",
            "client,tls",
            "--",
            "-D",
            "warnings",
        ],
    },
    Tool {
        name: "clippy-server-tls",
        arguments: &[
            "clippy",
            "-p",
            "longwire",
            "--no-default-features",
            "-F",
            "server,tls",
            "--",
            "-D",
            "warnings",
        ],
    },
    Tool {
        name: "clippy-axum",
        arguments: &[
            "clippy",
            "-p",
            "longwire",
            "--no-default-features",
            "-F",
            "axum",
            "--",
            "-D",
            "warnings",
        ],
    },
    Tool {
        name: "clippy-tower",
        arguments: &[
            "clippy",
            "-p",
            "longwire",
            "--no-default-features",
            "-F",
            "tower",
            "--",
            "-D",
            "warnings",
        ],
    },
    Tool { name: "documentation", arguments: &["doc", "--workspace", "--no-deps"] },
];

impl Tool {
    /// The tool's complaints. What it compiles is put into `target`.
    pub(crate) fn check(&self, workspace: &Workspace, target: &Path) -> Result<Vec<String>> {
        self.check_without(&[], workspace, target)
    }

    /// The same without these packages, for a tool that looks at a whole workspace.
    pub(crate) fn check_without(
        &self,
        left_out: &[&str],
        workspace: &Workspace,
        target: &Path,
    ) -> Result<Vec<String>> {
        let mut progress = Progress::start();
        let command = self.command(left_out, workspace, target);
        let task = Task::new(command, DEADLINE, workspace.log(self.name));
        let finished = task.run(|line| progress.say(&format!("{}: {}", self.name, line.trim())))?;
        if finished.succeeded() {
            return Ok(Vec::new());
        }
        let complaints: Vec<&String> = finished.lines.iter().filter(|line| !is_status(line)).collect();
        Ok(vec![format!("cargo {}: {}", self.arguments.join(" "), finished.explain_with(&complaints))])
    }

    fn command(&self, left_out: &[&str], workspace: &Workspace, target: &Path) -> Command {
        let (before, after) = self.arguments.split_at(1);
        let mut command = cargo();
        command.current_dir(&workspace.root).args(before);
        command.args(left_out.iter().flat_map(|name| ["--exclude", name])).args(after);
        command.env("RUSTDOCFLAGS", "-Dwarnings").env("CARGO_TARGET_DIR", target);
        command
    }
}
