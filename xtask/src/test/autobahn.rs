//! The Autobahn test suite, against our server and against our client.

mod install;
mod verdict;

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Value, json};

use crate::command::{Finished, Task};
use crate::server::{Server, free_address};
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};
use crate::terminal::Progress;
use crate::test::autobahn::install::Wstest;
use crate::test::extent::Extent;
use crate::workspace::Workspace;

/// Our name in the reports.
const AGENT: &str = "longwire";

/// Cases to run, as patterns of the suite, and their number in the installed version.
#[derive(Debug)]
struct CaseSet {
    patterns: Vec<String>,
    count: usize,
}

/// The sections without compression.
const UNCOMPRESSED: [&str; 9] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];
const UNCOMPRESSED_COUNT: usize = 301;

/// The sections with compression: text and binary data in 12, parameters of the extension in 13.
const COMPRESSED: [(u32, RangeInclusive<u32>); 2] = [(12, 1..=5), (13, 1..=7)];

/// Each of their subsections has 18 cases, which send a thousand messages each: whole messages of 16 bytes to 128 KiB
/// in ten cases, then fragmented ones of 8 to 128 KiB in eight.
const EACH: usize = 18;

/// The sample of a subsection: messages of 16 bytes, 4 KiB and 64 KiB, one for each encoding of the length; and of 8 KiB
/// in fragments of 256 bytes.
const SAMPLE: [u32; 4] = [1, 5, 9, 11];

impl CaseSet {
    fn all() -> Self {
        Self { patterns: vec!["*".to_owned()], count: UNCOMPRESSED_COUNT + 12 * EACH }
    }

    /// The whole first subsection with compression, which has all sizes. The others repeat these sizes with other data
    /// and parameters, so a sample of each is enough.
    fn sampled() -> Self {
        let mut set = Self::uncompressed().with("12.1.*".to_owned(), EACH);
        for (section, subsections) in COMPRESSED {
            for subsection in subsections.filter(|subsection| (section, *subsection) != (12, 1)) {
                set = set.with_sample(section, subsection);
            }
        }
        set
    }

    /// All sections without compression, and the sample of the first subsection with it. In pieces, a message passes
    /// through the same decompression as a whole one.
    fn in_pieces() -> Self {
        Self::uncompressed().with_sample(12, 1)
    }

    fn uncompressed() -> Self {
        Self { patterns: UNCOMPRESSED.map(str::to_owned).into(), count: UNCOMPRESSED_COUNT }
    }

    fn with_sample(self, section: u32, subsection: u32) -> Self {
        SAMPLE.into_iter().fold(self, |set, case| set.with(format!("{section}.{subsection}.{case}"), 1))
    }

    fn with(mut self, pattern: String, count: usize) -> Self {
        self.patterns.push(pattern);
        self.count += count;
        self
    }
}

/// In full, sections 12 and 13 send 11 GB in each role, which takes about twelve minutes on two cores.
const DEADLINE: Duration = Duration::from_secs(40 * 60);

/// Runs the suite as a client of `longwire serve`, and as a server of our client, which also receives and sends in
/// pieces. All roles run at once: each does one thing at a time and keeps at most one core busy.
pub(crate) fn run(context: &Context<'_>, extent: Extent) -> Result<Outcome, Stop> {
    let cases = match extent {
        Extent::Sampled => CaseSet::sampled,
        Extent::Full => CaseSet::all,
    };
    let wstest = install::wstest(context)?;
    let (longwire, client) = (context.longwire()?, context.longwire_interop()?);
    let begun = Begun::new(2 * cases().count + CaseSet::in_pieces().count);
    let server_role = Role::new(context.workspace, &begun, "server", cases())?;
    let client_role = Role::new(context.workspace, &begun, "client", cases())?;
    let pieces_role = Role::new(context.workspace, &begun, "client-in-pieces", CaseSet::in_pieces())?;
    thread::scope(|scope| {
        let others = [
            scope.spawn(|| server_role.test_server(&wstest, &longwire)),
            scope.spawn(|| pieces_role.test_client(&wstest, &client, &["--in-pieces"])),
        ];
        let mut outcome = client_role.test_client(&wstest, &client, &[])?;
        for other in others {
            outcome.add(other.join().map_err(|_| anyhow!("the thread of one role panicked"))??);
        }
        Ok(outcome)
    })
}

/// The number of cases that have begun, in all roles.
struct Begun {
    total: usize,
    cases: Mutex<(usize, Progress)>,
}

impl Begun {
    fn new(total: usize) -> Self {
        Self { total, cases: Mutex::new((0, Progress::start())) }
    }

    fn add(&self) {
        let mut begun = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        let (cases, progress) = &mut *begun;
        *cases += 1;
        progress.say(&format!("autobahn: case {cases} of {}", self.total));
    }
}

/// A role in which we are tested.
struct Role<'r> {
    name: &'static str,
    cases: CaseSet,
    workspace: &'r Workspace,
    begun: &'r Begun,
    reports: PathBuf,
}

impl<'r> Role<'r> {
    /// Removes old reports, so that they are not mistaken for those of this run.
    fn new(workspace: &'r Workspace, begun: &'r Begun, name: &'static str, cases: CaseSet) -> Result<Self> {
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

    /// Writes the configuration file of `wstest`. `end` contains what only one of the roles needs.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_some_of_every_subsection() {
        let sampled = CaseSet::sampled();
        for (section, subsections) in COMPRESSED {
            for subsection in subsections {
                let prefix = format!("{section}.{subsection}.");
                assert!(sampled.patterns.iter().any(|pattern| pattern.starts_with(&prefix)), "{prefix}");
            }
        }
        assert_eq!((sampled.count, CaseSet::all().count), (363, 517));
    }
}
