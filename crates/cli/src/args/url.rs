//! The URL of `longwire connect`, as given on the command line.

/// Completes the URL: the default scheme is `ws://`, and the default host this machine.
pub(super) fn complete(text: &str) -> String {
    if has_scheme(text) {
        return text.to_owned();
    }
    let authority = text.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.starts_with(':') {
        format!("ws://localhost{text}")
    } else if authority.parse::<u16>().is_ok() {
        format!("ws://localhost:{text}")
    } else {
        format!("ws://{text}")
    }
}

fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_what_most_people_mean() {
        for (text, url) in [
            ("ws://a.example", "ws://a.example"),
            ("ftp://a.example", "ftp://a.example"),
            ("127.0.0.1:8080/echo", "ws://127.0.0.1:8080/echo"),
            ("[::1]:8080", "ws://[::1]:8080"),
            ("localhost:8080/echo", "ws://localhost:8080/echo"),
            ("me:secret@a.example", "ws://me:secret@a.example"),
            ("a.example/?to=http://b.example", "ws://a.example/?to=http://b.example"),
            (":8080/echo", "ws://localhost:8080/echo"),
            ("8080", "ws://localhost:8080"),
            ("8080/echo", "ws://localhost:8080/echo"),
        ] {
            assert_eq!(complete(text), url);
        }
    }
}
