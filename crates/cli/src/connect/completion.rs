//! Completes commands and the names of files with the Tab key.

use std::path::{MAIN_SEPARATOR, Path};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::command;
use crate::terminal::escape;

/// The most files to choose from. The line editor cannot show more than 65,535.
const MAX_CHOICES: usize = 1_000;

/// Completes what stands before the cursor.
#[derive(Debug)]
pub(super) struct TabCompletion;

impl Helper for TabCompletion {}
impl Highlighter for TabCompletion {}
impl Validator for TabCompletion {}
impl Hinter for TabCompletion {
    type Hint = String;
}

impl Completer for TabCompletion {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(complete(line.get(..pos).unwrap_or_default()))
    }
}

/// Where the completed part begins, and what it can become.
fn complete(line: &str) -> (usize, Vec<Pair>) {
    if let Some(start) = command::file_start(line) {
        return (start, files(line.get(start..).unwrap_or_default()));
    }
    let names = command::names().filter(|name| line.starts_with('/') && name.starts_with(line));
    let pair = |name: &str| Pair { display: name.to_owned(), replacement: name.to_owned() };
    (0, names.map(pair).collect())
}

/// The files and folders whose path begins with `begun`, except those with control characters in their names.
fn files(begun: &str) -> Vec<Pair> {
    let folder_len = begun.rfind(std::path::is_separator).map_or(0, |at| at + 1);
    let Some((folder, begun_name)) = begun.split_at_checked(folder_len) else { return Vec::new() };
    let place = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let mut found: Vec<Pair> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let mut name = entry.file_name().into_string().ok()?;
            // As in shells, hidden files are named by their dot.
            if !name.starts_with(begun_name) || (name.starts_with('.') && !begun_name.starts_with('.')) {
                return None;
            }
            // The terminal would obey it.
            if name.contains(char::is_control) {
                return None;
            }
            if entry.path().is_dir() {
                name.push(MAIN_SEPARATOR);
            }
            Some(Pair { replacement: format!("{folder}{name}"), display: escape(&name) })
        })
        .collect();
    found.sort_by(|one, other| one.replacement.cmp(&other.replacement));
    if found.len() > MAX_CHOICES {
        // The last one stays, so that the editor completes only what all of them have in common.
        found.drain(MAX_CHOICES - 1..found.len() - 1);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> (usize, Vec<String>) {
        let (start, pairs) = complete(line);
        (start, pairs.into_iter().map(|pair| pair.replacement).collect())
    }

    #[test]
    fn commands_are_completed_at_the_beginning_of_a_line_only() {
        assert_eq!(completed("/he").1, ["/headers", "/help"]);
        assert_eq!(completed("/pi").1, ["/ping"]);
        for line in ["", "pi", " /pi", "//pi", "/ping x", "hello /pi"] {
            assert!(completed(line).1.is_empty(), "{line}");
        }
    }

    #[test]
    fn names_of_files_are_completed_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("price lists")).unwrap();
        for name in ["price.json", "price lists/a.bin", ".price", "other"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let place = folder.path().to_str().unwrap();
        let (start, found) = completed(&format!("/binary {place}/pr"));
        assert_eq!(start, "/binary ".len());
        assert_eq!(found, [format!("{place}/price lists/"), format!("{place}/price.json")]);
        assert_eq!(
            completed(&format!("/text {place}/price lists/")).1,
            [format!("{place}/price lists/a.bin")]
        );
        assert_eq!(completed(&format!("/text {place}/.p")).1, [format!("{place}/.price")]);
        assert!(completed("/text /nonexistent/").1.is_empty());
    }

    /// Regression: the line editor panics when it is to show more than 65,535 names.
    #[test]
    fn only_so_many_files_are_offered_and_they_begin_as_all_do() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..=MAX_CHOICES {
            std::fs::write(folder.path().join(format!("price-{number:04}")), "").unwrap();
        }
        let place = folder.path().to_str().unwrap();
        let found = completed(&format!("/text {place}/p")).1;
        assert_eq!(found.len(), MAX_CHOICES);
        assert_eq!(found[MAX_CHOICES - 2], format!("{place}/price-0998"));
        assert_eq!(found[MAX_CHOICES - 1], format!("{place}/price-1000"));
    }

    /// Regression: the terminal obeyed what the name of a file told it.
    #[cfg(unix)]
    #[test]
    fn nothing_in_a_name_steers_the_terminal() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["price\x1b[31m", "price\n", "price\u{202e}x"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = complete(&format!("/text {}/", folder.path().to_str().unwrap())).1;
        let shown: Vec<&str> = found.iter().map(|pair| pair.display.as_str()).collect();
        assert_eq!(shown, ["price\\u{202e}x"]);
    }
}
