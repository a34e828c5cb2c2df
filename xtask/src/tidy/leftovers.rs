//! No placeholder macros and no notes about unfinished work.

use crate::tidy::source::SourceFile;

const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Split in two, so that this file does not contain them.
const NOTES: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

pub(crate) fn check(files: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        findings.extend(macros_in(file));
        findings.extend(notes_in(file));
    }
    findings
}

fn macros_in(file: &SourceFile) -> Vec<String> {
    let tokens = file.tokens();
    tokens
        .iter()
        .zip(tokens.iter().skip(1))
        .filter(|(name, mark)| mark.text == "!" && MACROS.contains(&name.text.as_str()))
        .map(|(name, _)| file.finding(name.line, format_args!("`{}!` is left over", name.text)))
        .collect()
}

fn notes_in(file: &SourceFile) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    (1..)
        .zip(file.text.lines())
        .flat_map(|(number, line)| line.split(|c| !is_word(c)).map(move |word| (number, word)))
        .filter(|(_, word)| NOTES.contains(word))
        .map(|(number, word)| {
            file.finding(number, format_args!("the note {word} is left over: do it, or open an issue"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake_tree::FakeTree;

    #[test]
    fn finished_code_passes() {
        let tree = FakeTree::new(&[("lib.rs", "/// Not `todo!()`.\nfn todo() -> &str { todo(); \"dbg!\" }")]);
        assert_eq!(check(&tree.files()), [""; 0]);
    }

    #[test]
    fn placeholders_are_found_in_macros_and_tests_too() {
        let tree =
            FakeTree::new(&[("lib.rs", "fn f() { vec![todo!()] }\n#[cfg(test)]\nfn t() { dbg!(1); }")]);
        assert_eq!(
            check(&tree.files()),
            ["src/lib.rs:1: `todo!` is left over", "src/lib.rs:3: `dbg!` is left over"]
        );
    }

    #[test]
    fn notes_are_found_as_whole_words() {
        let text = format!("// {}: soon\n// {}ED\nfn f() {{}} // {}", NOTES[1], NOTES[3], NOTES[2]);
        let tree = FakeTree::new(&[("lib.rs", &text)]);
        let findings = check(&tree.files());
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("src/lib.rs:1: the note "));
        assert!(findings[1].starts_with("src/lib.rs:3: the note "));
    }
}
