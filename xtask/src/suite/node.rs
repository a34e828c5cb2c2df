//! Node, and the npm packages that the tests need.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::suite::context::Context;
use crate::suite::outcome::Stop;

const INSTALL_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// The first version whose test runner has everything that the tests use.
const OLDEST_NODE: u32 = 20;

/// Finds Node, or installs it, and checks its version.
pub(crate) fn find_node(context: &Context<'_>) -> Result<PathBuf, Stop> {
    let node = context.find_or_install(&["node"], &["nodejs", "npm"])?;
    let output = Command::new(&node).arg("--version").output().context("cannot start node")?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(node),
        _ => Err(Stop::Unavailable(format!(
            "Node {OLDEST_NODE} or newer is needed, and {} is {version}",
            node.display()
        ))),
    }
}

/// The major version in `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Runs `npm ci`, unless the last installation is newer than the lock file.
pub(crate) fn install_packages(context: &Context<'_>, interop: &Path) -> Result<(), Stop> {
    let changed = |path: &str| std::fs::metadata(interop.join(path)).and_then(|file| file.modified());
    let locked = changed("package-lock.json").context("interop/package-lock.json")?;
    if changed("node_modules/.package-lock.json").is_ok_and(|installed| installed >= locked) {
        return Ok(());
    }
    let npm = context.find_or_install(&["npm"], &["npm"])?;
    let mut command = Command::new(npm);
    command.current_dir(interop).args(["ci", "--no-audit", "--no-fund"]);
    context.install("npm-packages", command, INSTALL_DEADLINE)
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
