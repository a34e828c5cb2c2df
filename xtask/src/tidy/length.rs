//! Files stay short, each about one thing.

use std::path::Path;

use crate::tidy::rules::{self, Rules};
use crate::tidy::source::SourceFile;

/// In lines, not counting tests.
const LONGEST: usize = 500;

pub(crate) fn check(files: &[SourceFile], rules: &Rules) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.test_only) {
        let length = length(file);
        match rules.long_files.get(&file.path) {
            None if length > LONGEST => findings.push(format!(
                "{}: {length} lines of at most {LONGEST}: divide it, or give the reason in `long_files` of {}",
                file.path.display(),
                rules::FILE
            )),
            Some(_) if length <= LONGEST => findings.push(needless(&file.path)),
            _ => {}
        }
    }
    let unknown = rules.long_files.keys().filter(|path| !files.iter().any(|file| file.path == **path));
    findings.extend(unknown.map(|path| needless(path)));
    findings
}

fn length(file: &SourceFile) -> usize {
    let for_tests: usize = file.test_lines().iter().map(|lines| lines.end() - lines.start() + 1).sum();
    file.text.lines().count() - for_tests
}

fn needless(path: &Path) -> String {
    format!("{}: {} needs no entry in `long_files`", rules::FILE, path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake_tree::FakeTree;

    fn findings(source: &str, rules: &str) -> Vec<String> {
        check(&FakeTree::new(&[("lib.rs", source)]).files(), &toml::from_str(rules).unwrap())
    }

    #[test]
    fn the_longest_file_allowed_passes_and_one_line_more_does_not() {
        let longest = "// a line\n".repeat(LONGEST);
        assert_eq!(findings(&longest, "crates = []"), [""; 0]);
        assert_eq!(
            findings(&format!("{longest}// more\n"), "crates = []"),
            [
                "src/lib.rs: 501 lines of at most 500: divide it, or give the reason in `long_files` of floors.toml"
            ]
        );
    }

    #[test]
    fn tests_do_not_count() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    // a line\n".repeat(LONGEST));
        assert_eq!(findings(&format!("fn f() {{}}\n\n{tests}"), "crates = []"), [""; 0]);
    }

    #[test]
    fn an_exception_is_kept_only_while_it_is_needed() {
        let rules = "crates = []\n[long_files]\n\"src/lib.rs\" = \"a table\"";
        assert_eq!(findings(&"// a line\n".repeat(LONGEST + 1), rules), [""; 0]);
        assert_eq!(findings("// short", rules), ["floors.toml: src/lib.rs needs no entry in `long_files`"]);
    }
}
