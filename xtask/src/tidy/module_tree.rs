//! The modules of a crate: resolves paths to modules, and modules to floors.

use std::collections::BTreeMap;

use syn::Item;

use crate::tidy::module_path::ModulePath;
use crate::tidy::names::{Names, Target};
use crate::tidy::rules::CrateRules;
use crate::tidy::source::SourceFile;
use crate::tidy::test_code::{attributes, for_tests_only};

/// The modules of a crate, without those that are compiled for tests only.
pub(crate) struct ModuleTree<'s> {
    modules: BTreeMap<ModulePath, Module<'s>>,
}

pub(crate) struct Module<'s> {
    pub(crate) file: &'s SourceFile,
    pub(crate) names: Names,
    pub(crate) place: Place,
}

/// The position of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `lib.rs`, `main.rs` or a program in `bin`: above all floors.
    Root,
    Floor(usize),
    /// A module root that only declares its children and re-exports. It needs no floor: names taken from it count as
    /// names of the module that defines them.
    Door,
    /// Missing in the rules.
    Nowhere,
}

impl<'s> ModuleTree<'s> {
    pub(crate) fn new(files: &'s [SourceFile], rules: &CrateRules) -> Self {
        let modules = files
            .iter()
            .filter(|file| !file.test_only)
            .map(|file| {
                let names = Names::of(file);
                let place = match floor_of(&file.module, rules) {
                    Some(floor) => Place::Floor(floor),
                    None if file.module.is_root() => Place::Root,
                    None if is_door(file) => Place::Door,
                    None => Place::Nowhere,
                };
                (file.module.clone(), Module { file, names, place })
            })
            .collect();
        Self { modules }
    }

    pub(crate) fn modules(&self) -> impl Iterator<Item = &Module<'s>> {
        self.modules.values()
    }

    pub(crate) fn contains(&self, module: &ModulePath) -> bool {
        self.modules.contains_key(module)
    }

    pub(crate) fn place(&self, module: &ModulePath) -> Option<Place> {
        Some(self.modules.get(module)?.place)
    }

    /// The floor of a module. A re-exporting root is as high as its highest child.
    pub(crate) fn floor(&self, module: &ModulePath) -> Option<usize> {
        match self.place(module)? {
            Place::Floor(floor) => Some(floor),
            Place::Door => self
                .modules
                .keys()
                .filter(|other| module.is_ancestor_of(other))
                .filter_map(|child| self.floor(child))
                .max(),
            Place::Root | Place::Nowhere => None,
        }
    }

    /// The module that defines the item at `path`, which starts at the crate's root.
    pub(crate) fn holder_of(&self, path: &[String]) -> ModulePath {
        /// A chain of re-exports is never this long; a circle of them would be.
        const DOORS: usize = 16;

        let mut path = path.to_vec();
        for _ in 0..DOORS {
            match self.behind_door(&path) {
                Some(further) => path = further,
                None => break,
            }
        }
        self.longest_module(&path)
    }

    fn longest_module(&self, path: &[String]) -> ModulePath {
        (0..=path.len())
            .rev()
            .filter_map(|length| path.get(..length).map(ModulePath::from))
            .find(|module| self.contains(module))
            .unwrap_or_default()
    }

    /// The path that a re-export stands for.
    fn behind_door(&self, path: &[String]) -> Option<Vec<String>> {
        let door = self.longest_module(path);
        let module = self.modules.get(&door).filter(|module| module.place == Place::Door)?;
        let (name, rest) = path.get(door.segments().len()..)?.split_first()?;
        match module.names.imports.get(&(door, name.clone()))? {
            Target::Inside(import) => Some([import, rest].concat()),
            Target::Outside(_) => None,
        }
    }
}

fn floor_of(module: &ModulePath, rules: &CrateRules) -> Option<usize> {
    rules.floors.iter().position(|floor| floor.iter().any(|name| ModulePath::from(name.as_str()) == *module))
}

fn is_door(file: &SourceFile) -> bool {
    let (modules, others): (Vec<_>, Vec<_>) = file
        .syntax
        .items
        .iter()
        .partition(|item| matches!(item, Item::Mod(module) if module.content.is_none()));
    !modules.is_empty()
        && others.into_iter().all(|item| matches!(item, Item::Use(_)) || for_tests_only(attributes(item)))
}
