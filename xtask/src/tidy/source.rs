//! The parsed source files of a crate.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::Item;
use syn::spanned::Spanned;

use crate::tidy::module_path::ModulePath;
use crate::tidy::test_code::{attributes, for_tests_only};
use crate::workspace::{Package, Workspace};

/// A file in a crate's `src`, or in its `tests` if it has nothing else.
pub(crate) struct SourceFile {
    /// The path relative to the workspace's root.
    pub(crate) path: PathBuf,
    pub(crate) module: ModulePath,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    /// Compiled for tests only: a `tests.rs`, or declared under `#[cfg(test)]`, or below such a file.
    pub(crate) test_only: bool,
}

/// An identifier or a punctuation character of the code, not of comments or literals.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl SourceFile {
    /// The file's tokens, flattened.
    pub(crate) fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        // Text that cannot be tokenized could not have been parsed.
        flatten(self.text.parse().unwrap_or_default(), &mut tokens);
        tokens
    }

    /// The lines of items that are compiled for tests only.
    pub(crate) fn test_lines(&self) -> Vec<RangeInclusive<usize>> {
        if self.test_only {
            return vec![1..=usize::MAX];
        }
        let items = self.syntax.items.iter().filter(|item| for_tests_only(attributes(item)));
        items.map(|item| item.span().start().line..=item.span().end().line).collect()
    }

    /// A finding in this file.
    pub(crate) fn finding(&self, line: usize, what: impl fmt::Display) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

/// Reads all files in the package's `src`, or in its `tests` if it has nothing else, ordered by path.
pub(crate) fn load(workspace: &Workspace, package: &Package) -> Result<Vec<SourceFile>> {
    let (src, tests) = (package.dir.join("src"), package.dir.join("tests"));
    let src = if !src.is_dir() && tests.is_dir() { tests } else { src };
    let mut paths = Vec::new();
    collect_rust_files(&src, &mut paths)?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let syntax = syn::parse_file(&text).with_context(|| {
            let path = workspace.relative(&path).display();
            format!("{path} cannot be parsed as Rust")
        })?;
        files.push(SourceFile {
            module: ModulePath::of_file(path.strip_prefix(&src)?),
            path: workspace.relative(&path).to_owned(),
            text,
            syntax,
            test_only: false,
        });
    }
    mark_test_only(&mut files);
    Ok(files)
}

fn collect_rust_files(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect_rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => flatten(group.stream(), tokens),
            TokenTree::Ident(ident) => tokens.push(Token { text: ident.to_string(), line }),
            TokenTree::Punct(punct) => tokens.push(Token { text: punct.as_char().to_string(), line }),
            TokenTree::Literal(_) => {}
        }
    }
}

fn mark_test_only(files: &mut [SourceFile]) {
    let declared: BTreeSet<ModulePath> = files
        .iter()
        .flat_map(|file| {
            file.syntax.items.iter().filter_map(|item| match item {
                Item::Mod(module) if module.content.is_none() && for_tests_only(&module.attrs) => {
                    Some(file.module.child(&module.ident.to_string()))
                }
                _ => None,
            })
        })
        .collect();
    for file in files {
        file.test_only = file.module.segments().iter().any(|segment| segment == "tests")
            || declared.iter().any(|test| *test == file.module || test.is_ancestor_of(&file.module));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_tests_alone_is_read_too() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        std::fs::create_dir_all(root.join("tests/rooms")).unwrap();
        std::fs::write(root.join("tests/rooms/main.rs"), "fn main() {}").unwrap();
        let package = Package { name: "fake".into(), dir: root.clone(), depends_on: Vec::new() };
        let workspace = Workspace { target: root.join("target"), root, packages: Vec::new() };
        let files = load(&workspace, &package).unwrap();
        let paths: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        assert_eq!(paths, [Path::new("tests/rooms/main.rs")]);
    }
}
