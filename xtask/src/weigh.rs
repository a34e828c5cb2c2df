//! `cargo xtask weigh`: the cost of each feature in build time (processor time) and in the size of a small program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::cargo::cargo;
use crate::workspace::Workspace;

/// The file whose table receives the figures, after the column with the number of crates.
const TABLE: &str = "crates/longwire/docs/features.md";

/// A program to build, with its features.
struct WeighedProgram {
    /// The row of the table, or the comparison.
    name: &'static str,
    dependency: Dependency,
    source: &'static str,
}

enum Dependency {
    Longwire(&'static str),
    /// A client with tokio-tungstenite and the same TLS, for comparison.
    TokioTungstenite,
}

/// The measured cost of a program.
#[derive(Debug, Clone, Copy)]
struct Weight {
    /// Processor time of all processes of the build, in kernel ticks.
    processor: u64,
    /// Size of the stripped program.
    bytes: u64,
}

const PROGRAMS: [WeighedProgram; 13] = [
    longwire("none", "", OVER),
    longwire("`client`", "client", CONNECT),
    longwire("`idn`", "idn", CONNECT),
    longwire("`socks`", "socks", CONNECT),
    longwire("`server`", "server", SERVE),
    longwire("`blocking`", "blocking", BLOCKING),
    longwire("`tls`", "client,tls", CONNECT),
    longwire("`uring`", "uring", RUN),
    longwire("`axum`", "axum", SERVE),
    longwire("`tower`", "tower", SERVE),
    longwire("`metrics`", "client,metrics", CONNECT),
    longwire("all defaults", "default", CONNECT),
    WeighedProgram {
        name: "tokio-tungstenite",
        dependency: Dependency::TokioTungstenite,
        source: TUNGSTENITE,
    },
];

const fn longwire(name: &'static str, features: &'static str, source: &'static str) -> WeighedProgram {
    WeighedProgram { name, dependency: Dependency::Longwire(features), source }
}

/// Builds every program from scratch, and writes the table.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut weights = Vec::new();
    for program in &PROGRAMS {
        let weight = program.weigh(workspace).with_context(|| format!("weighing {}", program.name))?;
        println!("{:<18} {:>5.1} s  {:>5.2} MB", program.name, seconds(weight), megabytes(weight));
        weights.push((program.name, weight));
    }
    let (_, least) = weights.first().context("there are no programs")?;
    let path = workspace.root.join(TABLE);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {TABLE}"))?;
    let lines = text.lines().map(|line| with_figures(line, &weights, *least));
    fs::write(&path, lines.collect::<String>()).with_context(|| format!("writing {TABLE}"))?;
    Ok(())
}

/// Inserts the figures into a line of the table. Other lines are returned unchanged.
fn with_figures(line: &str, weights: &[(&str, Weight)], least: Weight) -> String {
    let mut cells: Vec<String> = line.split('|').map(str::to_owned).collect();
    let name = cells.get(1).map(|cell| cell.trim()).unwrap_or_default();
    let row = weights.iter().find(|(row, _)| *row == name);
    if let (Some((_, weight)), [_, _, _, _, build, size, _, _]) = (row, cells.as_mut_slice()) {
        *build = format!(" {:.1} ", seconds(*weight) / seconds(least));
        *size = format!(" {:.1} MB ", megabytes(*weight));
    }
    cells.join("|") + "\n"
}

impl WeighedProgram {
    fn weigh(&self, workspace: &Workspace) -> Result<Weight> {
        let folder = workspace.target.join("weigh").join(self.name.replace(['`', ' '], ""));
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("Cargo.toml"), self.manifest(&workspace.root))?;
        fs::write(folder.join("src/main.rs"), self.source)?;
        // Use the same versions as the workspace, where it has them.
        fs::copy(workspace.root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let target = folder.join("target");
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        build(&folder, &["fetch"])?;
        let before = children()?;
        build(&folder, &["build", "--release", "--offline"])?;
        let processor = children()? - before;
        let program: PathBuf = target.join("release/weighed");
        Ok(Weight { processor, bytes: fs::metadata(program)?.len() })
    }

