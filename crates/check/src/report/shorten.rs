//! Dialogues that fit a terminal.

/// How many characters of a quoted text are shown.
const SHOWN: usize = 200;

/// The text with what stands in quotes cut off after 200 characters, except the heads of requests and responses: what a case
/// is about may be their last field.
pub(crate) fn shortened(text: &str) -> String {
    text.split_inclusive('\n').map(shortened_line).collect()
}

fn shortened_line(line: &str) -> String {
    let (head, rest) = line.split_at_checked(head_len(line)).unwrap_or(("", line));
    format!("{head}{}", without_long_quotes(rest))
}

/// How long the head in a line of a dialogue is, with what stands before it. 0 if there is none. The head is one text, or a list
/// of its lines.
fn head_len(line: &str) -> usize {
    let said = line.trim_start();
    let said = said.strip_prefix("sent").or_else(|| said.strip_prefix("received")).unwrap_or_default();
    let said = said.trim_start();
    let text = said.strip_prefix('b').unwrap_or(said);
    let is_head = text
        .strip_prefix('"')
        .is_some_and(|text| text.split(['"', '\\']).next().is_some_and(|start| start.contains("HTTP/")));
    if !is_head {
        return 0;
    }
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (place, character) in line.char_indices() {
        match character {
            ';' if !is_quoted => return place,
            '"' if !is_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    line.len()
}

/// A backslash stays with what it escapes.
fn without_long_quotes(text: &str) -> String {
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
    fn heads_stay_whole() {
        let long = "a".repeat(300);
        for head in [
            format!("  sent     \"GET /{long} HTTP/1.1\", \"X: {long}\"\n"),
            format!("  sent     \"GET / HTTP/1.1\\r\\nX : {long}\\r\\n\\r\\n\"\n"),
            format!("  sent     b\"GET / HTTP/1.1\\r\\nX: {long}\\xff\\r\\n\\r\\n\"\n"),
            format!("  received \"HTTP/1.1 101 Switching Protocols\", \"X: {long}\"\n"),
        ] {
            assert_eq!(shortened(&head), head);
        }
        let cut = format!("\"{}\"… (300 characters)\n", "a".repeat(200));
        let dialogue = |payload: &str| {
            format!("  received \"HTTP/1.1 200 OK\", \"X: a\"; TEXT {payload}  received \"{}\"\n", "b")
        };
        assert_eq!(shortened(&dialogue(&format!("\"{long}\"\n"))), dialogue(&cut));
        assert_eq!(shortened(&format!("  received \"{long}\"\n")), format!("  received {cut}"));
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
