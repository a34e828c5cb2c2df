//! The nightly toolchain, for fuzzing and sanitizers.

use std::process::Command;

use crate::cargo::set_up;

/// An installed nightly toolchain.
#[derive(Debug, Clone)]
pub(crate) struct Nightly {
    /// The target triple of this machine.
    pub(crate) host: String,
}

impl Nightly {
    /// The nightly toolchain, if rustup has one. It is never installed automatically.
    pub(crate) fn find() -> Option<Self> {
        let output = on_nightly(Command::new("rustc")).arg("-vV").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
        // Without rustup, `rustc` may be any toolchain.
        field("release:").filter(|release| release.contains("nightly"))?;
        Some(Self { host: field("host:")?.to_owned() })
    }

    /// A command for a program that calls cargo, set up to use the nightly one.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        on_nightly(Command::new(program))
    }
}

fn on_nightly(mut command: Command) -> Command {
    // `cargo xtask` sets `CARGO` to the cargo of another toolchain.
    set_up(&mut command);
    command.env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO");
    command
}
