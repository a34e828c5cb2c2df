//! What the suites of one run share: the workspace, our programs and installed tools.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::cargo::cargo;
use crate::command::{Finished, Task, find_on_path};
use crate::suite::outcome::Stop;
use crate::suite::wheel::Wheel;
use crate::terminal::Progress;
use crate::workspace::Workspace;

/// What to build for our programs. A test is among it because cargo then selects the features of dependencies as for
/// `cargo test`; it is a small one.
const PROGRAMS: [&str; 8] =
    ["--workspace", "--all-features", "--bin", "longwire", "--bin", "longwire-interop", "--test", "refused"];

#[derive(Debug)]
pub(crate) struct Context<'w> {
    pub(crate) workspace: &'w Workspace,
    programs: OnceCell<bool>,
    package_lists: OnceCell<bool>,
}

impl<'w> Context<'w> {
    pub(crate) fn new(workspace: &'w Workspace) -> Self {
        Self { workspace, programs: OnceCell::new(), package_lists: OnceCell::new() }
    }

    /// The path of the program `longwire`.
    pub(crate) fn longwire(&self) -> Result<PathBuf, Stop> {
        self.program("longwire")
    }

    /// The path of the program for tests with other implementations.
    pub(crate) fn longwire_interop(&self) -> Result<PathBuf, Stop> {
        self.program("longwire-interop")
    }

    /// Builds both programs at once, on first use. The profile and the features are those of the suite `rust`, which
    /// has compiled nearly everything of them. So other programs also meet our assertions and checks of overflow.
    fn program(&self, name: &str) -> Result<PathBuf, Stop> {
        let built = self.programs.get_or_init(|| self.build("programs", &PROGRAMS));
        self.built(*built, "debug", name)
    }

    /// The path of the protocol crate's example `instructions`, in the release profile, built on first use.
    pub(crate) fn instructions(&self) -> Result<PathBuf, Stop> {
        let arguments = ["--release", "-p", "longwire-proto", "--example", "instructions"];
        let built = self.build("instructions", &arguments);
        self.built(built, "release", "examples/instructions")
    }

    fn built(&self, succeeded: bool, profile: &str, name: &str) -> Result<PathBuf, Stop> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let program = self.workspace.target.join(profile).join(file);
        if succeeded { Ok(program) } else { Err(Stop::Broken(anyhow!("the build of {name} failed"))) }
    }

    fn build(&self, name: &str, arguments: &[&str]) -> bool {
        const DEADLINE: Duration = Duration::from_secs(15 * 60);

        let mut command = cargo();
        command.current_dir(&self.workspace.root).arg("build").args(arguments);
        match self.run(command, DEADLINE, &format!("build-{name}")) {
            Ok(finished) if finished.succeeded() => true,
            Ok(finished) => {
                println!("build of {name}: {}", finished.explain());
                false
            }
            Err(error) => {
                println!("build of {name}: {error:#}");
                false
            }
        }
    }

    /// Runs a program with its own log, and shows its lines as progress.
    pub(crate) fn run(&self, command: Command, deadline: Duration, log: &str) -> Result<Finished> {
        let mut progress = Progress::start();
        let task = Task::new(command, deadline, self.workspace.log(log));
        task.run(|line| progress.say(&format!("{log}: {}", line.trim())))
    }

    /// Runs one step of installing `what`.
    pub(crate) fn install(&self, what: &str, command: Command, deadline: Duration) -> Result<(), Stop> {
        let name = Path::new(what).file_name().map_or(what.into(), |name| name.to_string_lossy());
        println!("installing {what}");
        let finished = self.run(command, deadline, &format!("install-{name}"))?;
        if finished.succeeded() {
            return Ok(());
        }
        println!("installing {what}: {}", finished.explain());
        Err(Stop::NotInstalled(format!("cannot install {what}; see {}", finished.log.display())))
    }

    /// Finds a program by one of its names, or installs the Debian packages that contain it.
    pub(crate) fn find_or_install(&self, names: &[&str], packages: &[&str]) -> Result<PathBuf, Stop> {
        if let Some(program) = find_any(names) {
            return Ok(program);
        }
        self.apt_install(packages)?;
        find_any(names).ok_or_else(|| {
            Stop::NotInstalled(format!(
                "{} was installed, but does not contain {}",
                packages.join(" "),
                names.join(" or ")
            ))
        })
    }

    /// Finds one of cargo's subcommands, or installs it for this workspace only: as a wheel if there is one and pip can
    /// install it, else from crates.io.
    pub(crate) fn find_or_cargo_install(&self, program: &str) -> Result<PathBuf, Stop> {
        if let Some(found) = find_on_path(program) {
            return Ok(found);
        }
        if let Some(installed) = self.install_wheel(program) {
            return Ok(installed);
        }
        self.cargo_install(program)
    }

    fn install_wheel(&self, program: &str) -> Option<PathBuf> {
        const DEADLINE: Duration = Duration::from_secs(2 * 60);

        let (wheel, tools) = (Wheel::of(program)?, self.workspace.tools());
        let installed = wheel.installed(&tools);
        if !installed.is_file() {
            let command = wheel.install(&find_on_path("python3")?, &tools).ok()?;
            self.install(program, command, DEADLINE).ok()?;
        }
        installed.is_file().then_some(installed)
    }

    fn cargo_install(&self, program: &str) -> Result<PathBuf, Stop> {
        const DEADLINE: Duration = Duration::from_secs(10 * 60);

        let tools = self.workspace.tools();
        let installed = tools.join("bin").join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
        if installed.is_file() {
            return Ok(installed);
        }
        let mut command = cargo();
        command.args(["install", program, "--locked", "--root"]).arg(&tools);
        // Without optimization it builds in half the time and is fast enough. Debug information is not needed.
        command.arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "0");
        self.install(program, command, DEADLINE)?;
        Ok(installed)
    }

    /// Installs the Debian packages of programs that are missing.
    pub(crate) fn apt_install_missing(&self, programs: &[(&str, &str)]) -> Result<(), Stop> {
        let is_there = |name| find_on_path(name).is_some() || Path::new("/usr/sbin").join(name).is_file();
        let missing = programs.iter().filter(|(program, _)| !is_there(program));
        let packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
        if packages.is_empty() { Ok(()) } else { self.apt_install(&packages) }
    }

    /// Installs Debian packages. Without apt or the permission to use it, the error says how to install them.
    pub(crate) fn apt_install(&self, packages: &[&str]) -> Result<(), Stop> {
        const DEADLINE: Duration = Duration::from_secs(10 * 60);

        let packages_named = packages.join(" ");
        if find_on_path("apt-get").is_none() || !is_root() {
            return Err(Stop::Unavailable(format!(
                "{packages_named} is missing: install it by hand (on Debian: `sudo apt-get install {packages_named}`)"
            )));
        }
        let apt = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            // At run level 1, services are installed but not started.
            command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").args(arguments);
            command
        };
        // Outdated package lists may do. If not, the installation fails and reports it.
        self.package_lists.get_or_init(|| self.run(apt(&["update"]), DEADLINE, "apt-get-update").is_ok());
        let mut install = apt(&["install", "-y", "--no-install-recommends"]);
        install.args(packages);
        self.install(&packages_named, install, DEADLINE)
    }
}

fn find_any(names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|name| find_on_path(name))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
