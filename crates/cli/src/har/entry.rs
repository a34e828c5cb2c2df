//! The numbers of the connections in a file.

use std::path::Path;

use crate::terminal::escape;

/// Says that a file has no connection of this number, because it has only `count`.
pub(crate) fn no_such_entry(entry: impl std::fmt::Display, count: usize, file: &Path) -> String {
    let (verb, plural) = if count == 1 { ("is", "") } else { ("are", "s") };
    let file = escape(&file.display().to_string());
    format!("--entry {entry}: there {verb} only {count} connection{plural} in {file}")
}
