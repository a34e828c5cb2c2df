//! Names that a crate must not use, such as sockets and clocks in a sans-I/O crate.

use crate::tidy::names::{Names, Target};
use crate::tidy::rules::{CrateRules, Forbidden};
use crate::tidy::source::SourceFile;

pub(crate) fn check(files: &[SourceFile], rules: &CrateRules) -> Vec<String> {
    let (paths, words): (Vec<_>, Vec<_>) = rules.forbidden.iter().partition(|rule| rule.name.contains("::"));
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.test_only) {
        findings.extend(words_in(file, &words));
        findings.extend(paths_in(file, &paths));
    }
    findings
}

fn words_in(file: &SourceFile, rules: &[&Forbidden]) -> Vec<String> {
    let test_lines = file.test_lines();
    file.tokens()
        .into_iter()
        .filter(|token| !test_lines.iter().any(|lines| lines.contains(&token.line)))
        .filter_map(|token| {
            let rule = rules.iter().find(|rule| rule.name == token.text)?;
            Some(finding(file, token.line, &token.text, rule))
        })
        .collect()
}

fn paths_in(file: &SourceFile, rules: &[&Forbidden]) -> Vec<String> {
    let mut findings: Vec<String> = Names::of(file)
        .references
        .iter()
        .filter_map(|reference| {
            let Target::Outside(segments) = &reference.target else { return None };
            let path = segments.join("::");
            let rule = rules.iter().find(|rule| rule.forbids(&path))?;
            Some(finding(file, reference.line, &path, rule))
        })
        .collect();
    findings.dedup();
    findings
}

fn finding(file: &SourceFile, line: usize, named: &str, rule: &Forbidden) -> String {
    file.finding(line, format_args!("`{named}` is not allowed in this crate: {}", rule.reason))
}

impl Forbidden {
    fn forbids(&self, path: &str) -> bool {
        is_or_below(path, &self.name) && !self.except.iter().any(|allowed| is_or_below(path, allowed))
    }
}

fn is_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake_tree::FakeTree;

    fn findings(source: &str) -> Vec<String> {
        let rules = toml::from_str(
            r#"
            floors = []
            forbidden = [
                { name = "std::io", except = ["std::io::IoSlice"], reason = "no I/O" },
                { name = "std::time::Instant::now", reason = "time is an input" },
                { name = "async", reason = "nothing waits" },
            ]"#,
        )
        .unwrap();
        check(&FakeTree::new(&[("lib.rs", source)]).files(), &rules)
    }

    #[test]
    fn code_without_them_passes() {
        let source = "use std::io::IoSlice; use std::time::Instant; // async std::io::Read
            fn f(slice: IoSlice<'_>, now: Instant) -> std::io::IoSlice<'_> { \"async\" }";
        assert_eq!(findings(source), [""; 0]);
    }

    #[test]
    fn paths_are_found_however_they_are_written() {
        assert_eq!(
            findings("use std::{fmt, io::{IoSlice, Read}};"),
            ["src/lib.rs:1: `std::io::Read` is not allowed in this crate: no I/O"]
        );
        assert_eq!(findings("use std::io as outside;\nfn f(r: impl outside::Read) {}").len(), 2);
        assert_eq!(findings("fn f() { g(|| vec![::std::io::stdin()]) }").len(), 1);
        assert_eq!(
            findings("use std::time::{self, Instant};\nfn f() { Instant::now(); time::Instant::now() }")
                .len(),
            1
        );
    }

    #[test]
    fn words_are_found_in_code() {
        assert_eq!(
            findings("\nasync fn f() {}"),
            ["src/lib.rs:2: `async` is not allowed in this crate: nothing waits"]
        );
    }

    #[test]
    fn code_for_tests_may_name_them() {
        assert_eq!(
            findings("#[cfg(test)]\nmod tests {\n    use std::io::Read;\n    async fn f() {}\n}"),
            [""; 0]
        );
    }
}
