//! Python, and the packages that the tests need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::suite::context::Context;
use crate::suite::outcome::Stop;

const INSTALL_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// The Python of the virtual environment `name`, with the packages in `requirements`.
pub(crate) fn find_python(context: &Context<'_>, name: &str, requirements: &Path) -> Result<PathBuf, Stop> {
    let environment = context.workspace.tools().join(name);
    let python = environment.join("bin/python");
    let complete = environment.join("complete");
    let wanted = fs::read_to_string(requirements).with_context(|| requirements.display().to_string())?;
    if fs::read_to_string(&complete).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let mut command = Command::new(context.find_or_install(&["python3"], &["python3", "python3-venv"])?);
    command.args(["-m", "venv"]).arg(&environment);
    context.install(&format!("{name}-environment"), command, INSTALL_DEADLINE)?;
    let mut command = Command::new(&python);
    command.args(["-m", "pip", "--disable-pip-version-check", "install", "-r"]).arg(requirements);
    context.install(&format!("{name}-packages"), command, INSTALL_DEADLINE)?;
    fs::write(&complete, wanted).with_context(|| format!("writing {}", complete.display()))?;
    Ok(python)
}
