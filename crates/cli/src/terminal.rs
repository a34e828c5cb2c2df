//! What goes to a person.

use std::fmt::Write as _;
use std::io::Write as _;

/// Whether to use colour, given whether the output is a terminal. See <https://no-color.org>.
pub(crate) fn colour_on(is_terminal: bool) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !unwanted && !dumb
}

/// Writes a line to standard error. That nobody reads there is no reason to stop.
pub(crate) fn complain(line: &str) {
    let _unread = writeln!(std::io::stderr(), "{line}");
}

/// Makes text from the wire safe to show: characters that steer a terminal, or that turn the direction of text, are
/// shown by their number.
pub(crate) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push('\t'),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _infallible = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            control if control.is_control() => {
                let _infallible = write!(shown, "\\u{{{:x}}}", u32::from(control));
            }
            other => shown.push(other),
        }
    }
    shown
}

/// Bytes for a person: their number, and the first of them.
pub(crate) fn describe(bytes: &[u8]) -> String {
    const SHOWN: usize = 16;
    let mut text = format!("<{} {}", bytes.len(), if bytes.len() == 1 { "byte" } else { "bytes" });
    for (index, byte) in bytes.iter().take(SHOWN).enumerate() {
        let _infallible = write!(text, "{}{byte:02x}", if index == 0 { ": " } else { " " });
    }
    text.push_str(if bytes.len() > SHOWN { " …>" } else { ">" });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        assert_eq!(escape("\x1b[31mred\x07"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(escape("a\nb\rc\td"), "a\\nb\\rc\td");
        assert_eq!(escape("\u{9b}31m \u{202e}gnp.exe \u{7f}"), "\\u{9b}31m \\u{202e}gnp.exe \\u{7f}");
        assert_eq!(escape("κόσμε 😀"), "κόσμε 😀");
    }

    #[test]
    fn bytes_are_described_by_their_number_and_beginning() {
        assert_eq!(describe(b""), "<0 bytes>");
        assert_eq!(describe(b"\x00"), "<1 byte: 00>");
        assert_eq!(describe(&[0xff; 17]), format!("<17 bytes: {}…>", "ff ".repeat(16)));
    }

    #[test]
    fn without_a_terminal_there_is_no_colour() {
        assert!(!colour_on(false));
    }
}
