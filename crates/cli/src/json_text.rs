//! JSON as people read it, with colours: as it was sent, or indented.
//!
//! Within a line, every character is one of the text. So what a user copies from the screen occurs in the message.

use serde::de::IgnoredAny;

use crate::paint::{Ink, Line, Palette};
use crate::terminal::escape;

/// Longer text is shown as it was sent: laying it out may make it many times as long.
pub(crate) const MAX_LEN: usize = 64 << 10;

/// Indented JSON that fits stays on one line.
const ONE_LINE: usize = 76;

/// Deeper JSON is not indented, for the same reason as long text.
const MAX_DEPTH: usize = 32;

const INDENT: &str = "  ";

/// How text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextLayout {
    /// On one line, as it was sent.
    AsSent,
    /// JSON that is long has a line for each element. Other text has the lines that it was sent with.
    Indented,
}

impl TextLayout {
    /// What --pretty says.
    pub(crate) fn of(pretty: bool) -> TextLayout {
        if pretty { TextLayout::Indented } else { TextLayout::AsSent }
    }
}

/// The lines of an object or an array. `None`: the text is not JSON, is a plain value, or is too long.
///
/// Every token stays as it was written: numbers keep their digits, keys their order, and repeated keys all their values.
pub(crate) fn lines(text: &str, layout: TextLayout, palette: Palette) -> Option<Vec<Line>> {
    let is_container = text.trim_start().starts_with(['{', '[']);
    if text.len() > MAX_LEN || !is_container || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let tokens: Vec<Token<'_>> = tokens(text).collect();
    let line = one_line(&tokens, palette);
    let is_one_line = layout == TextLayout::AsSent
        || depth(&tokens) > MAX_DEPTH
        || (line.width() <= ONE_LINE && !text.contains('\n'));
    Some(if is_one_line { vec![line] } else { indented(&tokens, palette) })
}

/// A token of valid JSON, or the space between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Open(char),
    Close(char),
    Comma,
    Colon,
    /// With its quotes.
    String(&'a str),
    /// A number, `true`, `false` or `null`.
    Scalar(&'a str),
    Space(&'a str),
}

/// The tokens of valid JSON.
fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (token, len) = match first {
            '{' | '[' => (Token::Open(first), 1),
            '}' | ']' => (Token::Close(first), 1),
            ',' => (Token::Comma, 1),
            ':' => (Token::Colon, 1),
            '"' => {
                let len = string_len(rest);
                (Token::String(rest.get(..len)?), len)
            }
            _ if first.is_ascii_whitespace() => {
                let len = rest.find(|next: char| !next.is_ascii_whitespace()).unwrap_or(rest.len());
                (Token::Space(rest.get(..len)?), len)
            }
            _ => {
                let ends = |character: char| ",:]}".contains(character) || character.is_ascii_whitespace();
                let len = rest.find(ends).unwrap_or(rest.len());
                (Token::Scalar(rest.get(..len)?), len)
            }
        };
        rest = rest.get(len..)?;
        Some(token)
    })
}

