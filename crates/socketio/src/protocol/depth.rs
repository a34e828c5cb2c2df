//! How deep JSON text is nested.

/// Whether arrays and objects are nested at most `limit` deep. The text need not be valid JSON.
pub(super) fn is_within(text: &str, limit: usize) -> bool {
    has_few_brackets(text, limit) || is_nested_within(text, limit)
}

/// Whether at most `limit` brackets open, in strings or not: then they cannot be nested deeper. This pass is much faster than
/// the exact one, and most messages need no other.
fn has_few_brackets(text: &str, limit: usize) -> bool {
    // `[` and `{` differ in this bit only.
    const DIFFERENCE: u8 = b'[' ^ b'{';
    text.bytes().filter(|byte| byte | DIFFERENCE == b'{').count() <= limit
}

fn is_nested_within(text: &str, limit: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    true
}

fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn only_open_brackets_count() {
        assert!(is_within("[[]]", 2));
        assert!(is_within("[[],[],{}]", 2));
        assert!(!is_within("[[[]]]", 2));
        assert!(!is_within(r#"[{"a":[1]}]"#, 2));
        assert!(is_within(r#"["]]]]", {"}": "[[[["}]"#, 2));
        assert!(is_within(r#"["\"[[[[", "\\"]"#, 1));
        assert!(!is_within(&"[".repeat(1_000_000), 64));
    }
}
