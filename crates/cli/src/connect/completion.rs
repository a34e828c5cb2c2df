//! Completes commands and the names of files with the Tab key.

use std::path::{MAIN_SEPARATOR, Path};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::command;

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

/// The files and folders whose path begins with `begun`.
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
            if entry.path().is_dir() {
                name.push(MAIN_SEPARATOR);
            }
            Some(Pair { replacement: format!("{folder}{name}"), display: name })
        })
        .collect();
    found.sort_by(|one, other| one.display.cmp(&other.display));
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
}
