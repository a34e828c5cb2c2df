//! Every public type of the library has an example in its documentation. `cargo test` compiles them.

use syn::{Attribute, Expr, ExprLit, Ident, Item, Lit, Meta, Visibility};

use crate::tidy::source::SourceFile;

pub(crate) fn check(files: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.test_only) {
        for item in &file.syntax.items {
            let Some((name, attributes)) = public_type(item) else { continue };
            if !attributes.iter().any(shows_code) {
                let line = name.span().start().line;
                findings.push(file.finding(line, format_args!("`{name}` is public and has no example")));
            }
        }
    }
    findings
}

fn public_type(item: &Item) -> Option<(&Ident, &[Attribute])> {
    let (name, attributes, visibility) = match item {
        Item::Struct(item) => (&item.ident, &item.attrs, &item.vis),
        Item::Enum(item) => (&item.ident, &item.attrs, &item.vis),
        Item::Trait(item) => (&item.ident, &item.attrs, &item.vis),
        Item::Type(item) => (&item.ident, &item.attrs, &item.vis),
        _ => return None,
    };
    matches!(visibility, Visibility::Public(_)).then_some((name, attributes))
}

/// Whether a line of documentation starts a code block, or the documentation is included from a file.
fn shows_code(attribute: &Attribute) -> bool {
    let Meta::NameValue(meta) = &attribute.meta else { return false };
    meta.path.is_ident("doc")
        && match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value().trim_start().starts_with("```"),
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake_tree::FakeTree;

    #[test]
    fn a_public_type_without_an_example_is_found() {
        let tree = FakeTree::new(&[(
            "lib.rs",
            "/// A thing.\n///\n/// ```\n/// f();\n/// ```\npub struct Shown;\n\n/// `f()`.\npub enum Told {}\n\n\
             pub(crate) struct Inner;\npub trait Bare {}\nstruct Own;\n",
        )]);
        assert_eq!(
            check(&tree.files()),
            [
                "src/lib.rs:9: `Told` is public and has no example",
                "src/lib.rs:12: `Bare` is public and has no example"
            ]
        );
    }

    #[test]
    fn documentation_that_is_a_file_counts() {
        let tree = FakeTree::new(&[("lib.rs", "#[doc = include_str!(\"README.md\")]\npub struct Readme;\n")]);
        assert_eq!(check(&tree.files()), [""; 0]);
    }
}
