//! Which text is meant: by a regular expression, or as it is.

use std::fmt;

use regex::Regex;

use crate::failure::Failure;
use crate::terminal::escape_lines;

/// A regular expression, or with --fixed a text.
#[derive(Debug, Clone)]
pub(crate) struct TextPattern {
    regex: Regex,
    /// As the user gave it.
    text: String,
}

/// How a text is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternForm {
    Regex,
    /// As it is.
    Fixed,
}

impl PatternForm {
    /// What --fixed says.
    pub(crate) fn of(fixed: bool) -> PatternForm {
        if fixed { PatternForm::Fixed } else { PatternForm::Regex }
    }
}

impl TextPattern {
    /// What to say if nothing matched, and a message [has the text](TextPattern::is_text_of).
    pub(crate) const HINT: &str = "a message has it as it is, so --fixed would find it";

    /// The pattern of the flag `flag`.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if it is not a regular expression.
    pub(crate) fn new(flag: &str, text: &str, form: PatternForm) -> Result<TextPattern, Failure> {
        let pattern = match form {
            PatternForm::Regex => text.to_owned(),
            PatternForm::Fixed => regex::escape(text),
        };
        match Regex::new(&pattern) {
            Ok(regex) => Ok(TextPattern { regex, text: text.to_owned() }),
            Err(error) => {
                let error = escape_lines(&error.to_string());
                let message =
                    format!("{flag} is not a regular expression (--fixed takes it as it is):{error}");
                Err(Failure::Usage(message))
            }
        }
    }

    pub(crate) fn regex(&self) -> &Regex {
        &self.regex
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Whether `text` has the pattern as it is, although it does not match: the user may have meant that.
    pub(crate) fn is_text_of(&self, text: &str) -> bool {
        !self.is_match(text) && text.contains(&self.text)
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_does_not_match_itself_may_be_meant_as_it_is() {
        let of = |form| TextPattern::new("--grep", "a(b)", form).unwrap();
        let regex = of(PatternForm::Regex);
        assert!(regex.is_match("ab") && !regex.is_match("a(b)"));
        assert!(regex.is_text_of("x a(b)") && !regex.is_text_of("ab") && !regex.is_text_of("a(c)"));
        assert!(of(PatternForm::Fixed).is_match("x a(b)") && !of(PatternForm::Fixed).is_text_of("a(b)"));
    }
}
