//! One measurement: a server on one core, the load generator on another.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::figures::Sample;
use super::programs::{Programs, taskset};
use super::scenarios::{Scenario, Span};
use super::servers::{BenchServer, ServerTask};
use crate::command::Task;
use crate::server::{self, Server};
use crate::suite::certificates;
use crate::workspace::Workspace;

const SERVER_CORE: &str = "0";
const GENERATOR_CORE: &str = "1";

/// The time allowed in addition to the measurement, for opening 10,000 connections to a slow server, and for settling.
const PATIENCE: Duration = Duration::from_secs(90);

/// The environment of the measurements.
#[derive(Debug)]
pub(super) struct Laboratory<'w> {
    workspace: &'w Workspace,
    programs: &'w Programs,
    taskset: PathBuf,
    certificates: PathBuf,
    span: Span,
}

impl<'w> Laboratory<'w> {
    pub(super) fn new(workspace: &'w Workspace, programs: &'w Programs, span: Span) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        ensure!(cores >= 2, "the server and the load generator need a core each; this machine has {cores}");
        Ok(Self {
            workspace,
            programs,
            taskset: taskset()?,
            certificates: certificates::make(&workspace.target)?,
            span,
        })
    }

    /// Starts a new server process and measures it.
    pub(super) fn measure(
        &self,
        server: &BenchServer,
        task: ServerTask,
        scenario: &Scenario,
    ) -> Result<Sample> {
        let address = server::free_address()?;
        let pid_file = self.workspace.target.join("bench/server.pid");
        let log = self.workspace.log(&format!("bench-{}", server.name));
        let command = self.server_command(server, task, address.port(), &pid_file);
        let mut running = Server::start(command, address, log)?;
        let pid = std::fs::read_to_string(&pid_file).context("the server's process")?;

        let mut command = Command::new(&self.taskset);
        command
            .args(["-c", GENERATOR_CORE])
            .arg(self.programs.load_generator())
            .args(["--address", &address.to_string(), "--pid", pid.trim(), "--speech", task.speech()])
            .arg("--certificate")
            .arg(self.certificates.join("ca.pem"))
            .args(scenario.arguments(server, &self.span));
        let time = Duration::from_secs_f64(self.span.warm_up + self.span.measured) + PATIENCE;
        let finished = Task::new(command, time, self.workspace.log("bench-load")).run(|_| {})?;
        running.check()?;
        if !finished.succeeded() {
            bail!("the load generator: {}", finished.lines.last().map_or("no output", String::as_str));
        }
        let report = finished.lines.iter().find(|line| line.starts_with('{'));
        scenario.load.sample(report.context("the load generator reported nothing")?)
    }

    /// The server's command. It raises the limit on descriptors, records the process id, and pins the server to a core.
    fn server_command(
        &self,
        server: &BenchServer,
        task: ServerTask,
        port: u16,
        pid_file: &PathBuf,
    ) -> Command {
        const LAUNCH: &str = r#"ulimit -n "$(ulimit -H -n)"; echo $$ > "$0"; exec "$@""#;

        let (program, own_arguments) = self.programs.call(server);
        let mut command = Command::new("sh");
        command.args(["-c", LAUNCH]).arg(pid_file).arg(&self.taskset).args(["-c", SERVER_CORE]);
        command.args(program).arg(port.to_string());
        // The floor has only the system interface to choose.
        if task != ServerTask::Tcp {
            command.arg(task.argument());
        }
        if task == ServerTask::Tls {
            command.arg(self.certificates.join("cert.pem")).arg(self.certificates.join("key.pem"));
        }
        command.args(own_arguments);
        command
    }
}
