use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::*;

/// Compares both parsers' results for a text: the URL, or that it is invalid.
#[track_caller]
fn compare(text: &str, ours: Result<Url, ParseError>, theirs: Result<url::Url, url::ParseError>) {
    // This parser accepts only these schemes.
    let known = |url: &url::Url| Scheme::of(url.scheme()).is_ok();
    let theirs = theirs.ok().filter(known).map(|url| url.to_string());
    assert_eq!(ours.ok().map(|url| url.to_string()), theirs, "{text:?}");
}

#[test]
fn what_the_standard_says_of_single_urls() {
    for (text, url) in [
        ("ws://a.example", "ws://a.example/"),
        (" \tWS:\\\\A.example:0080/x\\y\n ", "ws://a.example/x/y"),
        ("wss:a.example", "wss://a.example/"),
        ("http://u s:p:w@h@a/", "http://u%20s:p%3Aw%40h@a/"),
        ("ws://@a", "ws://a/"),
        ("ws://a/b/../c/./d/%2E%2e/%2e", "ws://a/c/"),
        ("ws://a?b?c d'#e f`", "ws://a/?b?c%20d%27#e%20f%60"),
        ("ws://0x7f.1/", "ws://127.0.0.1/"),
        ("ws://2130706433", "ws://127.0.0.1/"),
        ("ws://1.2.3.4.", "ws://1.2.3.4/"),
        ("ws://[1:0:0:2:0:0:0:3]:81", "ws://[1:0:0:2::3]:81/"),
        ("ws://[::ffff:1.2.3.4]", "ws://[::ffff:102:304]/"),
        ("ws://[1:0:2:3:4:5:6:7]", "ws://[1:0:2:3:4:5:6:7]/"),
        ("ws://[::]", "ws://[::]/"),
        ("ws://%61.example", "ws://a.example/"),
        ("wss://a/{é}", "wss://a/%7B%C3%A9%7D"),
    ] {
        assert_eq!(Url::parse(text).unwrap().to_string(), url, "{text:?}");
        compare(text, Url::parse(text), url::Url::parse(text));
    }
}

#[test]
fn what_is_no_url_says_why() {
    for (text, error) in [
        ("", ParseError::Relative),
        ("a.example", ParseError::Relative),
        ("a.example:80", ParseError::Scheme),
        ("ws://", ParseError::EmptyHost),
        ("ws://me@", ParseError::EmptyHost),
        ("ws://a:65536", ParseError::Port),
        ("ws://a:b", ParseError::Port),
        ("ws://1.2.3.256", ParseError::Ipv4),
        ("ws://1.2.3.4.5", ParseError::Ipv4),
        ("ws://a.08", ParseError::Ipv4),
        ("ws://[::1", ParseError::Ipv6),
        ("ws://[fe80::1%25eth0]", ParseError::Ipv6),
        ("ws://a b/", ParseError::DomainCharacter),
        ("ws://a%2Fb/", ParseError::DomainCharacter),
    ] {
        assert_eq!(Url::parse(text), Err(error), "{text:?}");
    }
}

#[cfg(feature = "idn")]
#[test]
fn international_names_have_their_ascii_form() {
    for text in
        ["ws://bücher.example", "ws://B%C3%BCcher.example", "ws://xn--bcher-kva.example", "ws://faß.de"]
    {
        compare(text, Url::parse(text), url::Url::parse(text));
    }
    assert_eq!(Url::parse("ws://bücher.example").unwrap().host(), "xn--bcher-kva.example");
    assert_eq!(Url::parse("ws://xn--a"), Err(ParseError::InternationalName));
}

#[cfg(not(feature = "idn"))]
#[test]
fn international_names_need_a_feature() {
    assert_eq!(Url::parse("ws://bücher.example"), Err(ParseError::NoInternationalNames));
    assert_eq!(Url::parse("ws://xn--bcher-kva.example").unwrap().host(), "xn--bcher-kva.example");
}

/// Random texts of URL syntax, compared with the crate `url`.
#[test]
fn random_urls_are_those_of_the_url_crate() {
    const PIECES: [&str; 48] = [
        "ws",
        "wss",
        "http",
        "https",
        "WS",
        ":",
        ":",
        "//",
        "/",
        "/",
        "\\",
        "@",
        "?",
        "#",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%",
        "%41",
        "a",
        "B",
        "example.com",
        "127.0.0.1",
        "0x7f",
        "1",
        "256",
        "08",
        "4294967296",
        "[",
        "]",
        "::1",
        "1:2::3:0:0:0",
        "::ffff:1.2.3.4",
        "80",
        "443",
        "8080",
        "65536",
        " ",
        "\t",
        "\n",
        "'",
        "\"",
        "<",
        "`",
        "{",
        "^",
        "|",
    ];
    let mut random = SmallRng::seed_from_u64(10);
    for _ in 0..60_000 {
        let count = random.random_range(0..9);
        let mut text = String::new();
        if random.random_bool(0.7) {
            text.push_str("ws://");
        }
        for _ in 0..count {
            text.push_str(PIECES.choose(&mut random).copied().unwrap());
        }
        compare(&text, Url::parse(&text), url::Url::parse(&text));
        let base = "ws://me:secret@a.example:81/b/c/d?e=f#g";
        let (ours, theirs) = (Url::parse(base).unwrap(), url::Url::parse(base).unwrap());
        // The crate finds no host after three slashes in a relative URL; the standard ignores the third slash.
        let slashes = cleaned(&text).chars().take_while(|char| SLASHES.contains(char)).count();
        if slashes < 3 {
            compare(&text, ours.join(&text), theirs.join(&text));
        }
    }
}
