//! Patterns of names.

/// Whether a name matches a pattern with `*` and `?`. It takes time in proportion to the product of their lengths.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut pattern_at, mut name_at) = (0, 0);
    // Where to go on after the last `*`, and how much of the name it stands for.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(name_at) {
        match pattern.get(pattern_at) {
            Some(b'*') => {
                star = Some((pattern_at + 1, name_at));
                pattern_at += 1;
            }
            Some(wanted) if wanted == byte || *wanted == b'?' => {
                pattern_at += 1;
                name_at += 1;
            }
            _ => match &mut star {
                Some((after, skipped)) => {
                    *skipped += 1;
                    (pattern_at, name_at) = (*after, *skipped);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(pattern_at).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("*", "news", true),
            ("n*s", "news", true),
            ("n?ws", "news", true),
            ("n?s", "news", false),
            ("chat:*", "chat:1", true),
            ("chat:*", "news", false),
            ("*a*b", "xaybzb", true),
            ("*a*b", "xaybz", false),
            ("news", "newsletter", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
