//! The rules of JSON that the hub needs beyond parsing it.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::value::RawValue;

/// The deepest nesting of arrays and objects that counts as JSON. Subscribers' parsers have such limits, too: a
/// publication that is deeper could disconnect every subscriber of its channel.
pub(crate) const MAX_DEPTH: usize = 128;

/// Whether a text is one valid JSON value of no more than [`MAX_DEPTH`] levels.
pub(crate) fn is_json(text: &str) -> bool {
    !is_too_deep(text.as_bytes()) && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Whether valid JSON has more than [`MAX_DEPTH`] levels. Of other text, it says nothing useful.
pub(crate) fn is_too_deep(json: &[u8]) -> bool {
    let openings = json.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    if openings <= MAX_DEPTH {
        return false;
    }
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// Valid JSON without line breaks, which is the same value: inside strings, JSON has only escaped ones.
pub(crate) fn without_line_breaks(json: &str) -> Cow<'_, str> {
    if json.bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        Cow::Owned(json.replace(['\n', '\r'], ""))
    } else {
        Cow::Borrowed(json)
    }
}

/// Appends a text as a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    let must_be_escaped = |byte: u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    while let Some((plain, tail)) =
        rest.bytes().position(must_be_escaped).and_then(|at| rest.split_at_checked(at))
    {
        out.push_str(plain);
        let mut chars = tail.chars();
        match chars.next() {
            Some(escaped @ ('"' | '\\')) => out.extend(['\\', escaped]),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(control) => push(out, format_args!("\\u{:04x}", u32::from(control))),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Appends formatted text.
pub(crate) fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a `String` never fails.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_of_strings() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(is_json(&nested(MAX_DEPTH)));
        assert!(!is_json(&nested(MAX_DEPTH + 1)));
        assert!(!is_json(&nested(1_000_000)));
        assert!(is_json(&format!("[{}0]", "[0],".repeat(1_000))));
        assert!(is_json(&format!("\"\\\"{}\"", "[{".repeat(1_000))));
    }

    #[test]
    fn strings_are_escaped_as_serde_json_does() {
        for text in [
            "",
            "plain",
            "\"",
            "a\\b\"c",
            "line\nbreak\r\t\u{0}\u{8}\u{c}\u{1f}",
            "Grüße\u{2028}😀\"",
            "\\\\",
        ] {
            let mut out = String::new();
            push_string(&mut out, text);
            assert_eq!(out, serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn line_breaks_vanish_and_the_value_stays() {
        let pretty = "{\r\n  \"a\\n\": [1,\n 2]\n}";
        let value: serde_json::Value = serde_json::from_str(pretty).unwrap();
        let line = without_line_breaks(pretty);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
        assert!(!line.contains(['\n', '\r']));
    }
}
