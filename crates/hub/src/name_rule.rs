//! The names that the channels of a namespace may have.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 256;

/// The most memory that a compiled pattern takes, in bytes.
const MAX_COMPILED: usize = 256 << 10;

/// A regular expression that the whole name of a channel must match, without its namespace. Matching takes time that is
/// linear in the length of the name.
///
/// ```
/// use longwire_hub::NameRule;
///
/// let rule: NameRule = "[a-z]+-[0-9]{1,6}".parse()?;
/// assert!(rule.allows("room-17") && !rule.allows("room-17-b"));
/// # Ok::<(), longwire_hub::InvalidNameRule>(())
/// ```
#[derive(Debug, Clone)]
pub struct NameRule {
    pattern: Box<str>,
    whole: Regex,
}

/// A pattern that cannot be used.
///
/// ```
/// let error = "[a-z".parse::<longwire_hub::NameRule>().unwrap_err();
/// assert!(error.to_string().starts_with("this is not a regular expression"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidNameRule(String);

impl NameRule {
    /// Whether a channel may have this name.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.whole.is_match(name)
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

impl std::str::FromStr for NameRule {
    type Err = InvalidNameRule;

    fn from_str(pattern: &str) -> Result<NameRule, InvalidNameRule> {
        if pattern.len() > MAX_PATTERN {
            return Err(InvalidNameRule(format!("the pattern is longer than {MAX_PATTERN} bytes")));
        }
        let problem = |error| InvalidNameRule(format!("this is not a regular expression: {error}"));
        // By itself, so that nothing in it closes the group.
        Regex::new(pattern).map_err(problem)?;
        let whole = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(MAX_COMPILED).build();
        Ok(NameRule { pattern: pattern.into(), whole: whole.map_err(problem)? })
    }
}

impl PartialEq for NameRule {
    fn eq(&self, other: &NameRule) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for NameRule {}

impl fmt::Display for InvalidNameRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidNameRule {}
