//! The suite itself: a package for Python 2.7, in a virtual environment of its own, made once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::command::find_on_path;
use crate::test::context::Context;
use crate::test::outcome::Stop;

const PACKAGE: &str = "autobahntestsuite==25.10.1";

/// The last that can make an environment for Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.15.1";

const DEADLINE: Duration = Duration::from_secs(5 * 60);

/// The program `wstest`, installed when it is not there yet.
pub(super) fn wstest(context: &Context<'_>) -> Result<PathBuf, Stop> {
    let environment = context.workspace.tools().join("autobahn");
    let wstest = environment.join("bin/wstest");
    if wstest.is_file() {
        return Ok(wstest);
    }
    let python = find_python().ok_or_else(|| {
        Stop::Unavailable(
            "the Autobahn test suite needs Python 2.7, which is neither on PATH nor in pyenv".to_owned(),
        )
    })?;
    // Installed beside the environment, since the interpreter's own packages may not be ours to change.
    let virtualenv = context.workspace.tools().join("virtualenv");
    if environment.exists() {
        std::fs::remove_dir_all(&environment)
            .with_context(|| format!("removing {}", environment.display()))?;
    }

    let mut command = pip(&python);
    command.args(["install", "--upgrade", "--target"]).arg(&virtualenv).arg(VIRTUALENV);
    context.install("virtualenv", command, DEADLINE)?;

    let mut command = Command::new(&python);
    command.env("PYTHONPATH", &virtualenv).args(["-m", "virtualenv"]).arg(&environment);
    context.install("autobahn-environment", command, DEADLINE)?;

    let mut command = pip(&environment.join("bin/python"));
    command.args(["install", PACKAGE]);
    context.install("autobahntestsuite", command, DEADLINE)?;
    Ok(wstest)
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--disable-pip-version-check"]);
    command
}

/// Python 2.7 on `PATH`, or among the versions that pyenv keeps.
fn find_python() -> Option<PathBuf> {
    find_on_path("python2.7").into_iter().chain(pyenv_versions()).find(|python| is_python_27(python))
}

fn pyenv_versions() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".pyenv")))
        .unwrap_or_default();
    let Ok(versions) = std::fs::read_dir(root.join("versions")) else { return Vec::new() };
    versions
        .filter_map(|version| Some(version.ok()?.path()))
        .filter(|version| version.file_name().is_some_and(|name| name.to_string_lossy().starts_with("2.7")))
        .map(|version| version.join("bin/python"))
        .collect()
}

/// Asked, not believed: pyenv puts a `python2.7` on `PATH` that works only in directories where it is chosen.
fn is_python_27(python: &Path) -> bool {
    Command::new(python)
        .args(["-c", "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"])
        .output()
        .is_ok_and(|output| output.stdout == b"2.7")
}
