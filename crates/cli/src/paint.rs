//! Lines with colours.

/// A colour of the terminal's palette, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

/// Whether lines have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    Colours,
    NoColours,
}

impl Palette {
    pub(crate) fn of(has_colours: bool) -> Palette {
        if has_colours { Palette::Colours } else { Palette::NoColours }
    }

    /// `text` in this colour.
    pub(crate) fn ink(self, ink: Ink, text: &str) -> String {
        let mut line = Line::new(self);
        line.push(ink, text);
        line.text
    }
}

impl Ink {
    fn code(self) -> Option<&'static str> {
        Some(match self {
            Ink::Plain => return None,
            Ink::Dim => "\x1b[2m",
            Ink::Red => "\x1b[31m",
            Ink::Green => "\x1b[32m",
            Ink::Yellow => "\x1b[33m",
            Ink::Blue => "\x1b[34m",
            Ink::Magenta => "\x1b[35m",
            Ink::Cyan => "\x1b[36m",
        })
    }
}

/// A line that is put together from parts of different colours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    palette: Palette,
    text: String,
    /// The number of characters without those that select colours.
    width: usize,
}

impl Line {
    pub(crate) fn new(palette: Palette) -> Line {
        Line { palette, text: String::new(), width: 0 }
    }

    /// Appends `text`, which must be safe to show: see [`escape`](crate::terminal::escape).
    pub(crate) fn push(&mut self, ink: Ink, text: &str) {
        self.width += text.chars().count();
        match ink.code() {
            Some(code) if self.palette == Palette::Colours && !text.is_empty() => {
                self.text.push_str(code);
                self.text.push_str(text);
                self.text.push_str("\x1b[0m");
            }
            _ => self.text.push_str(text),
        }
    }

    /// Appends another line.
    pub(crate) fn append(&mut self, line: &Line) {
        self.text.push_str(&line.text);
        self.width += line.width;
    }

    /// Appends `text` so that it ends at `column`, or two spaces further right.
    pub(crate) fn push_right(&mut self, column: usize, ink: Ink, text: &str) {
        let free = column.saturating_sub(self.width + text.chars().count());
        self.push(Ink::Plain, &" ".repeat(free.max(2)));
        self.push(ink, text);
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_do_not_count_as_width_and_are_left_out_without_a_palette() {
        let mut line = Line::new(Palette::Colours);
        line.push(Ink::Red, "ab");
        line.push(Ink::Plain, "c");
        line.push_right(8, Ink::Dim, "é");
        assert_eq!(line.as_str(), "\x1b[31mab\x1b[0mc    \x1b[2mé\x1b[0m");
        assert_eq!(line.width(), 8);
        assert_eq!(Palette::NoColours.ink(Ink::Red, "ab"), "ab");
    }

    #[test]
    fn what_stands_right_keeps_its_distance_from_a_long_line() {
        let mut line = Line::new(Palette::NoColours);
        line.push(Ink::Plain, "long");
        line.push_right(3, Ink::Dim, "x");
        assert_eq!(line.as_str(), "long  x");
    }
}
