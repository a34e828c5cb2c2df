//! Every `unsafe` is in a file that the rules list, with its reason right above.

use crate::tidy::rules::{self, Rules};
use crate::tidy::source::SourceFile;

pub(crate) fn check(files: &[SourceFile], rules: &Rules) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let allowed = rules.unsafe_files.contains(&file.path);
        let lines: Vec<&str> = file.text.lines().collect();
        for token in file.tokens().iter().filter(|token| token.text == "unsafe") {
            if !allowed {
                findings.push(file.finding(
                    token.line,
                    format_args!("`unsafe` in a file that is not listed in `unsafe` of {}", rules::FILE),
                ));
            } else if !has_reason(&lines, token.line) {
                findings.push(file.finding(token.line, "`unsafe` without a `// SAFETY:` right above"));
            }
        }
    }
    findings
}

/// Whether the comment right above `line` (counted from 1) begins with `SAFETY:`.
fn has_reason(lines: &[&str], line: usize) -> bool {
    lines
        .iter()
        .take(line.saturating_sub(1))
        .rev()
        .map(|above| above.trim_start())
        .take_while(|above| above.starts_with("//"))
        .any(|above| above.starts_with("// SAFETY:"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake_tree::FakeTree;

    fn findings(listed: &str, source: &str) -> Vec<String> {
        let rules = toml::from_str(&format!("crates = []\nunsafe = [{listed}]")).unwrap();
        check(&FakeTree::new(&[("mask.rs", source)]).files(), &rules)
    }

    #[test]
    fn it_is_found_where_it_is_not_listed() {
        assert_eq!(
            findings("", "fn f() {\n    // SAFETY: aligned.\n    unsafe { g() }\n}"),
            ["src/mask.rs:3: `unsafe` in a file that is not listed in `unsafe` of floors.toml"]
        );
        assert_eq!(findings("", "#![forbid(unsafe_code)] // unsafe\nconst A: &str = \"unsafe\";"), [""; 0]);
    }

    #[test]
    fn it_needs_its_reason_where_it_is_listed() {
        let listed = r#""src/mask.rs""#;
        assert_eq!(
            findings(listed, "fn f() {\n    // SAFETY: aligned,\n    // as checked.\n    unsafe { g() }\n}"),
            [""; 0]
        );
        assert_eq!(
            findings(listed, "// SAFETY: far away.\nfn f() {\n    unsafe { g() }\n}"),
            ["src/mask.rs:3: `unsafe` without a `// SAFETY:` right above"]
        );
    }
}
