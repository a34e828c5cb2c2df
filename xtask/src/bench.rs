//! `cargo xtask bench`: compares our servers with others.

mod brokers;
mod crowd;
mod figures;
mod given_peer;
mod goals;
mod hub_load;
mod machine;
mod million;
mod plot;
mod programs;
mod report;
mod results;
mod saving;
mod scenarios;
mod section;
mod servers;
mod shuffle;
mod trial;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::{Args, Subcommand};

use self::crowd::options::CrowdOptions;
use self::figures::{Samples, spread};
use self::given_peer::GivenPeer;
use self::machine::Versions;
use self::programs::Programs;
use self::report::{Report, number};
use self::results::{Measured, Results};
use self::saving::{replace, save};
use self::scenarios::{SCENARIOS, Scenario, Span};
use self::section::Section;
use self::servers::{BenchServer, Program, SERVERS};
use self::shuffle::shuffle;
use self::trial::Laboratory;
use crate::suite::context::Context;
use crate::terminal;
use crate::workspace::Workspace;

/// What to measure, and for how long.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    other: Option<Other>,
    /// The scenarios to measure [default: all]
    #[arg(long, num_args = 1..)]
    scenario: Vec<String>,
    /// The servers to measure [default: all]. The page is written only if all are measured
    #[arg(long, num_args = 1..)]
    server: Vec<String>,
    /// Measure a server of your own, too: a command that listens on `127.0.0.1:$PORT` (repeatable)
    ///
    /// It sends each message back, in one process. With NAME:TASK,TASK…=COMMAND it is started for each of the tasks `echo`,
    /// `deflate` (with permessage-deflate), `tls` ($CERTIFICATE and $KEY are PEM files) and `broadcast` (each message goes to
    /// all connections, its sender included); $TASK says for which. A shell runs the command with `exec` before it, so a
    /// script ends with an `exec` of its server.
    #[arg(long, value_name = "NAME=COMMAND")]
    peer: Vec<GivenPeer>,
    /// Compare hubs, and write their section of the page
    #[arg(long, conflicts_with = "socketio")]
    hub: bool,
    /// Compare Socket.IO servers, and write their section of the page
    #[arg(long)]
    socketio: bool,
    /// Compare hubs of several nodes, and write their section of the page
    #[arg(long, conflicts_with_all = ["hub", "socketio"])]
    nodes: bool,
    /// How many times each server is measured in each scenario
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long each measurement takes, in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Check that everything works, with one short round and without keeping the results
    #[arg(long)]
    quick: bool,
    /// Measure nothing, and write the page from earlier results
    #[arg(long, conflicts_with_all = ["quick", "scenario", "server"])]
    write: bool,
    /// List the scenarios and servers instead of measuring them
    #[arg(long)]
    list: bool,
}

/// Measurements of another kind.
#[derive(Debug, Subcommand)]
enum Other {
    /// Hold as many connections as this machine allows, publish to them, cut half of them, and write the section of the page
    Crowd(CrowdOptions),
    /// Simulate a million connections of one event loop, without a network, and write the section of the page
    Million,
}

/// Measures, saves the results, and writes `docs/benchmarks.md` with its charts.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    match &options.other {
        Some(Other::Crowd(options)) => return crowd::run(workspace, options),
        Some(Other::Million) => {
            let text = million::section(workspace)?;
            return replace(workspace, &workspace.root.join("docs"), Section::Million, &text);
        }
        None => {}
    }
    let section = options.section();
    let mut scenarios = chosen(&options.scenario, SCENARIOS, scenarios::find, "scenario")?;
    scenarios.retain(|scenario| scenario.task.section() == section);
    let mut servers: Vec<&BenchServer> = chosen(&options.server, SERVERS, servers::find, "server")?;
    let peers: Vec<BenchServer> = options.peer.iter().map(|peer| peer.0).collect();
    servers.extend(&peers);
    let names: BTreeSet<&str> = servers.iter().map(|server| server.name).collect();
    ensure!(names.len() == servers.len(), "each server is measured under a name of its own");
    servers.retain(|server| scenarios.iter().any(|scenario| scenario.task_of(server).is_some()));
    if options.list {
        scenarios.iter().for_each(|scenario| println!("{:18} {}", scenario.name, scenario.title));
        servers.iter().for_each(|server| println!("{:18} {:?}", server.name, server.tasks));
        return Ok(());
    }
    let dir = workspace.target.join("bench");
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    let file = dir.join("results.json");
    let mut results = if options.quick { Results::default() } else { Results::load(&file)? };
    let programs = Programs::prepare(&Context::new(workspace), &servers)?;
    if !options.write {
        let laboratory = Laboratory::new(workspace, &programs, options.span())?;
        for scenario in scenarios {
            let measured = compare(&laboratory, &programs, scenario, &servers, options.rounds());
            results.replace(scenario.name, measured);
            if !options.quick && options.server.is_empty() {
                results.save(&file)?;
            }
        }
    }
    let notes = workspace.root.join(section.notes());
    let report = Report {
        results: &results,
        versions: &Versions::find(&workspace.root.join("bench"), &programs)?,
        command: options.command(),
        notes: std::fs::read_to_string(&notes).with_context(|| format!("reading {}", notes.display()))?,
    };
    let kept = !options.quick && options.server.is_empty();
    let dir = if kept { workspace.root.join("docs") } else { dir };
    write(&report, section, &dir, workspace)
}

