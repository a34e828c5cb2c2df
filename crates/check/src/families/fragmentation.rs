//! Messages in several frames.

use longwire_wire::RawFrame;
use longwire_wire::bits::{BINARY, CONTINUATION, FIN, TEXT};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const WHOLE: Rule = Rule::of_6455(
    "5.4",
    "A message may come in fragments: a first frame, continuations, and a last frame with FIN.",
);
const BETWEEN: Rule = Rule::of_6455(
    "5.4",
    "Control frames may stand between the fragments of a message, and are handled before the message ends.",
);
const ORDER: Rule = Rule::of_6455(
    "5.4",
    "A continuation needs a message that has begun, and no other message may begin before that one ends.",
);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = in_fragments();
    cases.extend(with_control_frames());
    cases.extend(out_of_order());
    cases
}

/// A message in fragments with these payloads.
fn fragments(opcode: u8, pieces: &[&[u8]]) -> Vec<RawFrame> {
    let last = pieces.len().saturating_sub(1);
    let frame = |(place, piece): (usize, &&[u8])| {
        let opcode = if place == 0 { opcode } else { CONTINUATION };
        RawFrame::new(if place == last { FIN | opcode } else { opcode }, *piece)
    };
    pieces.iter().enumerate().map(frame).collect()
}

fn in_fragments() -> Vec<Case> {
    let many = vec![&b"0123456789"[..]; 1000];
    let lists: [(&str, &str, Vec<&[u8]>); 8] = [
        ("two", "two fragments", vec![b"one", b"two"]),
        ("three", "three fragments", vec![b"one", b"two", b"three"]),
        ("empty-first", "an empty first fragment", vec![b"", b"two"]),
        ("empty-middle", "an empty fragment in the middle", vec![b"one", b"", b"three"]),
        ("empty-last", "an empty last fragment", vec![b"one", b""]),
        ("all-empty", "three empty fragments", vec![b"", b"", b""]),
        ("of-one-byte", "fragments of one byte", vec![b"a", b"b", b"c", b"d", b"e"]),
        ("thousand", "a thousand fragments of ten bytes", many),
    ];
    let mut cases = Vec::new();
    for (name, title, pieces) in lists {
        for (kind, opcode) in [("text", TEXT), ("binary", BINARY)] {
            let reply = Reply::Message(opcode, pieces.concat());
            let frames = fragments(opcode, &pieces);
            let together = vec![Step::SendTogether(frames.clone()), Step::Expect(vec![reply.clone()])];
            let title = format!("a {kind} message in {title}");
            if pieces.len() < 100 {
                cases.push(Case::replies(
                    WHOLE,
                    format_args!("{kind}-{name}"),
                    title.clone(),
                    frames,
                    vec![reply],
                ));
            }
            let name = format!("{kind}-{name}-together");
            cases.push(Case::open(WHOLE, name, format!("{title}, in one write"), together));
        }
    }
    cases.push(Case::open(
        WHOLE,
        "text-two-cut",
        "two fragments in writes of one byte",
        vec![Step::SendCut(fragments(TEXT, &[b"one", b"two"]), 1), Step::Expect(vec![Reply::text("onetwo")])],
    ));
    cases.push(Case::open(
        WHOLE,
        "after-fragments",
        "a message in fragments and a whole one after it",
        vec![
            Step::SendTogether([fragments(TEXT, &[b"one", b"two"]), vec![RawFrame::binary("x")]].concat()),
            Step::Expect(vec![Reply::text("onetwo"), Reply::binary("x")]),
        ],
    ));
    cases
}

fn with_control_frames() -> Vec<Case> {
    let first = || RawFrame::text("one").not_final();
    let last = || RawFrame::continuation("two");
    let whole = || Reply::text("onetwo");
    vec![
        Case::replies(
            BETWEEN,
            "ping-between",
            "a ping between two fragments",
            [first(), RawFrame::ping("between"), last()],
            vec![Reply::pong("between"), whole()],
        ),
        Case::open(
            BETWEEN,
            "ping-between-is-answered-first",
            "a ping after a first fragment is answered before the message ends",
            vec![
                Step::Send(first()),
                Step::Send(RawFrame::ping("between")),
                Step::Expect(vec![Reply::pong("between")]),
                Step::Send(last()),
                Step::Expect(vec![whole()]),
            ],
        ),
        Case::replies(
            BETWEEN,
            "pong-between",
            "a pong that nobody asked for between two fragments",
            [first(), RawFrame::pong("between"), last()],
            vec![whole()],
        ),
        Case::open(
            BETWEEN,
            "ping-after-each",
            "a ping after each fragment, in one write",
            vec![
                Step::SendTogether(vec![
                    first(),
                    RawFrame::ping("1"),
                    RawFrame::new(CONTINUATION, "-"),
                    RawFrame::ping("2"),
                    last(),
                ]),
                Step::Allow(Reply::pong("1")),
                Step::Expect(vec![Reply::pong("2"), Reply::text("one-two")]),
            ],
        ),
        Case::open(
            BETWEEN,
            "close-between",
            "a Close frame between two fragments",
            vec![Step::Send(first()), Step::Send(RawFrame::close(1000)), Step::Closes(&[1000])],
        ),
        Case::open(
            BETWEEN,
            "ping-between-cut",
            "a ping between two fragments, in writes of one byte",
            vec![
                Step::SendCut(vec![first(), RawFrame::ping("between"), last()], 1),
                Step::Expect(vec![Reply::pong("between"), whole()]),
            ],
        ),
    ]
}

fn out_of_order() -> Vec<Case> {
    let first = || RawFrame::text("one").not_final();
    let frames: Vec<(&str, &str, Vec<RawFrame>)> = vec![
        ("continuation-first", "a last continuation without a message", vec![RawFrame::continuation("x")]),
        (
            "continuation-first-not-final",
            "a continuation without a message",
            vec![RawFrame::continuation("x").not_final()],
        ),
        (
            "continuation-first-empty",
            "an empty continuation without a message",
            vec![RawFrame::continuation("")],
        ),
        ("text-within-text", "a text message within one", vec![first(), RawFrame::text("two")]),
        (
            "binary-within-text",
            "a binary message within a text message",
            vec![first(), RawFrame::binary("two")],
        ),
        (
            "text-within-binary",
            "a text message within a binary message",
            vec![RawFrame::binary("one").not_final(), RawFrame::text("two")],
        ),
        ("first-fragment-twice", "two first fragments", vec![first(), RawFrame::text("two").not_final()]),
        (
            "text-within-after-pong",
            "a first fragment, a pong, and another message",
            vec![first(), RawFrame::pong(""), RawFrame::text("two")],
        ),
    ];
    let mut cases: Vec<Case> = frames
        .into_iter()
        .map(|(name, title, frames)| Case::fails(ORDER, name, title, frames, &[1002]))
        .collect();
    for (name, fin) in [("last", FIN), ("not-final", 0)] {
        cases.push(Case::open(
            ORDER,
            format_args!("continuation-after-end-{name}"),
            "a continuation after a message that has ended",
            vec![
                Step::Allow(Reply::text("onetwo")),
                Step::Send(first()),
                Step::Send(RawFrame::continuation("two")),
                Step::Send(RawFrame::new(fin | CONTINUATION, "three")),
                Step::Fails(&[1002]),
            ],
        ));
    }
    cases
}
