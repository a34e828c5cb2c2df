//! The encoding of text.

use longwire_wire::bits::{CONTINUATION, FIN, TEXT};
use longwire_wire::{DeclaredLen, RawFrame};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const VALID: Rule =
    Rule::of_6455("5.6", "A text message is UTF-8: every character that Unicode allows comes back.");
const INVALID: Rule = Rule::of_6455(
    "8.1",
    "An endpoint that receives a text message that is not UTF-8 must fail the connection.",
);
const WHOLE: Rule = Rule::of_6455(
    "5.6",
    "A fragment of a text message may end within a character; the whole message is UTF-8.",
);
const AT_ONCE: Rule = Rule::of_6455(
    "8.1",
    "Text that cannot become UTF-8 any more fails the connection. The RFC does not say when; waiting for the rest \
     costs memory and time.",
);

/// Names and characters that are valid: the first and last of each length, and those that are often refused.
const CHARACTERS: &[(&str, &str)] = &[
    ("nul", "\0"),
    ("one-byte-last", "\u{7f}"),
    ("two-bytes-first", "\u{80}"),
    ("two-bytes-last", "\u{7ff}"),
    ("three-bytes-first", "\u{800}"),
    ("before-surrogates", "\u{d7ff}"),
    ("after-surrogates", "\u{e000}"),
    ("replacement", "\u{fffd}"),
    ("byte-order-mark", "\u{feff}"),
    ("noncharacter-fffe", "\u{fffe}"),
    ("three-bytes-last", "\u{ffff}"),
    ("four-bytes-first", "\u{10000}"),
    ("noncharacter-1fffe", "\u{1fffe}"),
    ("emoji", "👩\u{200d}🚀"),
    ("right-to-left", "\u{202e}שלום"),
    ("greek", "κόσμε"),
    ("four-bytes-last", "\u{10ffff}"),
    ("mixed", "Hello-µ@ßöäüàá-UTF-8!! 漢字 𝄞"),
];

/// Names and bytes that are not UTF-8.
const NOT_UTF8: &[(&str, &[u8])] = &[
    ("continuation-80", b"\x80"),
    ("continuation-bf", b"\xbf"),
    ("continuations", b"\x80\xbf\x80\xbf\x80"),
    ("byte-c0", b"\xc0"),
    ("byte-c1", b"\xc1\x80"),
    ("byte-f5", b"\xf5\x80\x80\x80"),
    ("byte-fe", b"\xfe"),
    ("byte-ff", b"\xff"),
    ("cut-off-two", b"\xc3"),
    ("cut-off-three", b"\xe2\x82"),
    ("cut-off-four", b"\xf0\x9d\x84"),
    ("cut-off-then-ascii", b"\xe2\x82x"),
    ("cut-off-then-character", b"\xf0\x9d\xc3\xa9"),
    ("overlong-slash-two", b"\xc0\xaf"),
    ("overlong-slash-three", b"\xe0\x80\xaf"),
    ("overlong-slash-four", b"\xf0\x80\x80\xaf"),
    ("overlong-nul", b"\xc0\x80"),
    ("overlong-7f", b"\xc1\xbf"),
    ("overlong-7ff", b"\xe0\x9f\xbf"),
    ("overlong-ffff", b"\xf0\x8f\xbf\xbf"),
    ("surrogate-first", b"\xed\xa0\x80"),
    ("surrogate-last", b"\xed\xbf\xbf"),
    ("surrogate-pair", b"\xed\xa0\xbd\xed\xb8\x80"),
    ("beyond-unicode", b"\xf4\x90\x80\x80"),
    ("five-bytes", b"\xf8\x88\x80\x80\x80"),
    ("six-bytes", b"\xfc\x84\x80\x80\x80\x80"),
    ("latin-1", b"caf\xe9"),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(invalid());
    cases.extend(in_fragments());
    cases.extend(at_once());
    cases
}

fn valid() -> Vec<Case> {
    let whole = CHARACTERS.iter().map(|(name, text)| {
        let title = format!("a text message with {}", name.replace('-', " "));
        Case::replies(
            VALID,
            format_args!("valid-{name}"),
            title,
            [RawFrame::text(*text)],
            vec![Reply::text(*text)],
        )
    });
    // Between ASCII, where a decoder takes many bytes at once.
    let long = |text: &str| format!("{}{text}{}", "a".repeat(61), "z".repeat(61));
    let between = CHARACTERS.iter().map(|(name, text)| {
        let title = format!("a text message with {} between much ASCII", name.replace('-', " "));
        let (frame, reply) = (RawFrame::text(long(text)), Reply::text(long(text)));
        Case::replies(VALID, format_args!("valid-{name}-between"), title, [frame], vec![reply])
    });
    whole.chain(between).collect()
}

