//! The configurations of `docs/proxies.md`, which the matrix runs as they stand there.

use anyhow::{Context as _, Result, bail};

/// The first block of code below the heading `name` of a page.
///
/// # Errors
///
/// There is none.
pub(super) fn snippet<'p>(page: &'p str, name: &str) -> Result<&'p str> {
    let heading = format!("\n## {name}\n");
    let (_, section) = page.split_once(&heading).with_context(|| format!("there is no section {name}"))?;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let block = || -> Option<&str> {
        let (_, rest) = section.split_once("\n```")?;
        let (_, code) = rest.split_once('\n')?;
        Some(code.split_once("\n```")?.0)
    };
    block().with_context(|| format!("section {name} has no block of code"))
}

/// A snippet with what this machine has in place of what stands there: each of them has to stand there.
///
/// # Errors
///
/// Something does not, so that the page and the matrix have come apart.
pub(super) fn adapted(snippet: &str, here: &[(&str, &str)]) -> Result<String> {
    let mut adapted = snippet.to_owned();
    for (there, here) in here {
        if !adapted.contains(there) {
            bail!("{there:?} does not stand in the configuration:\n{snippet}");
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
