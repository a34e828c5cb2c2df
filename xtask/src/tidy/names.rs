//! The paths that a file names, resolved to absolute paths.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

use crate::tidy::module_path::ModulePath;
use crate::tidy::source::SourceFile;
use crate::tidy::test_code::{attributes, for_tests_only};

/// The target of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An item of this crate; the segments start at the crate's root.
    Inside(Vec<String>),
    /// Another crate, or a local name.
    Outside(Vec<String>),
}

/// A path in a file.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) target: Target,
    pub(crate) line: usize,
}

/// The names that `use` brings into modules, with their targets.
pub(crate) type Imports = BTreeMap<(ModulePath, String), Target>;

/// The paths that a file names, except in test code.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) references: Vec<Reference>,
    pub(crate) imports: Imports,
}

impl Names {
    pub(crate) fn of(file: &SourceFile) -> Self {
        let mut reader = Reader { module: file.module.clone(), ..Reader::default() };
        reader.visit_file(&file.syntax);
        reader.finish()
    }
}

/// A path as it is written, with the module that it is written in.
#[derive(Debug)]
struct Written {
    module: ModulePath,
    segments: Vec<String>,
    line: usize,
}

impl Written {
    /// The path from the root of its crate. A leading `::` is an empty first segment.
    fn absolute(&self, declared: &BTreeSet<ModulePath>, imports: &Imports) -> Option<Target> {
        let (first, rest) = self.segments.split_first()?;
        let below = |module: &ModulePath, rest: &[String]| Target::Inside([module.segments(), rest].concat());
        Some(match first.as_str() {
            "" => Target::Outside(rest.to_vec()),
            "crate" => Target::Inside(rest.to_vec()),
            "self" => below(&self.module, rest).above(),
            "super" => below(&self.module.parent()?, rest).above(),
            _ if declared.contains(&self.module.child(first)) => below(&self.module, &self.segments),
            _ => match imports.get(&(self.module.clone(), first.clone())) {
                Some(Target::Inside(import)) => Target::Inside([import, rest].concat()),
                Some(Target::Outside(import)) => Target::Outside([import, rest].concat()),
                None => Target::Outside(self.segments.clone()),
            },
        })
    }
}

impl Target {
    /// Resolves the `super` segments after an initial `self` or `super`.
    fn above(self) -> Self {
        let Self::Inside(segments) = self else { return self };
        let mut walked: Vec<String> = Vec::new();
        for segment in segments {
            if segment == "super" {
                walked.pop();
            } else {
                walked.push(segment);
            }
        }
        Self::Inside(walked)
    }
}

#[derive(Debug, Default)]
struct Reader {
    module: ModulePath,
    declared: BTreeSet<ModulePath>,
    imported: Vec<(Option<String>, Written)>,
    written: Vec<Written>,
}

impl Reader {
    fn finish(self) -> Names {
        let mut names = Names::default();
        for (name, written) in self.imported {
            let Some(target) = written.absolute(&self.declared, &Imports::new()) else { continue };
            names.references.push(Reference { target: target.clone(), line: written.line });
            if let Some(name) = name {
                names.imports.insert((written.module, name), target);
            }
        }
        for written in self.written {
            if let Some(target) = written.absolute(&self.declared, &names.imports) {
                names.references.push(Reference { target, line: written.line });
            }
        }
        names
    }

    fn write(&mut self, segments: Vec<String>, line: usize) {
        // A single segment is a local name, a name of the prelude, or one that a `use` has already added.
        if segments.len() > 1 {
            self.written.push(Written { module: self.module.clone(), segments, line });
        }
    }

    /// Collects the leaves of a `use` tree.
    fn import(&mut self, tree: &UseTree, prefix: &[String]) {
        let joined = |ident: &syn::Ident| [prefix, &[ident.to_string()]].concat();
        let (segments, name) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &joined(&path.ident)),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.import(tree, prefix)),
            UseTree::Name(leaf) if leaf.ident == "self" => (prefix.to_vec(), prefix.last().cloned()),
            UseTree::Rename(leaf) if leaf.ident == "self" => (prefix.to_vec(), Some(leaf.rename.to_string())),
            UseTree::Name(leaf) => (joined(&leaf.ident), Some(leaf.ident.to_string())),
            UseTree::Rename(leaf) => (joined(&leaf.ident), Some(leaf.rename.to_string())),
            _ => (prefix.to_vec(), None),
        };
        let line = tree.span().start().line;
        self.imported.push((name, Written { module: self.module.clone(), segments, line }));
    }

    /// Collects the paths in a macro's tokens, which have not been parsed.
    fn read_tokens(&mut self, stream: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for tree in stream {
            match tree {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.write(std::mem::take(&mut path), line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.write(std::mem::take(&mut path), line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.read_tokens(group.stream());
                    }
                }
            }
        }
        self.write(path, line);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !for_tests_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let for_tests = matches!(item, ImplItem::Fn(function) if for_tests_only(&function.attrs));
        if !for_tests {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let inner = self.module.child(&module.ident.to_string());
        self.declared.insert(inner.clone());
        let outer = std::mem::replace(&mut self.module, inner);
        visit::visit_item_mod(self, module);
        self.module = outer;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let prefix = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
        self.import(&item.tree, &prefix);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let global = path.leading_colon.map(|_| String::new());
        let segments = path.segments.iter().map(|segment| segment.ident.to_string());
        self.write(global.into_iter().chain(segments).collect(), path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.visit_path(&invocation.path);
        self.read_tokens(invocation.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    /// `pub(in crate::frame)` limits visibility. It is not a reference.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}
