//! `cargo xtask cover`: which lines of the protocol crate its tests reach, measured by cargo-llvm-cov.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::suite::context::Context;
use crate::suite::outcome::Stop;
use crate::tidy::source::{self, SourceFile};
use crate::workspace::Workspace;

const PACKAGE: &str = "longwire-proto";
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// Runs the tests and prints a Markdown table with a row per file. Test code does not count. Failing tests do: the
/// lines that they reached are covered.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let context = Context::new(workspace);
    let package = workspace.packages.iter().find(|package| package.name == PACKAGE);
    let package = package.with_context(|| format!("the workspace has no {PACKAGE}"))?;
    let hits = measure(&context).map_err(|stop| match stop {
        Stop::Unavailable(why) | Stop::NotInstalled(why) => anyhow!(why),
        Stop::Broken(error) => error,
    })?;
    let files = source::load(workspace, package)?;
    let rows: Vec<FileCoverage> = files
        .iter()
        .filter(|file| !file.test_only)
        .map(|file| FileCoverage::new(file, workspace, &hits))
        .collect();
    println!("| file | lines | covered | not covered |");
    println!("| :--- | ----: | ------: | :---------- |");
    for row in rows.iter().filter(|row| row.lines > 0) {
        println!("{row}");
    }
    let (lines, missed) =
        rows.iter().fold((0, 0), |(lines, missed), row| (lines + row.lines, missed + row.missed.len()));
    println!("| all | {lines} | {} | {missed} lines |", percent(lines, missed));
    Ok(())
}

/// How often each line of each file was executed.
type Hits = BTreeMap<PathBuf, BTreeMap<usize, u64>>;

fn measure(context: &Context<'_>) -> Result<Hits, Stop> {
    let program = context.find_or_cargo_install("cargo-llvm-cov")?;
    let report = context.workspace.target.join("coverage.lcov");
    let mut command = Command::new(program);
    command
        .current_dir(&context.workspace.root)
        .args(["llvm-cov", "-p", PACKAGE, "--all-features", "--ignore-run-fail", "--lcov", "--output-path"])
        .arg(&report)
        .envs(llvm_tools(context)?);
    let finished = context.run(command, DEADLINE, "cover")?;
    if !finished.succeeded() {
        return Err(Stop::Broken(anyhow!("cargo llvm-cov: {}", finished.explain())));
    }
    let text = std::fs::read_to_string(&report).with_context(|| format!("reading {}", report.display()))?;
    Ok(parse(&text))
}

/// Parses an lcov report: `SF` names a file, `DA` is a line and its execution count.
fn parse(report: &str) -> Hits {
    let mut hits = Hits::new();
    let mut file = PathBuf::new();
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = PathBuf::from(path);
        } else if let Some((line, count)) = line.strip_prefix("DA:").and_then(|data| data.split_once(','))
            && let (Ok(line), Ok(count)) = (line.parse(), count.parse())
        {
            hits.entry(file.clone()).or_default().insert(line, count);
        }
    }
    hits
}

struct FileCoverage {
    path: PathBuf,
    lines: usize,
    missed: Vec<usize>,
}

impl FileCoverage {
    fn new(file: &SourceFile, workspace: &Workspace, hits: &Hits) -> Self {
        let for_tests = file.test_lines();
        let counts = hits.get(&workspace.root.join(&file.path));
        let lines: Vec<(usize, u64)> = counts
            .into_iter()
            .flatten()
            .map(|(line, count)| (*line, *count))
            .filter(|(line, _)| !for_tests.iter().any(|lines| lines.contains(line)))
            .collect();
        let missed = lines.iter().filter(|(_, count)| *count == 0).map(|(line, _)| *line).collect();
        Self { path: file.path.clone(), lines: lines.len(), missed }
    }
}

impl fmt::Display for FileCoverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missed: Vec<String> = self.missed.iter().map(usize::to_string).collect();
        let covered = percent(self.lines, self.missed.len());
        write!(f, "| {} | {} | {covered} | {} |", self.path.display(), self.lines, missed.join(", "))
    }
}

fn percent(lines: usize, missed: usize) -> String {
    // Rounded down, so that only full coverage shows as 100 %.
    let per_mille = (lines - missed) * 1000 / lines.max(1);
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

/// The LLVM tools for cargo-llvm-cov. It finds those that rustup installs by itself. Otherwise they must have the same
/// version as the compiler's LLVM.
fn llvm_tools(context: &Context<'_>) -> Result<Vec<(&'static str, PathBuf)>, Stop> {
    let sysroot = rustc(&["--print", "target-libdir"])?;
    if Path::new(sysroot.trim()).with_file_name("bin").join("llvm-cov").is_file() {
        return Ok(Vec::new());
    }
    let version = rustc(&["-vV"])?;
    let major = llvm_major(&version).context("rustc does not report its LLVM version")?;
    let packages = format!("llvm-{major}");
    let find = |tool: &str| context.find_or_install(&[&format!("{tool}-{major}")], &[&packages]);
    Ok(vec![("LLVM_COV", find("llvm-cov")?), ("LLVM_PROFDATA", find("llvm-profdata")?)])
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let output = Command::new("rustc").args(arguments).output().context("cannot start rustc")?;
    ensure!(output.status.success(), "rustc {}: {}", arguments.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The major version in `LLVM version: 22.1.2`.
fn llvm_major(version: &str) -> Option<u32> {
    version.lines().find_map(|line| line.strip_prefix("LLVM version: "))?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let hits =
            parse("SF:/a/src/mask.rs\nFN:3,f\nDA:3,12\nDA:4,0\nend_of_record\nSF:/a/src/utf8.rs\nDA:1,1\n");
        assert_eq!(hits[Path::new("/a/src/mask.rs")], BTreeMap::from([(3, 12), (4, 0)]));
        assert_eq!(hits[Path::new("/a/src/utf8.rs")], BTreeMap::from([(1, 1)]));
    }

    #[test]
    fn the_compiler_s_llvm_is_known() {
        assert_eq!(
            llvm_major("rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\nLLVM version: 22.1.2\n"),
            Some(22)
        );
        assert_eq!(llvm_major("rustc 1.95.0\n"), None);
    }

    #[test]
    fn only_the_whole_is_all() {
        assert_eq!(percent(3000, 1), "99.9 %");
        assert_eq!(percent(3000, 0), "100.0 %");
        assert_eq!(percent(0, 0), "0.0 %");
    }
}
