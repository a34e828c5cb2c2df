//! The machine and the versions that were measured.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use toml::Value;

use super::programs::{Programs, SOCKUDO};
use super::servers::{BenchServer, Program, Standing};

/// The processor, the memory and the kernel, in one line.
pub(super) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (cpuinfo, meminfo) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let model = field(&cpuinfo, "model name").unwrap_or("an unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kib: u64 =
        field(&meminfo, "MemTotal").and_then(|total| total.split(' ').next()?.parse().ok()).unwrap_or(0);
    let release = read("/proc/sys/kernel/osrelease");
    // Everything after the first hyphen is the builder's own name for the kernel.
    let kernel = release.trim().split('-').next().unwrap_or_default();
    format!("{model}, {cores} cores, {} GiB, Linux {kernel}", kib.div_ceil(1024 * 1024))
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Library versions from the lock files, and versions of Rust, Node, Bun and Python as reported by the programs.
#[derive(Debug)]
pub(super) struct Versions {
    locked: Vec<(String, String)>,
    node: String,
    bun: String,
    pub(super) rust: String,
    websockets: String,
    socket_io: String,
}

impl Versions {
    pub(super) fn find(bench: &Path, programs: &Programs) -> Result<Self> {
        let read = |name: &str| {
            let path = bench.join(name);
            std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        let requirements = read("peers/python/requirements.txt")?;
        Ok(Self {
            locked: locked(&read("Cargo.lock")?)?,
            node: ask("node".as_ref()),
            bun: ask(&programs.bun()),
            rust: ask("rustc".as_ref()),
            socket_io: node_package(&read("peers/node/package.json")?, "socket.io"),
            websockets: requirements.trim().rsplit("==").next().unwrap_or_default().to_owned(),
        })
    }

    /// The server's full name.
    pub(super) fn title(&self, server: &BenchServer) -> String {
        match (server.standing, server.program) {
            (Standing::Floor | Standing::Ours, _) => server.name.to_owned(),
            (Standing::Peer, Program::Rust { .. }) => format!("{} {}", server.name, self.newest(server.name)),
            (Standing::Peer, Program::Node("rooms.mjs")) => {
                let adapter = if server.broker.is_some() { ", Redis streams" } else { "" };
                format!("socket.io {} on Node {}{adapter}", self.socket_io, self.node.trim_start_matches('v'))
            }
            (Standing::Peer, Program::Node(_)) => format!("ws on Node {}", self.node.trim_start_matches('v')),
            (Standing::Peer, Program::Bun(_)) => format!("Bun {}", self.bun),
            (Standing::Peer, Program::Python(_)) => format!("websockets {} on Python", self.websockets),
            (Standing::Peer, Program::Sockudo) => format!("sockudo {SOCKUDO}"),
            (Standing::Peer, Program::Hub | Program::Given(_)) => server.name.to_owned(),
        }
    }

    /// The newest version of a package; others may depend on an older one.
    fn newest(&self, package: &str) -> &str {
        let numbers =
            |version: &str| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
        let versions =
            self.locked.iter().filter(|(name, _)| name == package).map(|(_, version)| version.as_str());
        versions.max_by_key(|version| numbers(version)).unwrap_or_default()
    }
}

fn locked(lock: &str) -> Result<Vec<(String, String)>> {
    let lock: toml::Table = lock.parse().context("bench/Cargo.lock")?;
    let packages =
        lock.get("package").and_then(Value::as_array).context("bench/Cargo.lock has no packages")?;
    let text = |package: &Value, key: &str| package.get(key)?.as_str().map(str::to_owned);
    Ok(packages
        .iter()
        .filter_map(|package| Some((text(package, "name")?, text(package, "version")?)))
        .collect())
}

/// The version of a dependency in a `package.json`, which names it exactly.
fn node_package(manifest: &str, package: &str) -> String {
    let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap_or_default();
    let version = manifest.get("dependencies").and_then(|packages| packages.get(package)?.as_str());
    version.unwrap_or_default().to_owned()
}

fn ask(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_whatever_its_spacing() {
        assert_eq!(field("vendor_id\t: A\nmodel name\t: B C\n", "model name"), Some("B C"));
    }
}