    fn manifest(&self, root: &Path) -> String {
        let dependency = match self.dependency {
            Dependency::Longwire(features) => {
                let features: Vec<String> =
                    features.split(',').filter(|name| !name.is_empty()).map(|name| format!("{name:?}")).collect();
                let path = root.join("crates/longwire");
                format!(
                    "longwire = {{ path = {path:?}, default-features = false, features = [{}] }}\n",
                    features.join(", ")
                )
            }
            Dependency::TokioTungstenite => {
                "futures-util = { version = \"0.3\", default-features = false, features = [\"sink\"] }\n\
                 rustls = { version = \"0.23\", default-features = false, features = [\"ring\", \"std\", \"tls12\"] }\n\
                 tokio-tungstenite = { version = \"0.30\", features = [\"rustls-tls-native-roots\"] }\n"
                    .to_owned()
            }
        };
        format!(
            "[package]\nname = \"weighed\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\
             tokio = {{ version = \"1\", features = [\"rt\", \"net\", \"macros\"] }}\n\n\
             [profile.release]\nstrip = true\n\n[workspace]\n"
        )
    }
}

fn build(folder: &Path, arguments: &[&str]) -> Result<()> {
    let status = cargo()
        .current_dir(folder)
        .args(arguments)
        .arg("--quiet")
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .context("running cargo")?;
    ensure!(status.success(), "`cargo {}` failed in {}", arguments.join(" "), folder.display());
    Ok(())
}

/// Processor time of all child processes that have ended, in kernel ticks (proc(5)).
fn children() -> Result<u64> {
    let stat =
        fs::read_to_string("/proc/self/stat").context("processor times are available on Linux only")?;
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat contains no process name")?;
    let times = fields.split_whitespace().skip(13).take(2);
    times.map(|field| field.parse::<u64>().context("/proc/self/stat contains an invalid time")).sum()
}

fn seconds(weight: Weight) -> f64 {
    // The kernel reports 100 ticks per second to programs.
    weight.processor as f64 / 100.0
}

fn megabytes(weight: Weight) -> f64 {
    weight.bytes as f64 / 1e6
}

const OVER: &str = r#"use longwire::{Config, Role, WebSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stream = tokio::net::TcpStream::connect("127.0.0.1:1").await?;
    let mut socket = WebSocket::over(stream, Role::Client, Config::default().into(), Vec::new());
    socket.send("Hello").await?;
    while let Some(message) = socket.recv().await? {
        println!("{message}");
    }
    Ok(())
}
"#;

const CONNECT: &str = r#"#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut socket = longwire::connect("ws://127.0.0.1:1/").await?;
    socket.send("Hello").await?;
    while let Some(message) = socket.recv().await? {
        println!("{message}");
    }
    Ok(())
}
"#;

const BLOCKING: &str = r#"fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut socket = longwire::blocking::connect("ws://127.0.0.1:1/")?;
    socket.send("Hello")?;
    while let Some(message) = socket.recv()? {
        println!("{message}");
    }
    Ok(())
}
"#;

const SERVE: &str = r#"use longwire::{Server, WebSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::bind("127.0.0.1:8080").await?;
    let serving = server.serve(async |mut socket: WebSocket| {
        while let Some(message) = socket.recv().await? {
            socket.send(message).await?;
        }
        Ok(())
    });
    Ok(serving.await?)
}
"#;

const RUN: &str = r#"use longwire::{Accept, Handler, MessageRef, Refusal, Server, Socket, Upgrade};

struct Echo;

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, _request: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::with(()))
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(Server::bind("127.0.0.1:8080").await?.run(Echo).await?)
}
"#;

const TUNGSTENITE: &str = r#"use futures_util::{SinkExt, StreamExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let (mut socket, _) = tokio_tungstenite::connect_async("wss://127.0.0.1:1/").await?;
    socket.send("Hello".into()).await?;
    while let Some(message) = socket.next().await {
        println!("{}", message?);
    }
    Ok(())
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gets_its_figures_and_any_other_line_stays() {
        let (one, three) =
            (Weight { processor: 200, bytes: 1_000_000 }, Weight { processor: 500, bytes: 2_340_000 });
        let weights = [("none", one), ("`tls`", three)];
        assert_eq!(
            with_figures("| `tls` | wss | +16 | | | yes |", &weights, one),
            "| `tls` | wss | +16 | 2.5 | 2.3 MB | yes |\n"
        );
        assert_eq!(with_figures("| `tls` is short |", &weights, one), "| `tls` is short |\n");
    }
}
