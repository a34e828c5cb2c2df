use super::{Extension, ExtensionError, MAX_EXTENSIONS, MAX_PARAMS};
use super::{check_answer, format_extensions, negotiate, parse_extensions};
use http::HeaderMap;
use http::header::{HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

fn parse(lines: &[&str]) -> Result<Vec<Extension>, ExtensionError> {
    let headers: HeaderMap = lines
        .iter()
        .map(|line| (SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_bytes(line.as_bytes()).unwrap()))
        .collect();
    parse_extensions(&headers)
}

fn deflate() -> Extension {
    Extension::new("permessage-deflate")
}

#[test]
fn what_browsers_offer() {
    assert_eq!(parse(&[]), Ok(vec![]));
    assert_eq!(parse(&["permessage-deflate"]), Ok(vec![deflate()]));
    assert_eq!(
        parse(&["permessage-deflate; client_max_window_bits"]),
        Ok(vec![deflate().param("client_max_window_bits", None)])
    );
}

#[test]
fn offers_go_on_over_lines_and_keep_their_order() {
    let offers = parse(&["a; x=1;y , b,", "a; x=\"2\"; x = \"\\3\""]).unwrap();
    let a = || Extension::new("a");
    assert_eq!(
        offers,
        [
            a().param("x", Some("1")).param("y", None),
            Extension::new("b"),
            a().param("x", Some("2")).param("x", Some("3")),
        ]
    );
}

#[test]
fn malformed_lists() {
    for line in [
        "",
        " ",
        ",",
        ";",
        "a;",
        "a;;b",
        "; a",
        "a b",
        "a; b c",
        "a; b=",
        "a; =b",
        "a; b=c=d",
        "a; b=\"\"",
        "a; b=\"c",
        "a; b=\"c d\"",
        "a; b=\"c,d\"",
        "a; b=\"c;d\"",
        "a=b",
        "a/b",
        "a; b/c",
        "a; b=c/d",
        "\u{e9}",
    ] {
        assert_eq!(parse(&[line]), Err(ExtensionError::Malformed), "{line:?}");
    }
}

#[test]
fn the_bounds_on_extensions_and_parameters() {
    let extensions = |count| parse(&[&vec!["a"; count].join(",")]);
    assert_eq!(extensions(MAX_EXTENSIONS).map(|list| list.len()), Ok(MAX_EXTENSIONS));
    assert_eq!(extensions(MAX_EXTENSIONS + 1), Err(ExtensionError::TooMany));

    let params = |count| parse(&[&format!("a{}", ";b".repeat(count))]);
    assert_eq!(params(MAX_PARAMS).map(|list| list[0].params.len()), Ok(MAX_PARAMS));
    assert_eq!(params(MAX_PARAMS + 1), Err(ExtensionError::TooMany));
}

#[test]
fn what_is_formatted_reads_the_same() {
    let extensions =
        [deflate().param("server_max_window_bits", Some("12")).param("x", None), Extension::new("b")];
    let value = format_extensions(&extensions).unwrap().unwrap();
    assert_eq!(value, "permessage-deflate; server_max_window_bits=12; x, b");
    assert_eq!(parse(&[value.to_str().unwrap()]).unwrap(), extensions);
    assert_eq!(format_extensions(&[]), Ok(None));
}

#[test]
fn only_tokens_are_formatted() {
    for invalid in [
        Extension::new(""),
        Extension::new("a\r\nSet-Cookie: b"),
        Extension::new("a, b"),
        Extension::new("a").param("b c", None),
        Extension::new("a").param("b", Some("")),
        Extension::new("a").param("b", Some("c; d")),
    ] {
        let error = format_extensions(&[deflate(), invalid.clone()]).unwrap_err();
        assert_eq!(error, ExtensionError::NotTokens(invalid.to_string()));
        assert!(!error.to_string().contains(char::is_control));
    }
}

#[test]
fn the_first_offer_of_a_name_that_is_taken_wins() {
    let offers = parse(&["z, a; x=1, a; x=2, a; x=3, b"]).unwrap();
    let mut asked = Vec::new();
    let accepted = negotiate(&offers, |offer| {
        asked.push(offer.to_string());
        (offer.name != "z" && offer.params != [("x".to_owned(), Some("1".to_owned()))])
            .then(|| Extension::new(&offer.name))
    });
    assert_eq!(asked, ["z", "a; x=1", "a; x=2", "b"]);
    assert_eq!(accepted, [Extension::new("a"), Extension::new("b")]);
    assert_eq!(negotiate(&offers, |_| None), []);
}

#[test]
fn an_answer_uses_what_was_offered_once() {
    let offers = parse(&["a; x, a, b"]).unwrap();
    let answer = |lines: &[&str]| check_answer(&offers, &parse(lines).unwrap());
    assert_eq!(answer(&[]), Ok(()));
    assert_eq!(answer(&["b, a; y=1"]), Ok(()));
    assert_eq!(answer(&["b, c"]), Err(ExtensionError::NotOffered("c".into())));
    assert_eq!(answer(&["A"]), Err(ExtensionError::NotOffered("A".into())));
    assert_eq!(answer(&["a; x, b, a"]), Err(ExtensionError::Repeated("a".into())));
}

#[test]
fn errors_name_what_is_wrong() {
    for (error, text) in [
        (ExtensionError::Malformed, "Sec-WebSocket-Extensions is malformed"),
        (ExtensionError::TooMany, "Sec-WebSocket-Extensions names too many extensions or parameters"),
        (
            ExtensionError::NotTokens("a b".into()),
            "extension \"a b\" has a name or value that is not a token",
        ),
        (ExtensionError::NotOffered("a".into()), "extension \"a\" was not offered"),
        (ExtensionError::Repeated("a".into()), "extension \"a\" is accepted twice"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
