//! One measurement: a server with its nodes and their broker on one core, the load generator on another.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::brokers::Broker;
use super::figures::Sample;
use super::programs::{Programs, taskset};
use super::scenarios::{Scenario, Span};
use super::servers::{BenchServer, Program, ServerTask};
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

/// A program that was started for the measurement.
struct Running {
    server: Server,
    address: SocketAddr,
    pid: String,
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
        let mut broker = server.broker.map(|broker| self.start_broker(broker)).transpose()?;
        let mut first = self.start_node(server, task, broker.as_ref(), 0)?;
        let mut others = (1..scenario.nodes())
            .map(|number| self.start_node(server, task, broker.as_ref(), number))
            .collect::<Result<Vec<_>>>()?;

        let mut command = Command::new(&self.taskset);
        command
            .args(["-c", GENERATOR_CORE])
            .arg(self.programs.load_generator())
            .args(["--address", &first.address.to_string(), "--pid", &first.pid, "--speech", task.speech()])
            .arg("--certificate")
            .arg(self.certificates.join("ca.pem"));
        for node in &others {
            command.args(["--node", &node.address.to_string()]);
        }
        for beside in others.iter().chain(&broker) {
            command.args(["--beside", &beside.pid]);
        }
        command.args(scenario.arguments(server, &self.span));
        let time = Duration::from_secs_f64(self.span.warm_up + self.span.measured) + PATIENCE;
        let finished = Task::new(command, time, self.workspace.log("bench-load")).run(|_| {})?;
        for running in others.iter_mut().chain(&mut broker).chain([&mut first]) {
            running.server.check()?;
        }
        if !finished.succeeded() {
            bail!("the load generator: {}", finished.lines.last().map_or("no output", String::as_str));
        }
        let report = finished.lines.iter().find(|line| line.starts_with('{'));
        scenario.load.sample(report.context("the load generator reported nothing")?)
    }

    fn start_broker(&self, broker: Broker) -> Result<Running> {
        let dir = self.workspace.target.join("bench").join(broker.program());
        if dir.exists() {
            std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
        }
        self.start(broker.program(), |command, address| {
            command.arg(broker.program()).args(broker.arguments(address, &dir));
        })
    }

    fn start_node(
        &self,
        server: &BenchServer,
        task: ServerTask,
        broker: Option<&Running>,
        number: u16,
    ) -> Result<Running> {
        self.start(&format!("{}-{number}", server.name), |command, address| {
            if let (Some(broker), Some(running)) = (server.broker, broker) {
                command.envs(broker.environment(running.address));
            }
            self.add_server(command, server, task, address.port());
        })
    }

    /// Starts a program, whose command line is added. It raises the limit on descriptors, records the process id, and pins
    /// the program to a core.
    fn start(&self, name: &str, add: impl FnOnce(&mut Command, SocketAddr)) -> Result<Running> {
        const LAUNCH: &str = r#"ulimit -n "$(ulimit -H -n)"; echo $$ > "$0"; exec "$@""#;

        let address = server::free_address()?;
        let pid_file = self.workspace.target.join("bench").join(format!("{name}.pid"));
        let mut command = Command::new("sh");
        command.args(["-c", LAUNCH]).arg(&pid_file).arg(&self.taskset).args(["-c", SERVER_CORE]);
        add(&mut command, address);
        let server = Server::start(command, address, self.workspace.log(&format!("bench-{name}")))?;
        let pid = std::fs::read_to_string(&pid_file).context("the server's process")?.trim().to_owned();
        Ok(Running { server, address, pid })
    }

    /// Adds the server's program and its arguments.
    fn add_server(&self, command: &mut Command, server: &BenchServer, task: ServerTask, port: u16) {
        let (program, own_arguments) = self.programs.call(server);
        command.args(program);
        if matches!(server.program, Program::Given(_)) {
            command.env("PORT", port.to_string()).env("TASK", task.argument());
            command.env("CERTIFICATE", self.certificates.join("cert.pem"));
            command.env("KEY", self.certificates.join("key.pem"));
            return;
        }
        command.arg(port.to_string());
        // The floor has only the system interface to choose.
        if task != ServerTask::Tcp {
            command.arg(task.argument());
        }
        if task == ServerTask::Tls {
            command.arg(self.certificates.join("cert.pem")).arg(self.certificates.join("key.pem"));
        }
        command.args(own_arguments);
    }
}
