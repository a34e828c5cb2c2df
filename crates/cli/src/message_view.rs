//! Messages as people read them on a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use longwire::{Direction, Message};

use crate::json_text::{self, TextLayout};
use crate::paint::{Ink, Line, Palette};
use crate::terminal::{self, escape};

/// Binary messages up to this length are shown on one line.
const SHORT: usize = 16;

/// Bytes in a row of a longer binary message.
const ROW: usize = 16;

/// The most rows of a binary message.
const MAX_ROWS: usize = 16;

/// The column at which times end.
const TIME_COLUMN: usize = 76;

/// What stands before a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Received,
    Sent,
    /// In a comparison: it was expected.
    Missing,
    /// In a comparison: it was not expected.
    New,
}

impl Mark {
    fn symbol(self) -> (Ink, &'static str) {
        match self {
            Mark::Received => (Ink::Cyan, "<"),
            Mark::Sent => (Ink::Green, ">"),
            Mark::Missing => (Ink::Red, "-"),
            Mark::New => (Ink::Green, "+"),
        }
    }
}

impl From<Direction> for Mark {
    fn from(direction: Direction) -> Mark {
        match direction {
            Direction::Received => Mark::Received,
            Direction::Sent => Mark::Sent,
        }
    }
}

/// How messages are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageView {
    pub(crate) layout: TextLayout,
    pub(crate) palette: Palette,
}

impl MessageView {
    /// The lines of a message: its mark, its content, and a note at the right end of the first line. Each but the first
    /// is indented as far as the content of the first.
    pub(crate) fn lines(
        self,
        prefix: &str,
        mark: impl Into<Mark>,
        message: &Message,
        note: &str,
    ) -> Vec<String> {
        let mut content = self.content(message).into_iter();
        let mut first = Line::new(self.palette);
        first.push(Ink::Dim, prefix);
        let (ink, symbol) = mark.into().symbol();
        first.push(ink, symbol);
        first.push(Ink::Plain, " ");
        let indent = " ".repeat(first.width());
        if let Some(line) = content.next() {
            first.append(&line);
        }
        if !note.is_empty() {
            first.push_right(TIME_COLUMN, Ink::Dim, note);
        }
        let rest = content.map(|line| format!("{indent}{}", line.as_str()));
        std::iter::once(first.as_str().to_owned()).chain(rest).collect()
    }

    fn content(self, message: &Message) -> Vec<Line> {
        match message {
            Message::Text(text) => {
                json_text::lines(text, self.layout, self.palette).unwrap_or_else(|| self.text(text))
            }
            Message::Binary(bytes) => self.bytes(bytes),
        }
    }

    fn text(self, text: &str) -> Vec<Line> {
        let line = |text: &str| {
            let mut line = Line::new(self.palette);
            line.push(Ink::Plain, &escape(text));
            line
        };
        match self.layout {
            TextLayout::Indented if text.len() <= json_text::MAX_LEN => {
                // Line breaks at the end would be invisible, so they stay behind the last line.
                let last = text.trim_end_matches('\n').rfind('\n').map_or(0, |at| at + 1);
                let (lines, last) = text.split_at_checked(last).unwrap_or(("", text));
                lines.split_terminator('\n').chain([last]).map(line).collect()
            }
            _ => vec![line(text)],
        }
    }

    fn bytes(self, bytes: &[u8]) -> Vec<Line> {
        let mut first = Line::new(self.palette);
        if bytes.len() <= SHORT {
            first.push(Ink::Magenta, &terminal::describe(bytes));
            return vec![first];
        }
        first.push(Ink::Magenta, &format!("<{} bytes>", grouped(bytes.len())));
        let mut lines = vec![first];
        for (row, bytes) in bytes.chunks(ROW).take(MAX_ROWS).enumerate() {
            lines.push(self.row(row * ROW, bytes));
        }
        let unseen = bytes.len().saturating_sub(ROW * MAX_ROWS);
        if unseen > 0 {
            let mut line = Line::new(self.palette);
            line.push(Ink::Dim, &format!("… {} more bytes", grouped(unseen)));
            lines.push(line);
        }
        lines
    }

