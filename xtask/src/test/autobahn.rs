//! The Autobahn test suite, against our server and against our client.

mod install;
mod verdict;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::command::{Finished, Task};
use crate::server::{Server, free_address};
use crate::terminal::Progress;
use crate::test::context::Context;
use crate::test::outcome::{Outcome, Stop};

/// How the reports call us.
const AGENT: &str = "longwire";

/// All sections but 12 and 13, which are about compression.
const SECTIONS: [&str; 9] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];

/// How many cases these sections have in the version that is installed.
const CASES: usize = 301;

const DEADLINE: Duration = Duration::from_secs(12 * 60);

/// The suite as a client of `longwire serve`.
pub(crate) fn server(context: &Context<'_>) -> Result<Outcome, Stop> {
    let wstest = install::wstest(context)?;
    let role = Role::new(context, "server")?;
    let address = free_address()?;
    let mut serve = Command::new(context.longwire()?);
    serve.args(["serve", "--listen", &address.to_string()]);
    let mut server = Server::start(serve, address, context.workspace.log("autobahn-server-longwire"))?;

    let url = format!("ws://{address}/echo");
    let spec = role.write_spec(json!({ "servers": [{ "agent": AGENT, "url": url }] }))?;
    let mut client = Command::new(wstest);
    client.args(["-m", "fuzzingclient", "-s"]).arg(spec);
    let finished = role.run(context, client, |line| line.starts_with("Running test case ID"))?;
    let mut outcome = role.judge(&finished)?;
    if let Err(error) = server.check() {
        outcome.failed += 1;
        outcome.notes.push(format!("{error:#}"));
    }
    Ok(outcome)
}

/// The suite as a server of our client.
pub(crate) fn client(context: &Context<'_>) -> Result<Outcome, Stop> {
    let wstest = install::wstest(context)?;
    let role = Role::new(context, "client")?;
    let address = free_address()?;
    let url = format!("ws://{address}");
    let spec = role.write_spec(json!({ "url": url }))?;
    let mut serve = Command::new(wstest);
    serve.args(["-m", "fuzzingserver", "--webport", "0", "-s"]).arg(spec);
    let log = context.workspace.log("autobahn-client-wstest");
    let _server = Server::start(serve, address, log)?;

    let mut client = Command::new(context.autobahn_client()?);
    client.arg(url);
    let finished = role.run(context, client, |line| line.contains("case"))?;
    Ok(role.judge(&finished)?)
}

/// One of the two roles that we are tested in.
struct Role {
    name: &'static str,
    reports: PathBuf,
}

impl Role {
    /// Begins with no reports, so that those of an earlier run cannot be taken for this one's.
    fn new(context: &Context<'_>, name: &'static str) -> Result<Self> {
        let reports = context.workspace.target.join("autobahn").join(name);
        if reports.exists() {
            fs::remove_dir_all(&reports).with_context(|| format!("removing {}", reports.display()))?;
        }
        fs::create_dir_all(&reports).with_context(|| format!("creating {}", reports.display()))?;
        Ok(Self { name, reports })
    }

    /// Writes the file that tells `wstest` what to do; `end` says what only one of the roles needs.
    fn write_spec(&self, end: Value) -> Result<PathBuf> {
        let mut spec = json!({
            "outdir": self.reports,
            "cases": SECTIONS,
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

    fn run(
        &self,
        context: &Context<'_>,
        command: Command,
        begins_case: impl Fn(&str) -> bool,
    ) -> Result<Finished> {
        let mut progress = Progress::start();
        let mut case = 0;
        let log = context.workspace.log(&format!("autobahn-{}", self.name));
        Task::new(command, DEADLINE, log).run(|line| {
            if begins_case(line) {
                case += 1;
                progress.say(&format!("autobahn {}: case {case} of {CASES}", self.name));
            }
        })
    }

    fn judge(&self, finished: &Finished) -> Result<Outcome> {
        let mut outcome = verdict::judge(&self.reports, AGENT, CASES)?;
        if !finished.succeeded() {
            println!("autobahn {}: {}", self.name, finished.explain());
        }
        outcome.agree_with("autobahn", finished);
        Ok(outcome)
    }
}
