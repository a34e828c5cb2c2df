//! Builds and installs the servers and the load generator.

use std::collections::BTreeMap;
use std::iter;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::servers::{BenchServer, Program};
use crate::cargo::cargo;
use crate::command::find_on_path;
use crate::suite::context::Context;
use crate::suite::outcome::Stop;

/// Enough to build all servers from scratch with whole-program optimization.
const BUILD_DEADLINE: Duration = Duration::from_secs(60 * 60);

/// The version of `sockudo` that is installed.
pub(super) const SOCKUDO: &str = "5.2.0";

const INSTALL_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// The paths of the programs.
#[derive(Debug)]
pub(super) struct Programs {
    bench: PathBuf,
    built: PathBuf,
    python: Option<PathBuf>,
    node: bool,
    sockudo: PathBuf,
    /// Servers that cannot run here, with the reason.
    pub(super) missing: BTreeMap<&'static str, String>,
}

impl Programs {
    /// Builds and installs what these servers need. A server in another language that is unavailable is left out.
    pub(super) fn prepare(context: &Context<'_>, servers: &[&BenchServer]) -> Result<Self> {
        let mut programs = Self {
            bench: context.workspace.root.join("bench"),
            built: context.workspace.target.join("bench/release"),
            python: None,
            node: false,
            sockudo: context.workspace.tools().join("sockudo"),
            missing: BTreeMap::new(),
        };
        let packages = servers.iter().filter_map(|server| match server.program {
            Program::Rust { package, .. } => Some(package),
            _ => None,
        });
        build(context, &iter::once("bench-load").chain(packages).collect::<Vec<_>>())?;
        for server in servers {
            let installed = match server.program {
                Program::Rust { .. } | Program::Given(_) => Ok(()),
                Program::Node(_) | Program::Bun(_) => programs.install_node_packages(context),
                Program::Python(_) => programs.install_python_packages(context),
                Program::Hub => programs.build_hub(context).map_err(Stop::Broken),
                Program::Sockudo => programs.install_sockudo(context),
            };
            let broker = server.broker.map_or(Ok(()), |broker| {
                context.find_or_install(&[broker.program()], &[broker.program()]).map(drop)
            });
            match installed.and(broker) {
                Ok(()) => {}
                Err(Stop::Broken(error)) => return Err(error),
                Err(Stop::Unavailable(why) | Stop::NotInstalled(why)) => {
                    programs.missing.insert(server.name, why);
                }
            }
        }
        Ok(programs)
    }

    /// Builds `longwire` as it is released.
    fn build_hub(&self, context: &Context<'_>) -> Result<()> {
        let mut command = cargo();
        command
            .current_dir(&context.workspace.root)
            .args(["build", "--release", "-p", "longwire-cli", "--target-dir"])
            .arg(context.workspace.target.join("bench"));
        let finished = context.run(command, BUILD_DEADLINE, "build-hub")?;
        ensure!(finished.succeeded(), "building longwire: {}", finished.explain());
        Ok(())
    }

    fn install_sockudo(&self, context: &Context<'_>) -> Result<(), Stop> {
        if self.sockudo.join("bin/sockudo").is_file() {
            return Ok(());
        }
        context.find_or_install(&["protoc"], &["protobuf-compiler"])?;
        let mut command = cargo();
        command.args(["install", "sockudo", "--locked", "--version", SOCKUDO, "--root"]).arg(&self.sockudo);
        context.install("bench-sockudo", command, BUILD_DEADLINE)
    }

    fn install_node_packages(&mut self, context: &Context<'_>) -> Result<(), Stop> {
        if self.node {
            return Ok(());
        }
        context.find_or_install(&["node"], &["nodejs", "npm"])?;
        let dir = self.bench.join("peers/node");
        let changed = |path: &str| std::fs::metadata(dir.join(path)).and_then(|file| file.modified());
        let locked = changed("package-lock.json").context("bench/peers/node/package-lock.json")?;
        if !changed("node_modules/.package-lock.json").is_ok_and(|installed| installed >= locked) {
            let mut command = Command::new(context.find_or_install(&["npm"], &["npm"])?);
            command.current_dir(&dir).args(["ci", "--no-audit", "--no-fund"]);
            context.install("bench-npm-packages", command, INSTALL_DEADLINE)?;
        }
        self.node = true;
        Ok(())
    }

    fn install_python_packages(&mut self, context: &Context<'_>) -> Result<(), Stop> {
        let environment = context.workspace.tools().join("bench-python");
        let python = environment.join("bin/python");
        if !environment.join("bin/websockets").is_file() {
            let mut command =
                Command::new(context.find_or_install(&["python3"], &["python3", "python3-venv"])?);
            command.args(["-m", "venv"]).arg(&environment);
            context.install("bench-python-environment", command, INSTALL_DEADLINE)?;
            let mut command = Command::new(&python);
            command
                .args(["-m", "pip", "--disable-pip-version-check", "install", "-r"])
                .arg(self.bench.join("peers/python/requirements.txt"));
            context.install("bench-python-packages", command, INSTALL_DEADLINE)?;
        }
        self.python = Some(python);
        Ok(())
    }

    pub(super) fn load_generator(&self) -> PathBuf {
        self.built.join("bench-load")
    }

    /// The server's command line. The common arguments go between the two parts.
    pub(super) fn call(&self, server: &BenchServer) -> (Vec<PathBuf>, &'static [&'static str]) {
        let node = self.bench.join("peers/node");
        match server.program {
            Program::Rust { package, arguments } => (vec![self.built.join(package)], arguments),
            Program::Node(script) => (vec!["node".into(), node.join(script)], &[]),
            Program::Bun(script) => (vec![self.bun(), node.join(script)], &[]),
            Program::Python(script) => {
                let python = self.python.clone().unwrap_or_else(|| "python3".into());
                (vec![python, self.bench.join("peers/python").join(script)], &[])
            }
            Program::Hub => {
                (vec!["sh".into(), self.bench.join("hub/longwire.sh"), self.built.join("longwire")], &[])
            }
            // The shell becomes the server, whose CPU time and memory are measured.
            Program::Given(command) => {
                (vec!["sh".into(), "-c".into(), format!("exec {command}").into()], &[])
            }
            Program::Sockudo => {
                let program = self.sockudo.join("bin/sockudo");
                (vec!["sh".into(), self.bench.join("hub/sockudo.sh"), program], &[])
            }
        }
    }

    pub(super) fn bun(&self) -> PathBuf {
        self.bench.join("peers/node/node_modules/@oven/bun-linux-x64/bin/bun")
    }
}

/// Builds packages of `bench/`. Returns the folder with the programs.
pub(super) fn build(context: &Context<'_>, packages: &[&str]) -> Result<PathBuf> {
    let target = context.workspace.target.join("bench");
    let mut command = cargo();
    command
        .current_dir(context.workspace.root.join("bench"))
        .args(["build", "--release", "--target-dir"])
        .arg(&target)
        .args(packages.iter().flat_map(|package| ["-p", package]));
    let finished = context.run(command, BUILD_DEADLINE, "build-bench")?;
    ensure!(finished.succeeded(), "building bench/: {}", finished.explain());
    Ok(target.join("release"))
}

/// The program that pins other programs to a core.
pub(super) fn taskset() -> Result<PathBuf> {
    find_on_path("taskset").context("`taskset` is missing: install util-linux")
}
