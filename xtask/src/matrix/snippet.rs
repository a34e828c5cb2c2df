//! Reads the configurations in `docs/proxies.md`, which the matrix runs as they are documented.

use anyhow::{Context as _, Result, bail};

/// The first code block below the heading `name` of a page.
///
/// # Errors
///
/// The page has no such heading or code block.
pub(super) fn snippet<'p>(page: &'p str, name: &str) -> Result<&'p str> {
    let heading = format!("\n## {name}\n");
    let (_, section) = page.split_once(&heading).with_context(|| format!("there is no section {name}"))?;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let block = || -> Option<&str> {
        let (_, rest) = section.split_once("\n```")?;
        let (_, code) = rest.split_once('\n')?;
        Some(code.split_once("\n```")?.0)
    };
    block().with_context(|| format!("section {name} has no code block"))
}

/// A snippet with replacements for this machine. Each replaced text must occur in it.
///
/// # Errors
///
/// A text does not occur: the page has changed, and the replacements must follow.
pub(super) fn adapted(snippet: &str, here: &[(&str, &str)]) -> Result<String> {
    let mut adapted = snippet.to_owned();
    for (there, here) in here {
        if !adapted.contains(there) {
            bail!("the configuration does not contain {there:?}:\n{snippet}");
        }
        adapted = adapted.replace(there, here);
    }
    Ok(adapted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Page\n\n```\nnot this\n```\n\n## One\n\nWords.\n\n```x\na {\n  b 1\n}\n```\n\n## Two\n\nNone.\n\n## Three\n\n```y\nc\n```\n";

    #[test]
    fn a_section_has_its_block() {
        assert_eq!(snippet(PAGE, "One").unwrap(), "a {\n  b 1\n}");
        assert_eq!(snippet(PAGE, "Three").unwrap(), "c");
        assert!(snippet(PAGE, "Two").is_err() && snippet(PAGE, "Four").is_err());
    }

    #[test]
    fn what_is_replaced_has_to_be_there() {
        assert_eq!(adapted("a 1; a 2", &[("a", "b"), ("2", "3")]).unwrap(), "b 1; b 3");
        assert!(adapted("a 1", &[("c", "d")]).is_err());
    }
}
