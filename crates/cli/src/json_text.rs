//! JSON as people read it: on one line if it is short, otherwise indented, with colours.

use serde::de::IgnoredAny;

use crate::paint::{Ink, Line, Palette};
use crate::terminal::escape;

/// Longer text is shown as it is: indenting may make text many times as long.
const MAX_LEN: usize = 64 << 10;

/// JSON that fits is shown on one line.
const ONE_LINE: usize = 76;

/// Deeper JSON is shown as it is, for the same reason.
const MAX_DEPTH: usize = 32;

const INDENT: &str = "  ";

/// The lines of an object or an array. `None`: the text is not JSON, is a plain value, or is too long.
///
/// Every token stays as it was written: numbers keep their digits, keys their order, and repeated keys all their values.
pub(crate) fn lines(text: &str, palette: Palette) -> Option<Vec<Line>> {
    let is_container = text.trim_start().starts_with(['{', '[']);
    if text.len() > MAX_LEN || !is_container || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let tokens: Vec<Token<'_>> = tokens(text).collect();
    if depth(&tokens) > MAX_DEPTH {
        return None;
    }
    let short = one_line(&tokens, palette);
    Some(if short.width() <= ONE_LINE { vec![short] } else { indented(&tokens, palette) })
}

/// A token of valid JSON.
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
}

/// The tokens of valid JSON, without the space between them.
fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
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
    for (token, next) in with_next(tokens) {
        push(&mut line, token, next);
        if matches!(token, Token::Comma | Token::Colon) {
            line.push(Ink::Plain, " ");
        }
    }
    line
}

fn indented(tokens: &[Token<'_>], palette: Palette) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line::new(palette);
    let mut depth = 0_usize;
    let mut last = None;
    for (token, next) in with_next(tokens) {
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
        push(&mut line, token, next);
        match token {
            Token::Open(_) => depth += 1,
            Token::Colon => line.push(Ink::Plain, " "),
            _ => {}
        }
        last = Some(token);
    }
    lines.push(line);
    lines
}

fn with_next<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = (Token<'a>, Option<Token<'a>>)> + 't {
    let next = tokens.iter().copied().skip(1).map(Some).chain([None]);
    tokens.iter().copied().zip(next)
}

fn push(line: &mut Line, token: Token<'_>, next: Option<Token<'_>>) {
    match token {
        Token::Open(bracket) | Token::Close(bracket) => {
            line.push(Ink::Plain, bracket.encode_utf8(&mut [0; 4]));
        }
        Token::Comma => line.push(Ink::Plain, ","),
        Token::Colon => line.push(Ink::Plain, ":"),
        Token::String(text) => {
            let ink = if next == Some(Token::Colon) { Ink::Blue } else { Ink::Green };
            line.push(ink, &escape(text));
        }
        Token::Scalar(text) => {
            let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic());
            line.push(if is_word { Ink::Magenta } else { Ink::Yellow }, &escape(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<Vec<String>> {
        let lines = lines(text, Palette::NoColours)?;
        Some(lines.iter().map(|line| line.as_str().to_owned()).collect())
    }

    #[test]
    fn short_json_stays_on_a_line() {
        assert_eq!(
            plain(r#"{"a":1.0,"b":[true,null,"x,:\"]"],"a":{}}"#).unwrap(),
            [r#"{"a": 1.0, "b": [true, null, "x,:\"]"], "a": {}}"#]
        );
        assert_eq!(plain(" [ ] ").unwrap(), ["[]"]);
    }

    #[test]
    fn long_json_is_indented() {
        let long = "x".repeat(70);
        let text = format!(r#"{{"a":[1,{{}},[]],"{long}":{{"b":12345678901234567890123}}}}"#);
        let key = format!(r#"  "{long}": {{"#);
        assert_eq!(
            plain(&text).unwrap(),
            [
                "{",
                r#"  "a": ["#,
                "    1,",
                "    {},",
                "    []",
                "  ],",
                &key,
                r#"    "b": 12345678901234567890123"#,
                "  }",
                "}"
            ]
        );
    }

    #[test]
    fn each_kind_of_token_has_its_colour() {
        let lines = lines(r#"{"k":["s",-1,true]}"#, Palette::Colours).unwrap();
        let shown = lines.iter().map(|line| line.as_str().replace('\x1b', "^")).collect::<String>();
        assert_eq!(shown, r#"{^[34m"k"^[0m: [^[32m"s"^[0m, ^[33m-1^[0m, ^[35mtrue^[0m]}"#);
    }

    #[test]
    fn what_is_not_json_is_left_alone() {
        for text in ["", "hello", "42", "\"text\"", "{\"a\":}", "{} {}", "[1,2"] {
            assert_eq!(plain(text), None, "{text}");
        }
        assert_eq!(plain(&"[".repeat(100_000)), None);
        assert_eq!(plain(&format!("[\"{}\"]", "a".repeat(MAX_LEN))), None);
        let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(plain(&deep(MAX_DEPTH)).is_some());
        assert!(plain(&deep(MAX_DEPTH + 1)).is_none());
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_inside_strings() {
        assert_eq!(plain("[\"\u{9b}31m\u{202e}\"]").unwrap(), ["[\"\\u{9b}31m\\u{202e}\"]"]);
    }
}
