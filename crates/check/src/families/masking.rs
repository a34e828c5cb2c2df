//! The masking of clients' frames.

use std::fmt;

use longwire_wire::bits::{CONTINUATION, FIN, TEXT};
use longwire_wire::{DeclaredLen, Mask, RawFrame};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const UNMASKED: Rule =
    Rule::of_6455("5.1", "A server must close the connection when it receives a frame that is not masked.");
const KEYS: Rule =
    Rule::of_6455("5.3", "The payload is masked with the key of its own frame, which may be any.");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = unmasked();
    cases.extend(keys());
    cases
}

/// A frame of each kind and length, with a name and a title. The text frame has this text.
pub(super) fn frames_of_each_kind(text: &str) -> [(&'static str, &'static str, RawFrame); 10] {
    [
        ("text", "text message", RawFrame::text(text)),
        ("text-empty", "empty text message", RawFrame::text("")),
        ("text-126", "text message of 126 bytes", RawFrame::text("*".repeat(126))),
        ("text-65536", "text message of 65,536 bytes", RawFrame::text("*".repeat(65_536))),
        ("binary", "binary message", RawFrame::binary([1, 2, 3])),
        ("ping", "ping", RawFrame::ping("x")),
        ("ping-empty", "empty ping", RawFrame::ping("")),
        ("pong", "pong", RawFrame::pong("x")),
        ("close", "Close frame", RawFrame::close(1000)),
        ("close-empty", "empty Close frame", RawFrame::new(0x88, "")),
    ]
}

/// Steps after which the server closes the connection, in any way: it may send 1002, or nothing (RFC 6455 §5.1).
fn closes(name: impl fmt::Display, title: &str, mut steps: Vec<Step>) -> Case {
    steps.push(Step::Gone);
    Case::open(UNMASKED, name, title, steps)
}

fn unmasked() -> Vec<Case> {
    let frames = frames_of_each_kind("not masked");
    let mut cases: Vec<Case> = frames
        .into_iter()
        .map(|(name, title, frame)| {
            closes(
                format_args!("unmasked-{name}"),
                &format!("an unmasked {title}"),
                vec![Step::Send(frame.masked(Mask::Absent))],
            )
        })
        .collect();
    cases.push(closes(
        "unmasked-continuation",
        "a masked first fragment and an unmasked last one",
        vec![
            Step::Send(RawFrame::text("mas").not_final()),
            Step::Send(RawFrame::continuation("ked").masked(Mask::Absent)),
        ],
    ));
    cases.push(closes(
        "unmasked-after-masked",
        "an unmasked message after a masked one",
        vec![
            Step::Send(RawFrame::text("masked")),
            Step::Expect(vec![Reply::text("masked")]),
            Step::Send(RawFrame::text("not masked").masked(Mask::Absent)),
        ],
    ));
    // The length is never sent in full: a server that waits for it waits forever.
    let header = RawFrame::binary("").declaring(DeclaredLen::In64Bits(1 << 20)).masked(Mask::Absent);
    cases.push(
        closes("unmasked-header", "the header of an unmasked message of 1 MiB", vec![Step::Send(header)])
            .should(),
    );
    cases
}

fn keys() -> Vec<Case> {
    let text = "masks come from a strong source";
    let keys = [
        ("zero", [0; 4]),
        ("ones", [0xff; 4]),
        ("one-byte", [0, 0, 0, 1]),
        ("ascii", *b"key!"),
        ("falling", [0xfe, 0xdc, 0xba, 0x98]),
    ];
    let mut cases: Vec<Case> = keys
        .into_iter()
        .map(|(name, key)| {
            let frame = RawFrame::text(text).masked(Mask::Key(key));
            let title = format!("a message with the masking key {:08x}", u32::from_be_bytes(key));
            Case::replies(KEYS, format_args!("key-{name}"), title, [frame], vec![Reply::text(text)])
        })
        .collect();
    cases.push(Case::replies(
        KEYS,
        "key-of-each-fragment",
        "three fragments, each with a key of its own",
        [
            RawFrame::new(TEXT, "one ").masked(Mask::Key([1, 2, 3, 4])),
            RawFrame::new(CONTINUATION, "two ").masked(Mask::Key([9, 8, 7, 6])),
            RawFrame::new(FIN | CONTINUATION, "three").masked(Mask::Key([0; 4])),
        ],
        vec![Reply::text("one two three")],
    ));
    for len in 1..=9_usize {
        let payload: Vec<u8> = (1..=9).take(len).collect();
        let frame = RawFrame::binary(payload.clone()).masked(Mask::Key([0x80, 0x40, 0x20, 0x10]));
        cases.push(Case::replies(
            KEYS,
            format_args!("key-over-{len}"),
            format!("a masked message of {len} bytes: the key is used from its start"),
            [frame],
            vec![Reply::binary(payload)],
        ));
    }
    cases
}