    /// A row as of `hexdump -C`: offset, bytes, and the ASCII characters among them.
    fn row(self, offset: usize, bytes: &[u8]) -> Line {
        let mut hex = String::new();
        for (index, byte) in bytes.iter().enumerate() {
            let gap = if index == ROW / 2 { "  " } else { " " };
            let _infallible = write!(hex, "{gap}{byte:02x}");
        }
        let ascii = |byte: &u8| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' };
        let text: String = bytes.iter().map(ascii).collect();
        let mut line = Line::new(self.palette);
        line.push(Ink::Dim, &format!("{offset:08x}"));
        line.push(Ink::Plain, &format!("{hex:<width$}", width = ROW * 3 + 1));
        line.push(Ink::Dim, &format!("  |{text}|"));
        line
    }
}

/// A time in milliseconds, with as many digits as are of use.
pub(crate) fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 100.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

/// A number with commas between groups of three digits.
pub(crate) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: MessageView = MessageView { layout: TextLayout::Indented, palette: Palette::NoColours };

    #[test]
    fn text_stands_behind_its_direction_and_before_its_note() {
        let lines = VIEW.lines("", Direction::Received, &Message::from("hi\n"), "0.2 ms");
        assert_eq!(lines, [format!("{:<70}0.2 ms", "< hi\\n")]);
        assert_eq!(VIEW.lines("12:00 ", Direction::Sent, &Message::from(""), ""), ["12:00 > "]);
    }

    #[test]
    fn further_lines_are_indented_below_the_first() {
        let text = format!("[\"{}\",1]", "a".repeat(80));
        let lines = VIEW.lines("t ", Direction::Received, &Message::from(text), "");
        assert_eq!(lines[0], "t < [");
        assert_eq!(lines[2], "      1");
        assert_eq!(lines[3], "    ]");
    }

    #[test]
    fn text_keeps_its_lines_where_json_is_indented() {
        let text = Message::from("one\r\n\n  two\u{7}\n\n");
        let lines = VIEW.lines("", Direction::Sent, &text, "");
        assert_eq!(lines, ["> one\\r", "  ", "    two\\u{7}\\n\\n"]);
        let as_sent = MessageView { layout: TextLayout::AsSent, ..VIEW };
        assert_eq!(as_sent.lines("", Direction::Sent, &text, ""), ["> one\\r\\n\\n  two\\u{7}\\n\\n"]);
        assert_eq!(VIEW.lines("", Direction::Sent, &Message::from("\n\n"), ""), ["> \\n\\n"]);
    }

    /// Regression: a message of 16 MiB of line breaks took gigabytes.
    #[test]
    fn long_text_stays_on_one_line_however_many_line_breaks_it_has() {
        let lines = |len: usize| {
            let text = Message::from("\n".repeat(len - 1) + "x");
            VIEW.lines("", Direction::Received, &text, "").len()
        };
        assert_eq!(lines(json_text::MAX_LEN), json_text::MAX_LEN);
        assert_eq!(lines(json_text::MAX_LEN + 1), 1);
    }

    #[test]
    fn bytes_are_shown_as_a_hex_dump_up_to_a_bound() {
        let short = VIEW.lines("", Direction::Received, &Message::from(vec![0, 255]), "");
        assert_eq!(short, ["< <2 bytes: 00 ff>"]);
        let bytes: Vec<u8> = (0..=u8::MAX).chain(0..44).collect();
        let lines = VIEW.lines("", Direction::Received, &Message::from(bytes), "");
        assert_eq!(lines[0], "< <300 bytes>");
        let row = "  00000030 30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d 3e 3f  |0123456789:;<=>?|";
        assert_eq!(lines[4], row);
        assert_eq!(lines.len(), 1 + MAX_ROWS + 1);
        assert_eq!(lines[17], "  … 44 more bytes");
        let last = VIEW.lines("", Direction::Received, &Message::from(vec![b'a'; 17]), "").pop().unwrap();
        assert_eq!(last, format!("  00000010 61{}  |a|", " ".repeat(46)));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0_u64, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
