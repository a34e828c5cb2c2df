//! The three forms of lengths.

use longwire_wire::bits::{BINARY, FIN, PING, TEXT};
use longwire_wire::{DeclaredLen, RawFrame};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const FORMS: Rule = Rule::of_6455("5.2", "A length has 7, 16 or 64 bits, and its message comes back whole.");
const SHORTEST: Rule = Rule::of_6455(
    "5.2",
    "A length has the shortest form that holds it. The RFC binds the sender; a receiver that accepts others may see \
     frames that a filter before it does not.",
);
const HIGHEST_BIT: Rule = Rule::of_6455("5.2", "The highest bit of a length of 64 bits must be 0.");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = whole();
    cases.extend(cut());
    cases.extend(longer_than_needed());
    cases.extend(highest_bit());
    cases
}

/// Text that is not the same in any two places that a wrong length would mix up.
fn text_of(len: usize) -> String {
    ('a'..='z').cycle().take(len).collect()
}

fn whole() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [0, 1, 2, 124, 125, 126, 127, 128, 65_535, 65_536, 65_537, 131_072] {
        cases.push(Case::replies(
            FORMS,
            format_args!("text-{len}"),
            format!("a text message of {len} bytes"),
            [RawFrame::text(text_of(len))],
            vec![Reply::text(text_of(len))],
        ));
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
        cases.push(Case::replies(
            FORMS,
            format_args!("binary-{len}"),
            format!("a binary message of {len} bytes"),
            [RawFrame::binary(bytes.clone())],
            vec![Reply::binary(bytes)],
        ));
    }
    cases
}

/// Headers and payloads that arrive piece by piece.
fn cut() -> Vec<Case> {
    let mut cases = Vec::new();
    for (len, piece) in [(0, 1), (125, 1), (126, 1), (300, 3), (65_535, 997), (65_536, 997), (70_000, 4096)] {
        cases.push(Case::open(
            FORMS,
            format_args!("text-{len}-in-{piece}"),
            format!("a text message of {len} bytes in writes of {piece}"),
            vec![
                Step::SendCut(vec![RawFrame::text(text_of(len))], piece),
                Step::Expect(vec![Reply::text(text_of(len))]),
            ],
        ));
    }
    cases
}

fn longer_than_needed() -> Vec<Case> {
    let forms = [
        ("0-in-16", TEXT, 0, DeclaredLen::In16Bits(0)),
        ("5-in-16", TEXT, 5, DeclaredLen::In16Bits(5)),
        ("125-in-16", BINARY, 125, DeclaredLen::In16Bits(125)),
        ("0-in-64", TEXT, 0, DeclaredLen::In64Bits(0)),
        ("5-in-64", TEXT, 5, DeclaredLen::In64Bits(5)),
        ("126-in-64", BINARY, 126, DeclaredLen::In64Bits(126)),
        ("65535-in-64", BINARY, 65_535, DeclaredLen::In64Bits(65_535)),
        ("ping-5-in-16", PING, 5, DeclaredLen::In16Bits(5)),
        ("ping-5-in-64", PING, 5, DeclaredLen::In64Bits(5)),
    ];
    forms
        .into_iter()
        .map(|(name, opcode, len, form)| {
            let frame = RawFrame::new(FIN | opcode, text_of(len)).declaring(form);
            let title = format!("a frame of {len} bytes with a length that is longer than it needs to be");
            Case::fails(SHORTEST, format_args!("longer-{name}"), title, [frame], &[1002]).should()
        })
        .collect()
}

fn highest_bit() -> Vec<Case> {
    [("highest-bit", 1 << 63), ("all-bits", u64::MAX), ("highest-bit-and-5", (1 << 63) | 5)]
        .into_iter()
        .map(|(name, len)| {
            let frame = RawFrame::text("Hello").declaring(DeclaredLen::In64Bits(len));
            let steps = vec![Step::Send(frame), Step::Fails(&[1002, 1009])];
            Case::open(HIGHEST_BIT, name, format!("a length of {len:#x}"), steps)
        })
        .collect()
}