impl Options {
    fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    fn span(&self) -> Span {
        if self.quick {
            Span { warm_up: 0.2, measured: 0.5 }
        } else {
            Span { warm_up: 0.5, measured: self.seconds }
        }
    }

    fn section(&self) -> Section {
        match (self.hub, self.socketio, self.nodes) {
            (true, _, _) => Section::Hub,
            (_, true, _) => Section::SocketIo,
            (_, _, true) => Section::Nodes,
            (false, false, false) => Section::WebSocket,
        }
    }

    fn command(&self) -> String {
        let option = self.section().option();
        format!("cargo xtask bench{option} --rounds {} --seconds {}", self.rounds(), self.span().measured)
    }
}

/// The named items, or all of them.
fn chosen<T>(
    names: &[String],
    all: &'static [T],
    find: fn(&str) -> Option<&'static T>,
    what: &str,
) -> Result<Vec<&'static T>> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let named = |name: &String| {
        find(name).ok_or_else(|| anyhow!("there is no {what} {name}; `cargo xtask bench --list` shows them"))
    };
    names.iter().map(named).collect()
}

/// Measures the servers in a different order in each round. A server that fails is left out of later rounds.
fn compare(
    laboratory: &Laboratory<'_>,
    programs: &Programs,
    scenario: &Scenario,
    servers: &[&BenchServer],
    rounds: u32,
) -> Measured {
    terminal::heading(&format!("{} · {}", scenario.name, scenario.title));
    let mut measured = Measured::default();
    let mut playing = Vec::new();
    for server in servers {
        if matches!(server.program, Program::Given(_)) {
            measured.given.insert(server.name.to_owned());
        }
        match (scenario.task_of(server), programs.missing.get(server.name)) {
            (Some(task), None) => playing.push((*server, task)),
            (Some(_), Some(why)) => drop(measured.failures.insert(server.name.to_owned(), why.clone())),
            (None, _) => {}
        }
    }
    for round in 0..rounds {
        shuffle(&mut playing);
        playing.retain(|(server, task)| match laboratory.measure(server, *task, scenario) {
            Ok(sample) => {
                measured.servers.entry(server.name.to_owned()).or_default().insert(round, sample);
                true
            }
            Err(error) => {
                println!("{}: {error:#}", server.name);
                measured.failures.insert(server.name.to_owned(), format!("{error:#}"));
                false
            }
        });
    }
    for (server, samples) in &measured.servers {
        println!("{server:20} {}", summary(scenario, samples));
    }
    measured
}

/// The main figure, from its minimum to its maximum.
fn summary(scenario: &Scenario, samples: &Samples) -> String {
    spread(samples, scenario.load.main_figure()).map_or_else(String::new, |spread| {
        format!("{:>10}   {} – {}", number(spread.median), number(spread.least), number(spread.most))
    })
}

/// Writes the tables and charts of a section into a folder.
fn write(report: &Report<'_>, section: Section, dir: &Path, workspace: &Workspace) -> Result<()> {
    replace(workspace, dir, section, &report.section(section))?;
    if section == Section::WebSocket {
        save(workspace, &dir.join("benchmarks.svg"), &report.costs().svg())?;
        save(workspace, &dir.join("benchmarks-idle.svg"), &report.memory().svg())?;
    }
    Ok(())
}