fn invalid() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, bytes) in NOT_UTF8 {
        let title = name.replace('-', " ");
        cases.push(Case::fails(
            INVALID,
            format_args!("invalid-{name}"),
            format!("a text message with {title}"),
            [RawFrame::text(*bytes)],
            &[1007],
        ));
        let long = [&[b'a'; 61], *bytes, &[b'z'; 61]].concat();
        cases.push(Case::fails(
            INVALID,
            format_args!("invalid-{name}-between"),
            format!("a text message with {title} between much ASCII"),
            [RawFrame::text(long)],
            &[1007],
        ));
    }
    cases
}

fn in_fragments() -> Vec<Case> {
    let text = "aµ€𝄞z";
    let mut cases = Vec::new();
    for at in 0..=text.len() {
        let (first, last) = text.as_bytes().split_at_checked(at).unwrap_or_default();
        cases.push(Case::replies(
            WHOLE,
            format_args!("split-at-{at}"),
            format!("a text message of {} bytes in two fragments, cut after {at}", text.len()),
            [RawFrame::new(TEXT, first), RawFrame::continuation(last)],
            vec![Reply::text(text)],
        ));
    }
    let bytes = text.bytes().enumerate().map(|(place, byte)| {
        let opcode = if place == 0 { TEXT } else { CONTINUATION };
        RawFrame::new(if place + 1 == text.len() { FIN | opcode } else { opcode }, [byte])
    });
    cases.push(Case::replies(
        WHOLE,
        "each-byte",
        "a text message with a fragment for each byte",
        bytes.collect::<Vec<_>>(),
        vec![Reply::text(text)],
    ));
    for (name, title, first, last) in [
        ("cut-off-at-end", "that ends within a character", &b"a\xe2"[..], &b"\x82"[..]),
        ("cut-off-before-empty", "that ends within a character, with an empty last fragment", b"a\xc3", b""),
        ("bad-second", "whose second fragment is not UTF-8", b"good", b"b\xffd"),
        ("bad-first", "whose first fragment is not UTF-8", b"b\xffd", b"good"),
        ("each-half-valid", "that is UTF-8 only if the fragments change places", b"\x82\xac", b"\xe2"),
        ("surrogate-split", "with a surrogate that is cut", b"\xed", b"\xa0\x80"),
        ("overlong-split", "with a form that is too long and cut", b"\xc0", b"\xaf"),
    ] {
        cases.push(Case::fails(
            INVALID,
            format_args!("fragments-{name}"),
            format!("a text message {title}"),
            [RawFrame::new(TEXT, first), RawFrame::continuation(last)],
            &[1007],
        ));
    }
    cases.push(Case::replies(
        VALID,
        "binary-is-not-judged",
        "a binary message that is not UTF-8",
        [RawFrame::binary(*b"\xff\xc0\x80\xed\xa0\x80")],
        vec![Reply::binary(*b"\xff\xc0\x80\xed\xa0\x80")],
    ));
    cases
}

/// The message does not end, so an endpoint that judges it at its end never does.
fn at_once() -> Vec<Case> {
    let cut_off = |payload: &[u8]| RawFrame::text(payload).declaring(DeclaredLen::Shortest(1000));
    let mut cases = Vec::new();
    for (name, bytes) in
        NOT_UTF8.iter().filter(|(name, _)| !name.starts_with("cut-off") || name.contains("then"))
    {
        if matches!(*name, "latin-1" | "byte-c0") {
            continue;
        }
        let payload = [b"good ", *bytes].concat();
        cases.push(
            Case::open(
                AT_ONCE,
                format_args!("at-once-{name}"),
                format!("the beginning of a frame with {}", name.replace('-', " ")),
                vec![Step::Send(cut_off(&payload)), Step::Fails(&[1007])],
            )
            .should(),
        );
    }
    cases.push(
        Case::fails(
            AT_ONCE,
            "at-once-first-fragment",
            "a first fragment that is not UTF-8",
            [RawFrame::new(TEXT, *b"b\xffd")],
            &[1007],
        )
        .should(),
    );
    cases
}
