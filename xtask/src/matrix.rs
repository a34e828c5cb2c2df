//! `cargo xtask interop`: tests our client and server with other clients, servers and proxies.
//!
//! Every row runs another project's program: a client against our server, a server with our client, or a proxy between
//! our client and server. Each program prints a line of JSON for each cell.

mod page;
mod peers;
mod row;
mod snippet;

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::command::Task;
use crate::matrix::peers::{Api, Before, Peers, Proxy};
use crate::matrix::row::{ECHO, HUB, Row, Table};
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};
use crate::terminal::Progress;
use crate::workspace::Workspace;

/// Ten cells, each with at most thirty seconds, and the start of a browser.
const DEADLINE: Duration = Duration::from_secs(350);

/// Path of the page, relative to the workspace.
const PAGE: &str = "docs/interop.md";

/// Runs the matrix and writes it. Returns whether nothing failed.
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

/// The suite: runs the matrix without writing it.
pub(crate) fn suite(context: &Context<'_>) -> Result<Outcome, Stop> {
    Ok(count(&fill(context)?))
}

fn fill(context: &Context<'_>) -> Result<Vec<Table>, Stop> {
    let matrix = Matrix { context, peers: Peers::install(context)? };
    Ok(vec![
        matrix.clients()?,
        matrix.servers()?,
        matrix.reverse_proxies(Api::Events, "Our client, a reverse proxy, our event-driven server")?,
        matrix.reverse_proxies(Api::Async, "Our client, a reverse proxy, our async server")?,
        matrix.forward_proxies()?,
        matrix.hub_proxies()?,
    ])
}

fn count(tables: &[Table]) -> Outcome {
    let mut outcome = Outcome::default();
    for table in tables {
        for row in &table.rows {
            row.count(table.cells, &mut outcome);
        }
    }
    outcome
}

struct Matrix<'c> {
    context: &'c Context<'c>,
    peers: Peers,
}

impl Matrix<'_> {
    fn clients(&self) -> Result<Table> {
        let server = self.peers.our_server(self.context, Api::Events, Before::Nothing)?;
        let fragments = self.peers.our_server(self.context, Api::Async, Before::Nothing)?;
        let programs = self.peers.clients().into_iter().map(|(name, mut command)| {
            command.args([server.url(), fragments.url()]);
            (name.to_owned(), command)
        });
        Ok(Table { title: "Other clients, our server", cells: ECHO, rows: self.rows(programs)? })
    }

    fn servers(&self) -> Result<Table> {
        let mut rows = Vec::new();
        for peer in self.peers.servers() {
            let server = peer.start(self.context)?;
            let client = (format!("{}-client", peer.name), self.peers.our_client(&server.url()));
            let name = server.name()?;
            rows.extend(self.rows([client])?.into_iter().map(|row| row.of(&name)));
        }
        Ok(Table { title: "Our client, other servers", cells: ECHO, rows })
    }

    fn reverse_proxies(&self, api: Api, title: &'static str) -> Result<Table> {
        let server = self.peers.our_server(self.context, api, Before::TlsProxy)?;
        let mut rows = Vec::new();
        for proxy in self.peers.reverse_proxies(server.port)? {
            let _started = proxy.start(self.context)?;
            let command = |scheme: &str| {
                let port = if scheme == "ws" { proxy.plain } else { proxy.secure };
                let mut command = self.peers.our_client(&format!("{scheme}://localhost:{port}/"));
                if scheme == "wss" {
                    // The origin of pages behind the proxy, which the server must accept as its own.
                    command.args(["--origin", &format!("https://localhost:{port}")]);
                }
                command
            };
            rows.extend(self.plain_and_secure(&proxy, command)?);
        }
        Ok(Table { title, cells: ECHO, rows })
    }

    fn forward_proxies(&self) -> Result<Table> {
        let plain = self.peers.our_server(self.context, Api::Async, Before::Nothing)?;
        let secure = self.peers.our_server(self.context, Api::Async, Before::Tls)?;
        let mut rows = Vec::new();
        for (proxy, url) in self.peers.forward_proxies()? {
            let _started = proxy.start(self.context)?;
            let command = |scheme: &str| {
                let port = if scheme == "ws" { plain.port } else { secure.port };
                let mut command = self.peers.our_client(&format!("{scheme}://localhost:{port}/"));
                command.args(["--proxy", &url]);
                command
            };
            rows.extend(self.plain_and_secure(&proxy, command)?);
        }
        Ok(Table { title: "Our client, a forward proxy, our async server", cells: ECHO, rows })
    }

    /// The official client of Centrifugo, a reverse proxy, and the hub.
    fn hub_proxies(&self) -> Result<Table> {
        let hub = self.peers.hub(self.context)?;
        let mut rows = Vec::new();
        for proxy in self.peers.streaming_proxies(hub.server.port)? {
            let _started = proxy.start(self.context)?;
            let programs = [("http", proxy.plain), ("https", proxy.secure)].map(|(scheme, port)| {
                let url = format!("{scheme}://localhost:{port}/");
                (format!("{}-hub-{scheme}", proxy.name), self.peers.hub_client(&url, hub.api))
            });
            let names = ["http", "https"].map(|scheme| format!("{}, `{scheme}`", proxy.version));
            rows.extend(self.rows(programs)?.into_iter().zip(&names).map(|(row, name)| row.of(name)));
        }
        Ok(Table { title: "npm `centrifuge`, a reverse proxy, the hub", cells: HUB, rows })
    }

    /// The rows of our client with and without TLS, over a proxy to our server.
    fn plain_and_secure(&self, proxy: &Proxy, command: impl Fn(&str) -> Command) -> Result<Vec<Row>> {
        let authority = self.peers.certificates.join("ca.pem");
        let programs = ["ws", "wss"].map(|scheme| {
            let mut command = command(scheme);
            command.arg("--authority").arg(&authority);
            (format!("{}-{scheme}", proxy.name), command)
        });
        let names = ["ws", "wss"].map(|scheme| format!("{}, `{scheme}`", proxy.version));
        Ok(self.rows(programs)?.into_iter().zip(&names).map(|(row, name)| row.of(name)).collect())
    }

    /// Runs programs, each with a name for its log, and returns their rows. Two run at a time, as they mostly wait.
    fn rows(&self, programs: impl IntoIterator<Item = (String, Command)>) -> Result<Vec<Row>> {
        const AT_A_TIME: usize = 2;

        let workspace = self.context.workspace;
        let mut programs = programs.into_iter().peekable();
        let mut rows = Vec::new();
        while programs.peek().is_some() {
            let mut progress = Progress::start();
            let outcomes: Vec<Result<Row>> = thread::scope(|scope| {
                let start = |(name, command): (String, Command)| {
                    progress.say(&format!("interop: {name}"));
                    scope.spawn(move || row(workspace, &name, command))
                };
                let running: Vec<_> = programs.by_ref().take(AT_A_TIME).map(start).collect();
                let ended = running.into_iter().map(|run| {
                    run.join().unwrap_or_else(|_| Err(anyhow!("the thread that ran a program panicked")))
                });
                ended.collect()
            });
            rows.extend(outcomes.into_iter().collect::<Result<Vec<Row>>>()?);
        }
        Ok(rows)
    }
}

/// Runs a program and reads the verdict for each cell.
fn row(workspace: &Workspace, name: &str, command: Command) -> Result<Row> {
    let log = workspace.log(&format!("interop-{}", name.replace([' ', '/'], "-")));
    Row::read(name, &Task::new(command, DEADLINE, log).run(|_| ())?)
}
