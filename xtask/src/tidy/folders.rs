//! Module folders are ordered as well: files refer only to files in lower folders, and sibling modules at any depth
//! form no circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::module_path::ModulePath;
use crate::tidy::module_tree::ModuleTree;
use crate::tidy::names::Target;
use crate::tidy::rules::{self, CrateRules};
use crate::tidy::source::SourceFile;

/// For each parent module: which child refers to which other child, and where it does so first.
type References = BTreeMap<ModulePath, BTreeMap<(String, String), String>>;

pub(crate) fn check(crate_name: &str, files: &[SourceFile], rules: &CrateRules) -> Vec<String> {
    let tree = ModuleTree::new(files, rules);
    let references = references(&tree);
    let mut findings = misplaced(crate_name, &tree, rules);
    if let Some(of_root) = references.get(&ModulePath::default()) {
        findings.extend(upward(of_root, rules));
    }
    for (parent, references) in &references {
        findings.extend(circles(parent, references));
    }
    findings
}

/// Folders that are missing or named twice in the rules, and names in the rules that are not folders.
fn misplaced(crate_name: &str, tree: &ModuleTree<'_>, rules: &CrateRules) -> Vec<String> {
    let segments = tree.modules().map(|module| module.file.module.segments());
    let folders: BTreeSet<&String> =
        segments.filter(|segments| segments.len() > 1).filter_map(<[String]>::first).collect();
    let mut findings = Vec::new();
    let mut placed = BTreeSet::new();
    for name in rules.folders.iter().flatten() {
        if !folders.contains(name) {
            findings.push(format!("{}: {crate_name} has no folder {name}", rules::FILE));
        }
        if !placed.insert(name) {
            findings.push(format!("{}: the folder {name} of {crate_name} is listed twice", rules::FILE));
        }
    }
    for name in folders.difference(&placed) {
        let file = rules::FILE;
        findings.push(format!("{file}: add the folder {name} to `folders` of [crate.{crate_name}]"));
    }
    findings
}

fn references(tree: &ModuleTree<'_>) -> References {
    let mut references = References::new();
    for module in tree.modules() {
        let own = module.file.module.segments();
        for reference in &module.names.references {
            let Target::Inside(path) = &reference.target else { continue };
            let holder = tree.holder_of(path);
            let other = holder.segments();
            let shared = own.iter().zip(other).take_while(|(own, other)| own == other).count();
            let (Some(from), Some(to)) = (own.get(shared), other.get(shared)) else { continue };
            let what = format!("{} refers to {holder}", module.file.module);
            let parent = own.get(..shared).map(ModulePath::from).unwrap_or_default();
            references
                .entry(parent)
                .or_default()
                .entry((from.clone(), to.clone()))
                .or_insert_with(|| module.file.finding(reference.line, what));
        }
    }
    references
}

fn upward(references: &BTreeMap<(String, String), String>, rules: &CrateRules) -> Vec<String> {
    let place = |name: &String| rules.folders.iter().position(|folders| folders.contains(name));
    let mut findings = Vec::new();
    for ((from, to), first) in references {
        if let (Some(own), Some(other)) = (place(from), place(to))
            && other >= own
        {
            findings.push(format!(
                "{first}; the folder {from} (place {own}) may refer only to folders before it, and {to} has place \
                 {other}"
            ));
        }
    }
    findings
}

/// The references that are part of a circle.
fn circles(parent: &ModulePath, references: &BTreeMap<(String, String), String>) -> Vec<String> {
    let leads_back =
        |((from, to), _): &(&(String, String), &String)| reachable(references, to).contains(from);
    let finding = |((from, to), first): (&(String, String), &String)| {
        format!("{first}; {to} leads back to {from}: a circle of modules in {parent}")
    };
    references.iter().filter(leads_back).map(finding).collect()
}

/// The modules that a module refers to, directly or indirectly.
fn reachable<'r>(
    references: &'r BTreeMap<(String, String), String>,
    start: &'r String,
) -> BTreeSet<&'r String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(module) = open.pop() {
        let next = references.keys().filter(|(from, _)| from == module).map(|(_, to)| to);
        open.extend(next.filter(|to| reached.insert(*to)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake_tree::FakeTree;

    fn findings(folders: &str, files: &[(&str, &str)]) -> Vec<String> {
        let rules = toml::from_str(&format!("floors = []\nfolders = {folders}")).unwrap();
        check("fake", &FakeTree::new(files).files(), &rules)
    }

    /// Modules in a circle although no two files refer to each other.
    const CIRCLE: [(&str, &str); 6] = [
        ("event.rs", "mod reactor; mod key;"),
        ("event/reactor.rs", "use crate::server::census::Census;"),
        ("event/key.rs", ""),
        ("server.rs", "mod census; mod run;"),
        ("server/census.rs", ""),
        ("server/run.rs", "use crate::event::key::Key;"),
    ];

    #[test]
    fn a_circle_of_folders_is_found_where_files_form_none() {
        let found = findings(r#"[["server"], ["event"]]"#, &CIRCLE);
        assert_eq!(
            found,
            [
                "src/server/run.rs:1: server::run refers to event::key; the folder server (place 0) may refer only to \
                 folders before it, and event has place 1",
                "src/event/reactor.rs:1: event::reactor refers to server::census; server leads back to event: a circle \
                 of modules in the crate's root",
                "src/server/run.rs:1: server::run refers to event::key; event leads back to server: a circle of modules \
                 in the crate's root",
            ]
        );
        assert_eq!(findings(r#"[["server"], ["event"]]"#, &CIRCLE[..5]), [""; 0]);
    }

    #[test]
    fn a_file_between_two_of_a_folder_closes_a_circle() {
        let found = findings(
            r#"[["event"]]"#,
            &[
                ("event/reactor.rs", "use crate::bell::Bell;"),
                ("event/key.rs", ""),
                ("bell.rs", "use crate::event::key::Key;"),
            ],
        );
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn folders_within_a_folder_form_no_circle_either() {
        let found = findings(
            r#"[["client"]]"#,
            &[
                ("client/proxy/choice.rs", "use crate::client::url::Url;"),
                ("client/proxy/server.rs", ""),
                ("client/url.rs", "use super::proxy::server::Server;"),
            ],
        );
        assert!(found[0].ends_with("a circle of modules in client"), "{found:?}");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_folder_has_one_place() {
        assert_eq!(
            findings(r#"[["server", "http"], ["server"]]"#, &CIRCLE[..5]),
            [
                "floors.toml: fake has no folder http",
                "floors.toml: the folder server of fake is listed twice",
                "floors.toml: add the folder event to `folders` of [crate.fake]",
            ]
        );
    }
}
