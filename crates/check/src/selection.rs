//! Which cases to run.

use crate::case::Case;

/// A pattern of cases: a family, the beginning of an id, or an id with `*` for any characters.
///
/// ```
/// use longwire_check::{Pattern, server_cases};
///
/// let chosen = |pattern: &str| {
///     let pattern = Pattern::new(pattern);
///     server_cases().into_iter().filter(|case| pattern.matches(case)).count()
/// };
/// assert_eq!(chosen("6455/5.5/ping-126"), 1);
/// assert!(chosen("6455/5.5/*") > 1 && chosen("6455/5.5") > 1 && chosen("closing") > 1);
/// assert_eq!(chosen("nothing"), 0);
/// ```
#[derive(Debug, Clone)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern in this text. A text that matches nothing is a pattern, too.
    #[must_use]
    pub fn new(text: &str) -> Pattern {
        Pattern(text.trim_end_matches('/').to_owned())
    }

    /// Whether the pattern matches the case.
    #[must_use]
    pub fn matches(&self, case: &Case) -> bool {
        let Pattern(pattern) = self;
        if pattern.contains('*') {
            return matches_stars(pattern, case.id());
        }
        let below = case.id().strip_prefix(pattern.as_str());
        case.family().to_string() == *pattern
            || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Whether the pieces between the stars stand in the text, one after another.
fn matches_stars(pattern: &str, text: &str) -> bool {
    let (first, rest) = pattern.split_once('*').unwrap_or((pattern, ""));
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        match text.split_once(piece) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters() {
        for pattern in ["*", "a/b/*", "*/c", "a*c", "a*/*c", "a/b/c*"] {
            assert!(matches_stars(pattern, "a/b/c"), "{pattern}");
        }
        for pattern in ["b*", "*b", "a*d*c", "a/b/c/*"] {
            assert!(!matches_stars(pattern, "a/b/c"), "{pattern}");
        }
    }
}