/// How many objects and arrays are in one another at most.
fn depth(tokens: &[Token<'_>]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in tokens {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The length of the string at the start of `text`, with its quotes.
fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn one_line(tokens: &[Token<'_>], palette: Palette) -> Line {
    let mut line = Line::new(palette);
    for (index, token) in tokens.iter().enumerate() {
        push(&mut line, *token, is_key(tokens, index));
    }
    line
}

fn indented(tokens: &[Token<'_>], palette: Palette) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line::new(palette);
    let mut depth = 0_usize;
    let mut last = None;
    for (index, token) in tokens.iter().copied().enumerate() {
        if let Token::Space(space) = token {
            if stays(tokens, index, space) {
                line.push(Ink::Plain, space);
            }
            continue;
        }
        let is_empty = matches!((last, token), (Some(Token::Open(_)), Token::Close(_)));
        if let Token::Close(_) = token {
            depth = depth.saturating_sub(1);
        }
        let begins_line = match last {
            Some(Token::Open(_)) => !is_empty,
            Some(Token::Comma) => true,
            _ => matches!(token, Token::Close(_)),
        };
        if begins_line {
            lines.push(std::mem::replace(&mut line, Line::new(palette)));
            line.push(Ink::Plain, &INDENT.repeat(depth));
        }
        push(&mut line, token, is_key(tokens, index));
        if let Token::Open(_) = token {
            depth += 1;
        }
        last = Some(token);
    }
    lines.push(line);
    lines
}

/// Whether the space at `index` stays when lines are broken: it is inside a line, beside a colon.
fn stays(tokens: &[Token<'_>], index: usize, space: &str) -> bool {
    let is_colon = |index: Option<usize>| index.and_then(|index| tokens.get(index)) == Some(&Token::Colon);
    space.bytes().all(|byte| byte == b' ')
        && (is_colon(index.checked_sub(1)) || is_colon(index.checked_add(1)))
}

/// Whether the string at `index` is the key of an object.
fn is_key(tokens: &[Token<'_>], index: usize) -> bool {
    let mut behind = tokens.iter().skip(index + 1).filter(|token| !matches!(token, Token::Space(_)));
    behind.next() == Some(&Token::Colon)
}

fn push(line: &mut Line, token: Token<'_>, is_key: bool) {
    match token {
        Token::Open(bracket) | Token::Close(bracket) => {
            line.push(Ink::Plain, bracket.encode_utf8(&mut [0; 4]));
        }
        Token::Comma => line.push(Ink::Plain, ","),
        Token::Colon => line.push(Ink::Plain, ":"),
        Token::String(text) => {
            line.push(if is_key { Ink::Blue } else { Ink::Green }, &escape(text));
        }
        Token::Scalar(text) => {
            let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic());
            line.push(if is_word { Ink::Magenta } else { Ink::Yellow }, &escape(text));
        }
        Token::Space(space) => line.push(Ink::Plain, &escape(space)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(text: &str, layout: TextLayout) -> Option<Vec<String>> {
        let lines = lines(text, layout, Palette::NoColours)?;
        Some(lines.iter().map(|line| line.as_str().to_owned()).collect())
    }

    fn indented(text: &str) -> Option<Vec<String>> {
        laid_out(text, TextLayout::Indented)
    }

    /// Regression: spaces were added, so what was copied from the screen did not match the message.
    #[test]
    fn short_json_stays_as_it_was_sent() {
        for text in [r#"{"a":1.0,"b":[true,null,"x,:\"]"],"a" : {}}"#, " [ ] ", r#"{"a": 1}"#] {
            assert_eq!(indented(text).unwrap(), [text]);
        }
    }

    #[test]
    fn json_as_sent_is_one_line_however_long_it_is() {
        let text = format!("{{\"a\":[\"{}\"],\n\t\"b\": 1}}", "x".repeat(100));
        assert_eq!(laid_out(&text, TextLayout::AsSent).unwrap(), [escape(&text)]);
    }

    #[test]
    fn long_json_is_indented_and_keeps_the_spaces_beside_colons() {
        let long = "x".repeat(70);
        let text = format!(r#"{{"a":[1, {{}},[ ]] ,"{long}": {{"b" :12345678901234567890123}}}}"#);
        let key = format!(r#"  "{long}": {{"#);
        assert_eq!(
            indented(&text).unwrap(),
            [
                "{",
                r#"  "a":["#,
                "    1,",
                "    {},",
                "    []",
                "  ],",
                &key,
                r#"    "b" :12345678901234567890123"#,
                "  }",
                "}"
            ]
        );
    }

    #[test]
    fn line_breaks_of_the_sender_do_not_count() {
        assert_eq!(indented("{\n\"a\":\n1\n}\n").unwrap(), ["{", "  \"a\":1", "}"]);
    }

    #[test]
    fn each_kind_of_token_has_its_colour() {
        let lines = lines(r#"{"k" :["s",-1,true]}"#, TextLayout::AsSent, Palette::Colours).unwrap();
        let shown = lines.iter().map(|line| line.as_str().replace('\x1b', "^")).collect::<String>();
        assert_eq!(shown, r#"{^[34m"k"^[0m :[^[32m"s"^[0m,^[33m-1^[0m,^[35mtrue^[0m]}"#);
    }

    #[test]
    fn what_is_not_json_is_left_alone() {
        for text in ["", "hello", "42", "\"text\"", "{\"a\":}", "{} {}", "[1,2"] {
            assert_eq!(indented(text), None, "{text}");
        }
        assert_eq!(indented(&"[".repeat(100_000)), None);
        assert_eq!(indented(&format!("[\"{}\"]", "a".repeat(MAX_LEN))), None);
    }

    #[test]
    fn deep_json_is_not_indented() {
        let deep = |depth| format!("{}{}{}", "[".repeat(depth), "1,".repeat(60), "1") + &"]".repeat(depth);
        assert!(indented(&deep(MAX_DEPTH)).unwrap().len() > 60);
        assert_eq!(indented(&deep(MAX_DEPTH + 1)).unwrap().len(), 1);
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_inside_strings() {
        assert_eq!(indented("[\"\u{9b}31m\u{202e}\"]").unwrap(), ["[\"\\u{9b}31m\\u{202e}\"]"]);
    }
}
