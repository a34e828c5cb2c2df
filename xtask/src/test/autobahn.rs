//! The Autobahn test suite, against our server and against our client.

mod install;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Value, json};

use crate::command::{Finished, Task};
use crate::server::{Server, free_address};
use crate::terminal::Progress;
use crate::test::autobahn::install::Wstest;
use crate::test::context::Context;
use crate::test::outcome::{Outcome, Stop};
use crate::workspace::Workspace;

/// How the reports call us.
const AGENT: &str = "longwire";

/// Cases to run, by the suite's patterns, and how many the version that is installed has of them.
#[derive(Clone, Copy)]
struct Cases {
    patterns: &'static [&'static str],
    count: usize,
}

const ALL: Cases = Cases { patterns: &["*"], count: 517 };

/// All but most of the compressed ones, of which there are many of each kind.
const WITHOUT_BULK: Cases = Cases {
    patterns: &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.1.*"],
    count: 319,
};

/// Sections 12 and 13 send 11 GB through each role, which takes some twelve minutes of two cores.
const DEADLINE: Duration = Duration::from_secs(40 * 60);

/// The suite as a client of `longwire serve`, and as a server of our client, which also receives and sends in pieces.
/// All at the same time, since each role waits for one thing at a time and keeps no more than one core busy.
pub(crate) fn run(context: &Context<'_>) -> Result<Outcome, Stop> {
    let wstest = install::wstest(context)?;
    let (longwire, client) = (context.longwire()?, context.longwire_interop()?);
    let begun = Begun::default();
    let server_role = Role::new(context.workspace, &begun, "server", ALL)?;
    let client_role = Role::new(context.workspace, &begun, "client", ALL)?;
    let pieces_role = Role::new(context.workspace, &begun, "client-in-pieces", WITHOUT_BULK)?;
    thread::scope(|scope| {
        let others = [
            scope.spawn(|| server_role.test_server(&wstest, &longwire)),
            scope.spawn(|| pieces_role.test_client(&wstest, &client, &["--in-pieces"])),
        ];
        let mut outcome = client_role.test_client(&wstest, &client, &[])?;
        for other in others {
            outcome.add(other.join().map_err(|_| anyhow!("one of the roles could not be followed"))??);
        }
        Ok(outcome)
    })
}

/// How many cases have begun, in all roles.
struct Begun(Mutex<(usize, Progress)>);

impl Default for Begun {
    fn default() -> Self {
        Self(Mutex::new((0, Progress::start())))
    }
}

impl Begun {
    fn add(&self) {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (cases, progress) = &mut *begun;
        *cases += 1;
        progress.say(&format!("autobahn: case {cases} of {}", 2 * ALL.count + WITHOUT_BULK.count));
    }
}

/// One of the roles that we are tested in.
struct Role<'r> {
    name: &'static str,
    cases: Cases,
    workspace: &'r Workspace,
    begun: &'r Begun,
    reports: PathBuf,
}

impl<'r> Role<'r> {
    /// Begins with no reports, so that those of an earlier run cannot be taken for this one's.
    fn new(workspace: &'r Workspace, begun: &'r Begun, name: &'static str, cases: Cases) -> Result<Self> {
        let reports = workspace.target.join("autobahn").join(name);
        if reports.exists() {
            fs::remove_dir_all(&reports).with_context(|| format!("removing {}", reports.display()))?;
        }
        fs::create_dir_all(&reports).with_context(|| format!("creating {}", reports.display()))?;
        Ok(Self { name, cases, workspace, begun, reports })
    }

    fn test_server(&self, wstest: &Wstest, longwire: &Path) -> Result<Outcome> {
        let address = free_address()?;
        let mut serve = Command::new(longwire);
        serve.args(["serve", "--listen", &address.to_string()]);
        let mut server = Server::start(serve, address, self.workspace.log("autobahn-server-longwire"))?;

        let url = format!("ws://{address}/echo");
        let spec = self.write_spec(json!({ "servers": [{ "agent": AGENT, "url": url }] }))?;
        let client = wstest.command("fuzzingclient", &spec);
        let finished = self.run(client, |line| line.starts_with("Running test case ID"))?;
        let mut outcome = self.judge(&finished)?;
        if let Err(error) = server.check() {
            outcome.failed += 1;
            outcome.notes.push(format!("{error:#}"));
        }
        Ok(outcome)
    }

    fn test_client(&self, wstest: &Wstest, client: &Path, options: &[&str]) -> Result<Outcome> {
        let address = free_address()?;
        let url = format!("ws://{address}");
        let spec = self.write_spec(json!({ "url": url }))?;
        let mut serve = wstest.command("fuzzingserver", &spec);
        serve.args(["--webport", "0"]);
        let _server =
            Server::start(serve, address, self.workspace.log(&format!("autobahn-{}-wstest", self.name)))?;

        let mut command = Command::new(client);
        command.args(["autobahn", &url]).args(options);
        let finished = self.run(command, |line| line.starts_with("case "))?;
        self.judge(&finished)
    }

    /// Writes the file that tells `wstest` what to do; `end` says what only one of the roles needs.
    fn write_spec(&self, end: Value) -> Result<PathBuf> {
        let mut spec = json!({
            "outdir": self.reports,
            "cases": self.cases.patterns,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        });
        if let (Value::Object(spec), Value::Object(end)) = (&mut spec, end) {
            spec.extend(end);
        }
        let path = self.reports.join("spec.json");
        fs::write(&path, spec.to_string()).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    fn run(&self, command: Command, begins_case: impl Fn(&str) -> bool) -> Result<Finished> {
        let log = self.workspace.log(&format!("autobahn-{}", self.name));
        Task::new(command, DEADLINE, log).run(|line| {
            if begins_case(line) {
                self.begun.add();
            }
        })
    }

    fn judge(&self, finished: &Finished) -> Result<Outcome> {
        let name = format!("autobahn, role {}", self.name);
        let mut outcome = verdict::judge(&self.reports, AGENT, self.cases.count)?;
        if !finished.succeeded() {
            println!("{name}: {}", finished.explain());
        }
        outcome.agree_with(&name, finished);
        Ok(outcome)
    }
}
