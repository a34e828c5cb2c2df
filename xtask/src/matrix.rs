//! `cargo xtask interop`: our client and server with those of others, and what stands between them.
//!
//! Every cell is a program of somebody else's that is run: a client against our server, a server under our client, a
//! proxy between the two. Each prints a line of JSON for each cell.

mod page;
mod peers;
mod row;

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::command::Task;
use crate::matrix::peers::Peers;
use crate::matrix::row::{Row, Table};
use crate::terminal::Progress;
use crate::test::context::Context;
use crate::test::outcome::{Outcome, Stop};
use crate::workspace::Workspace;

/// Ten cells, each with ten seconds at most, and the start of a browser.
const DEADLINE: Duration = Duration::from_secs(150);

/// Where the matrix is written, from the root of the workspace.
const PAGE: &str = "docs/interop.md";

/// Fills the matrix and writes it. `true`: nothing failed.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let tables = fill(&Context::new(workspace)).map_err(|stop| match stop {
        Stop::Unavailable(why) | Stop::NotInstalled(why) => anyhow!(why),
        Stop::Broken(error) => error,
    })?;
    page::write(&workspace.root.join(PAGE), &tables)?;
    println!("wrote {PAGE}");
    let outcome = count(&tables);
    for note in &outcome.notes {
        println!("{note}");
    }
    Ok(outcome.failed == 0)
}

/// The suite: the matrix is filled, and not written.
pub(crate) fn suite(context: &Context<'_>) -> Result<Outcome, Stop> {
    Ok(count(&fill(context)?))
}

fn fill(context: &Context<'_>) -> Result<Vec<Table>, Stop> {
    let matrix = Matrix { context, peers: Peers::install(context)? };
    Ok(vec![matrix.clients()?, matrix.servers()?, matrix.reverse_proxies()?, matrix.forward_proxies()?])
}

fn count(tables: &[Table]) -> Outcome {
    let mut outcome = Outcome::default();
    for row in tables.iter().flat_map(|table| &table.rows) {
        row.count(&mut outcome);
    }
    outcome
}

struct Matrix<'c> {
    context: &'c Context<'c>,
    peers: Peers,
}

impl Matrix<'_> {
    fn clients(&self) -> Result<Table> {
        let server = self.peers.our_server(self.context, None)?;
        let mut rows = Vec::new();
        for (name, mut command) in self.peers.clients() {
            command.arg(server.url());
            rows.push(self.row(name, command)?);
        }
        Ok(Table { title: "Clients of others, our server", rows })
    }

    fn servers(&self) -> Result<Table> {
        let mut rows = Vec::new();
        for peer in self.peers.servers() {
            let server = peer.start(self.context)?;
            let mut command = self.our_client(&server.url());
            for cell in peer.without {
                command.args(["--without", cell]);
            }
            let row = self.row(&format!("{}-client", peer.name), command)?;
            rows.push(row.of(&server.name()?));
        }
        Ok(Table { title: "Our client, servers of others", rows })
    }

    fn reverse_proxies(&self) -> Result<Table> {
        let server = self.peers.our_server(self.context, None)?;
        let mut rows = Vec::new();
        for proxy in self.peers.reverse_proxies(server.port)? {
            let started = proxy.start(self.context)?;
            let authority = self.peers.certificates.join("ca.pem");
            for (scheme, port) in [("ws", proxy.plain), ("wss", proxy.secure)] {
                let mut command = self.our_client(&format!("{scheme}://localhost:{port}/"));
                // Our server at the other end sends whole messages only.
                command.arg("--authority").arg(&authority).args(["--without", "fragments"]);
                let row = self.row(&format!("{}-{scheme}", proxy.name), command)?;
                rows.push(row.of(&format!("{}, `{scheme}`", proxy.version)));
            }
            drop(started);
        }
        Ok(Table { title: "Our client and our server, with a reverse proxy between them", rows })
    }

    fn forward_proxies(&self) -> Result<Table> {
        let plain = self.peers.our_server(self.context, None)?;
        let secure = self.peers.our_server(self.context, Some(&self.peers.certificates))?;
        let authority = self.peers.certificates.join("ca.pem");
        let mut rows = Vec::new();
        for proxy in self.peers.forward_proxies()? {
            let _started = proxy.start(self.context)?;
            for (scheme, server) in [("ws", &plain), ("wss", &secure)] {
                let mut command = self.our_client(&format!("{scheme}://localhost:{}/", server.port));
                command.args(["--proxy", &proxy.url()]).arg("--authority").arg(&authority);
                command.args(["--without", "fragments"]);
                let row = self.row(&format!("{}-{scheme}", proxy.name), command)?;
                rows.push(row.of(&format!("{}, `{scheme}`", proxy.version)));
            }
        }
        Ok(Table { title: "Our client over a proxy to our server", rows })
    }

    fn our_client(&self, url: &str) -> Command {
        let mut command = Command::new(&self.peers.our_client);
        command.arg(url);
        command
    }

    /// What a program says of each cell.
    fn row(&self, name: &str, command: Command) -> Result<Row> {
        let log = format!("interop-{}", name.replace([' ', '/'], "-"));
        let mut progress = Progress::start();
        progress.say(&log);
        let finished = Task::new(command, DEADLINE, self.context.workspace.log(&log)).run(|_| ())?;
        drop(progress);
        Row::read(name, &finished)
    }
}
