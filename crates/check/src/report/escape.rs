//! Text from the wire, safe to show.

/// The text without characters that control a terminal, change the direction of text or are invisible. Line ends and
/// the escapes that are there already stay.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\n' | '"' | '\'' | '\\') || character.escape_debug().len() == 1 {
            shown.push(character);
        } else {
            shown.extend(character.escape_debug());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_escaped() {
        assert_eq!(escaped("a\u{1b}[2J\u{202e}b\r\n\"é\""), "a\\u{1b}[2J\\u{202e}b\\r\n\"é\"");
    }
}
