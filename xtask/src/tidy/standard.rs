//! Every paragraph of the WHATWG WebSockets Standard has tests or a reason for having none, and every such test has a
//! paragraph: the tables of `docs/whatwg.md`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

const PAGE: &str = "docs/whatwg.md";
const SUITE: &str = "crates/longwire/tests/suite";

/// The module whose tests must all be on the page.
const SUBJECT: &str = "event_socket";

pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let page = std::fs::read_to_string(root.join(PAGE)).with_context(|| format!("reading {PAGE}"))?;
    let suite = root.join(SUITE);
    let mut findings = blank_rows(&page);
    let named = named(&page);
    for test in &named {
        if !is_a_test(&suite, test) {
            findings.push(format!("{PAGE}: test {test} does not exist"));
        }
    }
    for test in tests_of_subject(&suite)?.difference(&named) {
        findings.push(format!("{PAGE}: test {test} is not listed for any paragraph"));
    }
    Ok(findings)
}

/// The rows of the tables, each with its last column.
fn rows(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.lines().filter_map(|line| {
        let (_, shown_by) = line.strip_prefix('|')?.trim_end().strip_suffix('|')?.rsplit_once('|')?;
        Some((line, shown_by.trim()))
    })
}

fn blank_rows(page: &str) -> Vec<String> {
    rows(page)
        .filter(|(_, shown_by)| shown_by.is_empty())
        .map(|(row, _)| format!("{PAGE}: neither a test nor a reason: {row}"))
        .collect()
}

/// The test names in the last column, as cargo prints them.
fn named(page: &str) -> BTreeSet<String> {
    let quoted = rows(page).flat_map(|(_, shown_by)| shown_by.split('`').skip(1).step_by(2));
    quoted.filter(|name| name.contains("::")).map(str::to_owned).collect()
}

fn is_a_test(suite: &Path, test: &str) -> bool {
    let Some((module, name)) = test.rsplit_once("::") else { return false };
    let file = suite.join(module.replace("::", "/")).with_extension("rs");
    std::fs::read_to_string(file).is_ok_and(|source| tests_in(&source).any(|test| test == name))
}

/// The functions marked `#[test]`.
fn tests_in(source: &str) -> impl Iterator<Item = &str> {
    let mut is_marked = false;
    source.lines().filter_map(move |line| {
        if line == "#[test]" {
            is_marked = true;
        }
        let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
        std::mem::take(&mut is_marked).then_some(name)
    })
}

fn tests_of_subject(suite: &Path) -> Result<BTreeSet<String>> {
    let mut tests = BTreeSet::new();
    for entry in std::fs::read_dir(suite.join(SUBJECT))? {
        let path = entry?.path();
        let module = path.file_stem().unwrap_or_default().to_string_lossy();
        let source = std::fs::read_to_string(&path)?;
        tests.extend(tests_in(&source).map(|name| format!("{SUBJECT}::{module}::{name}")));
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| step | what | shown by |\n|---|---|---|\n| 1 | `a::b` | `c::d` and `e::f` |\n\
                         | 2 | nothing | Not here. |\n| 3 | nothing |  |\n";

    #[test]
    fn the_tests_are_those_of_the_last_column() {
        assert_eq!(named(TABLE), ["c::d", "e::f"].map(str::to_owned).into());
    }

    #[test]
    fn a_row_without_test_and_reason_is_found() {
        let found = blank_rows(TABLE);
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("| 3 | nothing |  |"), "{found:?}");
    }

    #[test]
    fn only_tests_are_tests() {
        let source = "fn helper() {}\n\n#[test]\n#[cfg(unix)]\nfn one() {\n}\n\nfn other() {}\n";
        assert_eq!(tests_in(source).collect::<Vec<_>>(), ["one"]);
    }
}
