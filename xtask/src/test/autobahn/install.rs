//! Installs the suite: a package for Python 2.7, in its own virtual environment, created once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::command::find_on_path;
use crate::suite::context::Context;
use crate::suite::outcome::Stop;

/// The suite, and an optional C module that it uses for masking and UTF-8 validation. Both are the last versions for
/// Python 2.7.
const PACKAGES: [&str; 2] = ["autobahntestsuite==25.10.1", "wsaccel==0.6.2"];

/// Python runs this at the start of every program in the environment.
const SITE_CUSTOMIZE: &str = include_str!("sitecustomize.py");

/// The last version that can create environments for Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.15.1";

const DEADLINE: Duration = Duration::from_secs(5 * 60);

/// The program `wstest`.
pub(super) struct Wstest(PathBuf);

impl Wstest {
    /// `wstest` in one of its modes.
    pub(super) fn command(&self, mode: &str, spec: &Path) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["-m", mode, "-s"]).arg(spec);
        // Otherwise glibc maps and unmaps memory for every large message, which takes a quarter of the time with
        // messages of 128 KiB.
        command.env("MALLOC_MMAP_THRESHOLD_", "67108864").env("MALLOC_TRIM_THRESHOLD_", "268435456");
        command
    }
}

/// The program `wstest`, installed if it is missing.
pub(super) fn wstest(context: &Context<'_>) -> Result<Wstest, Stop> {
    let environment = context.workspace.tools().join("autobahn");
    let wstest = Wstest(environment.join("bin/wstest"));
    // Written last, so that a partial or different installation is not mistaken for this one.
    let installed = environment.join("installed.txt");
    let recipe = format!("{}\n{SITE_CUSTOMIZE}", PACKAGES.join("\n"));
    if fs::read_to_string(&installed).is_ok_and(|text| text == recipe) {
        return Ok(wstest);
    }
    let python = find_python().ok_or_else(|| {
        Stop::Unavailable(
            "the Autobahn test suite needs Python 2.7, which is neither on PATH nor in pyenv".to_owned(),
        )
    })?;
    // Installed outside of the environment, because we may not be allowed to change the interpreter's own packages.
    let virtualenv = context.workspace.tools().join("virtualenv");
    if environment.exists() {
        fs::remove_dir_all(&environment).with_context(|| format!("removing {}", environment.display()))?;
    }

    let mut command = pip(&python);
    command.args(["install", "--upgrade", "--target"]).arg(&virtualenv).arg(VIRTUALENV);
    context.install("virtualenv", command, DEADLINE)?;

    let mut command = Command::new(&python);
    command.env("PYTHONPATH", &virtualenv).args(["-m", "virtualenv"]).arg(&environment);
    context.install("autobahn-environment", command, DEADLINE)?;

    let mut command = pip(&environment.join("bin/python"));
    command.arg("install").args(PACKAGES);
    context.install("autobahntestsuite", command, DEADLINE)?;
    write(&environment.join("lib/python2.7/site-packages/sitecustomize.py"), SITE_CUSTOMIZE)?;
    write(&installed, &recipe)?;
    Ok(wstest)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--disable-pip-version-check"]);
    command
}

/// Python 2.7 on `PATH`, or among pyenv's versions.
fn find_python() -> Option<PathBuf> {
    find_on_path("python2.7").into_iter().chain(pyenv_versions()).find(|python| is_python_27(python))
}

fn pyenv_versions() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".pyenv")))
        .unwrap_or_default();
    let Ok(versions) = fs::read_dir(root.join("versions")) else { return Vec::new() };
    versions
        .filter_map(|version| Some(version.ok()?.path()))
        .filter(|version| version.file_name().is_some_and(|name| name.to_string_lossy().starts_with("2.7")))
        .map(|version| version.join("bin/python"))
        .collect()
}

/// Runs the interpreter to check its version: pyenv puts a `python2.7` on `PATH` that works only where it is selected.
fn is_python_27(python: &Path) -> bool {
    Command::new(python)
        .args(["-c", "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"])
        .output()
        .is_ok_and(|output| output.stdout == b"2.7")
}
