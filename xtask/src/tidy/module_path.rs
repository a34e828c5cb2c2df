//! The path of a module, relative to its crate's root.

use std::fmt;
use std::path::Path;

/// The path of a module, relative to its crate's root. Empty for `lib.rs`, `main.rs` and `bin/*.rs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ModulePath(Vec<String>);

impl ModulePath {
    /// The module in a file, given the file's path relative to `src`.
    pub(crate) fn of_file(below_src: &Path) -> Self {
        let mut segments: Vec<String> =
            below_src.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let is_root = matches!(segments.as_slice(), [only] if only == "lib" || only == "main")
            || matches!(segments.as_slice(), [dir, _] if dir == "bin");
        if is_root {
            segments.clear();
        } else if segments.last().is_some_and(|last| last == "mod") {
            segments.pop();
        }
        Self(segments)
    }

    pub(crate) fn segments(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        Some(Self(parent.to_vec()))
    }

    pub(crate) fn child(&self, name: &str) -> Self {
        Self(self.0.iter().cloned().chain([name.to_owned()]).collect())
    }

    pub(crate) fn is_ancestor_of(&self, other: &Self) -> bool {
        other.0.len() > self.0.len() && other.0.starts_with(&self.0)
    }
}

impl From<&[String]> for ModulePath {
    fn from(segments: &[String]) -> Self {
        Self(segments.to_vec())
    }
}

impl From<&str> for ModulePath {
    fn from(path: &str) -> Self {
        Self(path.split("::").map(str::to_owned).collect())
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() { f.write_str("the crate's root") } else { f.write_str(&self.0.join("::")) }
    }
}
