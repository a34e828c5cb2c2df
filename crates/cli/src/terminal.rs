//! Output for people.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use icu_properties::props::{
    BidiControl, DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Joins several emoji into one: ZERO WIDTH JOINER.
const JOINER: char = '\u{200d}';

/// Selects the coloured form of an emoji: VARIATION SELECTOR-16.
const COLOURED: char = '\u{fe0f}';

/// Clears the line that the cursor is on.
const CLEAR_LINE: &[u8] = b"\r\x1b[K";

/// Whether to use colour, given whether the output is a terminal. See <https://no-color.org>.
pub(crate) fn colour_on(is_terminal: bool) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !unwanted && !dumb
}

/// Writes a line to standard error. Failures are ignored: the program goes on if nobody reads there.
pub(crate) fn complain(line: &str) {
    if !(io::stderr().is_terminal() && print_above(line)) {
        let _unread = writeln!(io::stderr(), "{line}");
    }
}

/// A terminal on which a line is being edited. Everything else is printed above that line.
struct Editing {
    print: Box<dyn FnMut(String) -> bool + Send>,
    #[cfg(unix)]
    before: Option<nix::sys::termios::Termios>,
}

static EDITING: Mutex<Option<Editing>> = Mutex::new(None);

fn editing() -> MutexGuard<'static, Option<Editing>> {
    EDITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records that a line is being edited from now on. `print` prints above it and returns whether that succeeded.
pub(crate) fn begin_editing(print: impl FnMut(String) -> bool + Send + 'static) {
    *editing() = Some(Editing {
        print: Box::new(print),
        #[cfg(unix)]
        before: nix::sys::termios::tcgetattr(io::stdin()).ok(),
    });
}

/// Restores the terminal and clears the line that was being edited.
pub(crate) fn end_editing() {
    let Some(_editing) = editing().take() else { return };
    #[cfg(unix)]
    if let Some(before) = &_editing.before {
        let _gone = nix::sys::termios::tcsetattr(io::stdin(), nix::sys::termios::SetArg::TCSANOW, before);
    }
    let mut stdout = io::stdout();
    let _gone = stdout.write_all(CLEAR_LINE).and_then(|()| stdout.flush());
}

/// Prints a line above the edited one. Returns `false` if no line is being edited.
pub(crate) fn print_above(line: &str) -> bool {
    editing().as_mut().is_some_and(|editing| (editing.print)(format!("{line}\n")))
}

/// Makes text from the wire safe to show. Characters that control a terminal, change the direction of text or are
/// invisible are replaced by their code point. Characters that join and colour emoji are kept.
pub(crate) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut follows_picture = false;
    for character in text.chars() {
        let joins = follows_picture && [JOINER, COLOURED].contains(&character);
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push('\t'),
            other if is_unseen(other) && !joins => {
                let _infallible = write!(shown, "\\u{{{:x}}}", u32::from(other));
            }
            other => shown.push(other),
        }
        follows_picture = joins || CodePointSetData::new::<ExtendedPictographic>().contains(character);
    }
    shown
}

/// The lines of a text from the wire, safe to show: each begins on a new line, is indented, and is not empty.
pub(crate) fn escape_lines(text: &str) -> String {
    const SHOWN: usize = 20;
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty());
    let mut shown = String::new();
    for line in lines.by_ref().take(SHOWN) {
        let _infallible = write!(shown, "\n  {}", escape(line));
    }
    if lines.next().is_some() {
        shown.push_str("\n  …");
    }
    shown
}

/// Whether a character is invisible or controls a terminal or the layout of text, by its Unicode properties.
pub(crate) fn is_unseen(character: char) -> bool {
    let unseen = GeneralCategoryGroup::Control
        .union(GeneralCategoryGroup::Format)
        .union(GeneralCategoryGroup::LineSeparator)
        .union(GeneralCategoryGroup::ParagraphSeparator);
    !(' '..='~').contains(&character)
        && (unseen.contains(CodePointMapData::<GeneralCategory>::new().get(character))
            || CodePointSetData::new::<BidiControl>().contains(character)
            || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character))
}

/// Describes bytes for a person: their number, and the first of them.
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

    /// Regression: U+061C was missing from a list of characters and got through.
    #[test]
    fn nothing_that_cannot_be_seen_gets_through() {
        for unseen in [
            '\u{61c}',
            '\u{200e}',
            '\u{2069}',
            '\u{ad}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{2029}',
            '\u{2060}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0041}',
            '\u{1d173}',
        ] {
            assert_eq!(escape(&format!("a{unseen}b")), format!("a\\u{{{:x}}}b", u32::from(unseen)));
        }
    }

    #[test]
    fn pictures_that_are_joined_stay_whole() {
        for emoji in ["👩‍👩‍👧", "❤️", "🏳️‍🌈", "👍🏽"] {
            assert_eq!(escape(emoji), emoji);
        }
        assert_eq!(escape("😀\u{200d}\u{200b}"), "😀\u{200d}\\u{200b}");
    }

    #[test]
    fn lines_stay_lines_but_only_so_many() {
        assert_eq!(escape_lines("<p>\r\n\n  a\u{1b}\n"), "\n  <p>\n    a\\u{1b}");
        let long = escape_lines(&"x\n".repeat(21));
        assert_eq!(long, format!("{}\n  …", "\n  x".repeat(20)));
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
