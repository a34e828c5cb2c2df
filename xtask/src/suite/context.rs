//! What the suites of one run share: the workspace, the release build and installed tools.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::cargo::cargo;
use crate::command::{Finished, Task, find_on_path};
use crate::suite::outcome::Stop;
use crate::terminal::Progress;
use crate::workspace::Workspace;

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

    /// Builds both programs at once, on first use, so that their dependencies are built only once.
    fn program(&self, name: &str) -> Result<PathBuf, Stop> {
        let arguments = ["-p", "longwire-cli", "-p", "longwire-interop"];
        let built = self.programs.get_or_init(|| self.build("programs", &arguments));
        self.released(*built, name)
    }

    /// The path of the protocol crate's example `instructions`, built on first use.
    pub(crate) fn instructions(&self) -> Result<PathBuf, Stop> {
        let built = self.build("instructions", &["-p", "longwire-proto", "--example", "instructions"]);
        self.released(built, "examples/instructions")
    }

    fn released(&self, built: bool, name: &str) -> Result<PathBuf, Stop> {
        let program =
            self.workspace.target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if built { Ok(program) } else { Err(Stop::Broken(anyhow!("the release build of {name} failed"))) }
    }

    fn build(&self, name: &str, arguments: &[&str]) -> bool {
        const DEADLINE: Duration = Duration::from_secs(15 * 60);

        let mut command = cargo();
        command.current_dir(&self.workspace.root).args(["build", "--release"]).args(arguments);
        match self.run(command, DEADLINE, &format!("build-{name}")) {
            Ok(finished) if finished.succeeded() => true,
            Ok(finished) => {
                println!("release build of {name}: {}", finished.explain());
                false
            }
            Err(error) => {
                println!("release build of {name}: {error:#}");
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

    /// Finds one of cargo's subcommands, or installs it from crates.io for this workspace only.
    pub(crate) fn find_or_cargo_install(&self, program: &str) -> Result<PathBuf, Stop> {
        const DEADLINE: Duration = Duration::from_secs(10 * 60);

        let tools = self.workspace.tools();
        let installed = tools.join("bin").join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
        if let Some(found) = find_on_path(program).or_else(|| installed.is_file().then(|| installed.clone()))
        {
            return Ok(found);
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
