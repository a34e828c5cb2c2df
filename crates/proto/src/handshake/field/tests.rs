use super::{NotSingle, has_token, is_token, list, single, token_or_quoted, tokens, write_line};
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, UPGRADE};

/// All values under `Upgrade`, one line each.
fn lines(values: &[&[u8]]) -> HeaderMap {
    values.iter().map(|value| (UPGRADE, HeaderValue::from_bytes(value).unwrap())).collect()
}

#[test]
fn tokens_are_letters_digits_and_some_marks() {
    let tchar = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for byte in 0..=u8::MAX {
        assert_eq!(is_token(&[byte]), tchar.contains(&byte), "{byte:#x}");
    }
    assert!(!is_token(b""));
    assert!(is_token(b"chat.v2"));
    assert!(!is_token(b"chat v2"));
}

#[test]
fn a_list_goes_on_over_lines_and_skips_what_is_empty() {
    let headers = lines(&[b"a, b\t,,", b"", b" c ,\xff"]);
    let elements: Vec<_> = list(&headers, &UPGRADE).collect();
    assert_eq!(elements, [&b"a"[..], b"b", b"c", b"\xff"]);
}

#[test]
fn a_token_is_found_in_any_letter_case() {
    for present in ["websocket", "WebSocket", "h2c, WEBSOCKET", "websocket,h2c"] {
        assert!(has_token(&lines(&[present.as_bytes()]), &UPGRADE, "websocket"), "{present}");
    }
    for absent in ["", "websockets", "web socket", "websocket/13", "\"websocket\""] {
        assert!(!has_token(&lines(&[absent.as_bytes()]), &UPGRADE, "websocket"), "{absent}");
    }
    assert!(has_token(&lines(&[b"h2c", b"websocket"]), &UPGRADE, "websocket"));
    assert!(!has_token(&lines(&[b"websocket"]), &CONNECTION, "websocket"));
}

#[test]
fn a_token_list_holds_nothing_but_tokens() {
    assert_eq!(tokens(&lines(&[]), &UPGRADE), Some(vec![]));
    assert_eq!(tokens(&lines(&[b"a,b", b"a"]), &UPGRADE), Some(vec!["a", "b", "a"]));
    for malformed in [&b""[..], b" , ", b"a b", b"a, b/c", b"a, \xc3\xa9", b"\"a\""] {
        assert_eq!(tokens(&lines(&[malformed]), &UPGRADE), None, "{}", malformed.escape_ascii());
    }
}

#[test]
fn quoted_strings_are_unquoted_when_they_hold_a_token() {
    for (text, token) in [("10", "10"), ("\"10\"", "10"), (r#""1\0""#, "10"), (r#""\a\b""#, "ab")] {
        assert_eq!(token_or_quoted(text.as_bytes()).as_deref(), Some(token), "{text}");
    }
    for text in ["", "\"", "\"\"", "\"a", "a\"", r#""a\""#, r#""a b""#, r#""a"b""#, r#""a\"b""#, "\"\u{e9}\""]
    {
        assert_eq!(token_or_quoted(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_single_header_stands_once() {
    assert_eq!(single(&lines(&[]), &UPGRADE), Err(NotSingle::Missing));
    assert_eq!(single(&lines(&[b" a, b "]), &UPGRADE), Ok(&b"a, b"[..]));
    assert_eq!(single(&lines(&[b"a", b"a"]), &UPGRADE), Err(NotSingle::Repeated));
}

#[test]
fn names_are_written_as_old_peers_expect_them() {
    let mut out = Vec::new();
    let value = HeaderValue::from_bytes(b"v\xff").unwrap();
    for name in [HOST, http::header::SEC_WEBSOCKET_KEY, HeaderName::from_static("x--1-a-")] {
        write_line(&mut out, &name, &value);
    }
    assert_eq!(out, b"Host: v\xff\r\nSec-WebSocket-Key: v\xff\r\nX--1-A-: v\xff\r\n");
}
