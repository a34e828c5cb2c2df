//! A file refers only to files on lower floors, so there are no circles.

use std::collections::BTreeMap;

use crate::tidy::module_path::ModulePath;
use crate::tidy::module_tree::{Module, ModuleTree, Place};
use crate::tidy::names::Target;
use crate::tidy::rules::{self, CrateRules};
use crate::tidy::source::SourceFile;

pub(crate) fn check(crate_name: &str, files: &[SourceFile], rules: &CrateRules) -> Vec<String> {
    let tree = ModuleTree::new(files, rules);
    let mut findings = misplaced(crate_name, &tree, rules);
    for module in tree.modules() {
        match module.place {
            Place::Floor(floor) => findings.extend(upward_references(&tree, module, floor)),
            Place::Nowhere => findings.push(module.file.finding(
                1,
                format_args!(
                    "{} stands on no floor: add it to [crate.{crate_name}] in {}",
                    module.file.module,
                    rules::FILE
                ),
            )),
            Place::Root | Place::Door => {}
        }
    }
    findings
}

/// Modules in the rules that do not exist or are on two floors.
fn misplaced(crate_name: &str, tree: &ModuleTree<'_>, rules: &CrateRules) -> Vec<String> {
    let mut findings = Vec::new();
    let mut placed = BTreeMap::new();
    for (floor, name) in
        rules.floors.iter().enumerate().flat_map(|(floor, names)| names.iter().map(move |name| (floor, name)))
    {
        let module = ModulePath::from(name.as_str());
        if !tree.contains(&module) {
            findings.push(format!(
                "{}: {crate_name} has no file for {name}: take it off floor {floor}",
                rules::FILE
            ));
        }
        if let Some(other) = placed.insert(module, floor) {
            findings.push(format!(
                "{}: {name} of {crate_name} stands on floors {other} and {floor}: keep one",
                rules::FILE
            ));
        }
    }
    findings
}

fn upward_references(tree: &ModuleTree<'_>, module: &Module<'_>, floor: usize) -> Vec<String> {
    let own = &module.file.module;
    // Report each upward reference once, where it first occurs. Modules that are missing in the rules have another
    // finding.
    let mut upward = BTreeMap::new();
    for reference in &module.names.references {
        let Target::Inside(path) = &reference.target else { continue };
        let holder = tree.holder_of(path);
        let is_lower = tree.floor(&holder).is_some_and(|other| other < floor);
        if holder != *own && !is_lower && tree.place(&holder) != Some(Place::Nowhere) {
            upward.entry(holder).or_insert(reference.line);
        }
    }
    let finding = |(holder, line)| {
        let (place, remedy) = match tree.floor(&holder) {
            Some(other) => (
                format!("floor {other}"),
                "only lower floors may be named: move what is needed down, or place the two anew",
            ),
            None => ("above all floors".to_owned(), "name the module that the item lives in"),
        };
        let what = format!("{own} (floor {floor}) refers to {holder} ({place}); {remedy}");
        module.file.finding(line, what)
    };
    upward.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests;
