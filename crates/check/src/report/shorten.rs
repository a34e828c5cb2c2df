//! Dialogues that fit a terminal.

/// How many characters of a quoted text are shown.
const SHOWN: usize = 200;

/// The text with what stands in quotes cut off after 200 characters. A backslash stays with what it escapes.
pub(crate) fn shortened(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    // The number of characters since the quote, if one is open.
    let mut quoted: Option<usize> = None;
    while let Some(character) = rest.next() {
        match (&mut quoted, character) {
            (None, '"') => {
                quoted = Some(0);
                shown.push('"');
            }
            (None, other) => shown.push(other),
            (Some(len), '"') => {
                let is_cut = *len > SHOWN && rest.peek() != Some(&'…');
                shown.push('"');
                if is_cut {
                    shown.push_str(&format!("… ({len} characters)"));
                }
                quoted = None;
            }
            (Some(len), character) => {
                *len += 1;
                let escaped = if character == '\\' { rest.next() } else { None };
                if *len <= SHOWN {
                    shown.push(character);
                    shown.extend(escaped);
                }
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use longwire_wire::RawFrame;

    use super::*;

    #[test]
    fn what_is_short_stays() {
        let text = "  sent     TEXT \"a\\\"b\", not final\n  received PONG \"\"\n";
        assert_eq!(shortened(text), text);
        let frame = format!("{:.4096}", RawFrame::text("a".repeat(200)));
        assert_eq!(shortened(&frame), frame);
    }

    #[test]
    fn what_is_long_is_cut_within_its_quotes() {
        let long = format!("{:.4096}", RawFrame::text("a".repeat(201)).not_final());
        assert_eq!(shortened(&long), format!("TEXT \"{}\"… (201 characters), not final", "a".repeat(200)));
        let longer = format!("{:.4096}", RawFrame::text("a".repeat(5000)));
        assert_eq!(shortened(&longer), format!("TEXT \"{}\"… (5000 bytes)", "a".repeat(200)));
        let quotes = format!("{:.4096}", RawFrame::text("\"".repeat(300)));
        assert_eq!(shortened(&quotes), format!("TEXT \"{}\"… (300 characters)", "\\\"".repeat(200)));
    }
}
