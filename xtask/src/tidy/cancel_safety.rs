//! The documentation of every public async method says what happens when its future is dropped.

use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Lit, Meta, Signature, Visibility};

use crate::tidy::source::SourceFile;

pub(crate) fn check(files: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let mut search = Search { unsaid: Vec::new() };
        search.visit_file(&file.syntax);
        let for_tests = file.test_lines();
        let unsaid = search.unsaid.into_iter();
        let unsaid = unsaid.filter(|(line, _)| !for_tests.iter().any(|lines| lines.contains(line)));
        findings.extend(unsaid.map(|(line, name)| {
            file.finding(
                line,
                format_args!("`{name}` does not document its cancel safety (`# Cancel safety`)"),
            )
        }));
    }
    findings
}

struct Search {
    /// Line and name of each undocumented method.
    unsaid: Vec<(usize, String)>,
}

impl Search {
    fn function(&mut self, visibility: &Visibility, signature: &Signature, attributes: &[Attribute]) {
        let is_public = matches!(visibility, Visibility::Public(_));
        if is_public && signature.asyncness.is_some() && !attributes.iter().any(tells) {
            self.unsaid.push((signature.ident.span().start().line, signature.ident.to_string()));
        }
    }
}

impl Visit<'_> for Search {
    fn visit_item_fn(&mut self, function: &syn::ItemFn) {
        self.function(&function.vis, &function.sig, &function.attrs);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &syn::ImplItemFn) {
        self.function(&function.vis, &function.sig, &function.attrs);
        visit::visit_impl_item_fn(self, function);
    }
}

/// Whether this line of documentation mentions cancel safety, in a section or in passing.
fn tells(attribute: &Attribute) -> bool {
    let Meta::NameValue(line) = &attribute.meta else { return false };
    let Expr::Lit(literal) = &line.value else { return false };
    let Lit::Str(text) = &literal.lit else { return false };
    line.path.is_ident("doc") && text.value().to_lowercase().contains("cancel saf")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::fake_tree::FakeTree;

    #[test]
    fn only_public_async_functions_have_to_say() {
        let source = "/// # Cancel safety\n///\n/// Whole.\npub async fn a() {}\n\
                      pub fn b() {}\npub(crate) async fn c() {}\n\
                      impl T { /// Waits. Cancel safe.\npub async fn d() {} async fn e() {} }\n\
                      #[cfg(test)]\nmod tests { pub async fn f() {} }";
        assert_eq!(check(&FakeTree::new(&[("lib.rs", source)]).files()), [""; 0]);
    }

    #[test]
    fn silence_is_found_in_functions_and_methods() {
        let source = "/// Waits.\npub async fn a() {}\nimpl T {\n    pub async fn b() {}\n}";
        assert_eq!(
            check(&FakeTree::new(&[("lib.rs", source)]).files()),
            [
                "src/lib.rs:2: `a` does not document its cancel safety (`# Cancel safety`)",
                "src/lib.rs:4: `b` does not document its cancel safety (`# Cancel safety`)",
            ]
        );
    }
}
