//! `cargo xtask tidy`: checks the project's rules.

mod cancel_safety;
mod crate_order;
mod examples;
#[cfg(test)]
mod fake_tree;
mod floors;
mod folders;
mod forbidden;
mod leftovers;
mod length;
mod module_path;
mod module_tree;
mod names;
mod rules;
pub(crate) mod source;
mod standard;
mod test_code;
mod toolchain;
mod type_names;
mod unsafe_code;

use std::path::Path;

use anyhow::Result;

use crate::features::Features;
use crate::terminal;
use crate::tidy::rules::{CrateRules, Rules};
use crate::tidy::source::SourceFile;
use crate::tidy::toolchain::{CLIPPY_BENCH, CLIPPY_CHECK_PEERS, FORMAT_BESIDE, TOOLS};
use crate::workspace::Workspace;

/// The crate whose public types must all have an example.
const SHOWN: &str = "longwire";

/// The part of the comparison with other servers, `bench` and the peers of `longwire check`, that is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// What does not use the libraries of others.
    Ours,
    Whole,
}

impl Comparison {
    /// The packages that are not compiled. They are programs in `bench/peers`; the library there is everybody's.
    fn left_out(self, bench: &Workspace) -> Vec<&str> {
        const SHARED: &str = "bench-kit";

        let peers = bench.root.join("peers");
        let packages = bench.packages.iter().filter(|package| package.dir.starts_with(&peers));
        match self {
            Self::Ours => {
                packages.map(|package| package.name.as_str()).filter(|name| *name != SHARED).collect()
            }
            Self::Whole => Vec::new(),
        }
    }
}

/// The number of checks that passed and that had findings.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Tally {
    fn count(&mut self, name: &str, findings: &[String]) {
        terminal::verdict(name, findings);
        if findings.is_empty() {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

/// Runs all checks, fast ones first, and prints one line for each.
pub(crate) fn run(workspace: &Workspace) -> Result<Tally> {
    check(workspace, &workspace.target, Comparison::Whole)
}

/// The suite: the same checks, which compile into a directory of their own. In the common one, cargo would let them wait
/// for other suites, and other suites for them.
pub(crate) fn suite(workspace: &Workspace, comparison: Comparison) -> Result<Tally> {
    check(workspace, &workspace.target.join("tidy"), comparison)
}

fn check(workspace: &Workspace, target: &Path, comparison: Comparison) -> Result<Tally> {
    let rules = Rules::load(&workspace.root)?;
    let mut tally = Tally::default();
    let beside = workspace.beside()?;
    tally.count("crates", &crate_order::check(workspace, &rules));
    tally.count("features", &Features::load(&workspace.root)?.check(&workspace.root)?);
    tally.count("standard", &standard::check(&workspace.root)?);
    check_sources(workspace, &beside, &rules, &mut tally)?;
    let mut unformatted = Vec::new();
    for workspace in &beside {
        unformatted.extend(FORMAT_BESIDE.check(workspace, target)?);
    }
    tally.count(FORMAT_BESIDE.name, &unformatted);
    for tool in TOOLS {
        tally.count(tool.name, &tool.check(workspace, target)?);
    }
    if let Some(bench) = beside.iter().find(|workspace| workspace.root.ends_with("bench")) {
        let findings = CLIPPY_BENCH.check_without(&comparison.left_out(bench), bench, target)?;
        tally.count(CLIPPY_BENCH.name, &findings);
    }
    let peers = beside.iter().find(|workspace| workspace.root.ends_with("interop/check/rust"));
    if let (Comparison::Whole, Some(peers)) = (comparison, peers) {
        tally.count(CLIPPY_CHECK_PEERS.name, &CLIPPY_CHECK_PEERS.check(peers, target)?);
    }
    Ok(tally)
}

fn check_sources(
    workspace: &Workspace,
    beside: &[Workspace],
    rules: &Rules,
    tally: &mut Tally,
) -> Result<()> {
    let no_rules = CrateRules::default();
    let mut all: Vec<SourceFile> = Vec::new();
    let mut floors = Vec::new();
    let mut folders = Vec::new();
    let mut type_names = Vec::new();
    let mut forbidden = Vec::new();
    let mut without_example = Vec::new();
    for package in &workspace.packages {
        let files = source::load(workspace, package)?;
        let rules = rules.per_crate.get(&package.name).unwrap_or(&no_rules);
        floors.extend(floors::check(&package.name, &files, rules));
        folders.extend(folders::check(&package.name, &files, rules));
        type_names.extend(type_names::check(&package.name, &files, rules));
        forbidden.extend(forbidden::check(&files, rules));
        if package.name == SHOWN {
            without_example.extend(examples::check(&files));
        }
        all.extend(files);
    }
    let cancel_safety = cancel_safety::check(&all);
    // These packages have no floors, and only the project uses them.
    for package in beside.iter().flat_map(|workspace| &workspace.packages) {
        all.extend(source::load(workspace, package)?);
    }
    tally.count("floors", &floors);
    tally.count("folders", &folders);
    tally.count("type names", &type_names);
    tally.count("forbidden names", &forbidden);
    tally.count("examples", &without_example);
    tally.count("left-overs", &leftovers::check(&all));
    tally.count("unsafe", &unsafe_code::check(&all, rules));
    tally.count("cancel safety", &cancel_safety);
    tally.count("file length", &length::check(&all, rules));
    Ok(())
}
