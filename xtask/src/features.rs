//! Longwire's features and the tests that verify them: `docs/features.toml`, and the table in `docs/features.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

const FILE: &str = "docs/features.toml";
const PAGE: &str = "docs/features.md";
const BEGIN: &str = "<!-- features: written by `cargo xtask features` -->\n";
const END: &str = "<!-- end of features -->\n";

/// The features, in order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Features {
    feature: Vec<Feature>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Feature {
    /// What a user can do.
    what: String,
    /// Names of tests as cargo prints them. Each must pass.
    tests: Vec<String>,
    /// A file that shows the feature in use.
    #[serde(default)]
    example: Option<String>,
}

impl Features {
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join(FILE)).with_context(|| format!("reading {FILE}"))?;
        toml::from_str(&text).with_context(|| FILE.to_owned())
    }

    /// Reports features whose tests did not pass. `lines` is the output of `cargo test`.
    pub(crate) fn unproven(&self, lines: &[String]) -> Vec<String> {
        let passed = |line: &'_ String| Some(line.strip_prefix("test ")?.strip_suffix(" ... ok")?.to_owned());
        let passed: BTreeSet<String> = lines.iter().filter_map(passed).collect();
        let mut findings = Vec::new();
        for feature in &self.feature {
            for test in feature.tests.iter().filter(|test| !passed.contains(*test)) {
                findings.push(format!("{FILE}: test {test} did not pass; it verifies: {}", feature.what));
            }
        }
        findings
    }

    /// Reports errors in the list of features, and a table that is out of date.
    pub(crate) fn check(&self, root: &Path) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for feature in &self.feature {
            if feature.tests.is_empty() {
                findings.push(format!("{FILE}: no test verifies: {}", feature.what));
            }
            if let Some(example) = feature.example.as_ref().filter(|example| !root.join(example).is_file()) {
                findings.push(format!("{FILE}: {example} does not exist"));
            }
        }
        let page = read_page(root)?;
        if self.put_into(&page)? != page {
            findings.push(format!("the table in {PAGE} is out of date: run `cargo xtask features`"));
        }
        Ok(findings)
    }

    /// Writes the table into the page.
    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        let page = self.put_into(&read_page(root)?)?;
        std::fs::write(root.join(PAGE), page).with_context(|| format!("writing {PAGE}"))
    }

    fn put_into(&self, page: &str) -> Result<String> {
        let (before, rest) = page.split_once(BEGIN).with_context(|| format!("{PAGE} has no {BEGIN}"))?;
        let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE} has no {END}"))?;
        Ok(format!("{before}{BEGIN}{}{END}{after}", self.table()))
    }

    fn table(&self) -> String {
        let mut table = "\n| | tests | example |\n|---|--:|---|\n".to_owned();
        for Feature { what, tests, example } in &self.feature {
            let example = example.as_ref().map(|path| {
                let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
                format!("[{name}](../{path})")
            });
            // Writing to a string cannot fail.
            let _ = writeln!(table, "| {what} | {} | {} |", tests.len(), example.unwrap_or_default());
        }
        table.push('\n');
        table
    }
}

fn read_page(root: &Path) -> Result<String> {
    std::fs::read_to_string(root.join(PAGE)).with_context(|| format!("reading {PAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Features {
        toml::from_str(
            r#"
            [[feature]]
            what = "Echoes"
            tests = ["echo::text", "echo::binary"]
            example = "examples/echo.rs"
            "#,
        )
        .unwrap()
    }

    #[test]
    fn what_no_passing_test_shows_is_told() {
        let lines = ["test echo::text ... ok", "test echo::binary ... FAILED"].map(str::to_owned);
        let unproven = features().unproven(&lines);
        assert_eq!(unproven.len(), 1);
        assert!(unproven[0].contains("echo::binary") && unproven[0].contains("Echoes"), "{unproven:?}");
    }

    #[test]
    fn the_table_replaces_what_stood_there() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let with_table = features().put_into(&page).unwrap();
        assert!(with_table.starts_with("before\n"), "{with_table}");
        assert!(with_table.ends_with(&format!("{END}after\n")), "{with_table}");
        assert!(with_table.contains("| Echoes | 2 | [echo](../examples/echo.rs) |"), "{with_table}");
        assert!(!with_table.contains("old"), "{with_table}");
        assert_eq!(features().put_into(&with_table).unwrap(), with_table);
    }
}
