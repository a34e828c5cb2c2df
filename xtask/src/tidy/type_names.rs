//! A type name occurs only once in a crate, except for names that the rules list with a reason.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Ident, Item};

use crate::tidy::rules::{self, CrateRules};
use crate::tidy::source::SourceFile;
use crate::tidy::test_code::{attributes, for_tests_only};

pub(crate) fn check(crate_name: &str, files: &[SourceFile], rules: &CrateRules) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| !file.test_only) {
        for name in types_of(&file.syntax.items) {
            let place = format!("{}:{}", file.path.display(), name.span().start().line);
            places.entry(name.to_string()).or_default().push(place);
        }
    }
    places.retain(|_, places| places.len() > 1);
    let listed: BTreeSet<&String> = rules.same_names.keys().collect();
    let found: BTreeSet<&String> = places.keys().collect();
    let unlisted = found.difference(&listed).map(|name| {
        let places = places.get(*name).map(|places| places.join(", ")).unwrap_or_default();
        format!("{crate_name} has several types {name}: {places}; name each after its purpose")
    });
    let needless = listed.difference(&found).map(|name| {
        let file = rules::FILE;
        format!("{file}: {crate_name} has at most one type {name}: remove it from `same_names`")
    });
    unlisted.chain(needless).collect()
}

/// The types that these items and their inline modules declare.
fn types_of(items: &[Item]) -> Vec<&Ident> {
    let mut types = Vec::new();
    for item in items.iter().filter(|item| !for_tests_only(attributes(item))) {
        match item {
            Item::Struct(item) => types.push(&item.ident),
            Item::Enum(item) => types.push(&item.ident),
            Item::Trait(item) => types.push(&item.ident),
            Item::Type(item) => types.push(&item.ident),
            Item::Union(item) => types.push(&item.ident),
            Item::Mod(module) => {
                let inner = module.content.as_ref().map_or(&[][..], |(_, items)| items);
                types.extend(types_of(inner));
            }
            _ => {}
        }
    }
    types
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake_tree::FakeTree;

    const FILES: [(&str, &str); 4] = [
        ("event.rs", "struct Connection; type Result = ();"),
        ("server.rs", "mod inner { enum Connection {} }\nimpl Work for Server { type Result = (); }"),
        ("client.rs", "#[cfg(test)] mod tests { struct Connection; }\n#[cfg(test)] struct Connection;"),
        ("client/tests.rs", "struct Connection;"),
    ];

    fn findings(same_names: &str) -> Vec<String> {
        let rules = toml::from_str(&format!("floors = []\n[same_names]\n{same_names}")).unwrap();
        check("fake", &FakeTree::new(&FILES).files(), &rules)
    }

    #[test]
    fn a_name_that_occurs_twice_is_found() {
        let place = "src/event.rs:1, src/server.rs:1";
        assert_eq!(
            findings(""),
            [format!("fake has several types Connection: {place}; name each after its purpose")]
        );
    }

    #[test]
    fn the_rules_list_those_that_do_occur_twice() {
        assert_eq!(findings("Connection = \"as in the other crate\""), [""; 0]);
        assert_eq!(
            findings("Connection = \"as in the other crate\"\nResult = \"as there, too\""),
            ["floors.toml: fake has at most one type Result: remove it from `same_names`"]
        );
    }
}
