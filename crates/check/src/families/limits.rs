//! Large, many and unread messages.

use longwire_wire::bits::{BINARY, CONTINUATION, FIN, TEXT};
use longwire_wire::{DeclaredLen, RawFrame};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const LARGE: Rule =
    Rule::of_6455("5.2", "A message comes back whole, whatever its length, up to the endpoint's limit.");
const BOUND: Rule = Rule::of_6455(
    "10.4",
    "An endpoint limits the length of frames and messages, and closes with 1009 beyond; a declared length alone takes \
     no memory.",
);
const UNREAD: Rule = Rule::of_6455(
    "10.4",
    "An endpoint whose answers are not read for a while loses none of them, and keeps a bounded amount of them.",
);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = large();
    cases.extend(declared());
    cases.extend(many());
    cases
}

fn large() -> Vec<Case> {
    let mut cases = Vec::new();
    for kib in [256, 512, 1024] {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(kib << 10).collect();
        for (name, opcode) in [("text", TEXT), ("binary", BINARY)] {
            let frame = RawFrame::new(FIN | opcode, payload.clone());
            let reply = Reply::Message(opcode, payload.clone());
            let title = format!("a {name} message of {kib} KiB");
            cases.push(Case::replies(LARGE, format_args!("{name}-{kib}k"), title, [frame], vec![reply]));
        }
    }
    let piece = vec![b'p'; 64 << 10];
    for count in [4, 16] {
        let frames = (0..count).map(|place| {
            let opcode = if place == 0 { BINARY } else { CONTINUATION };
            RawFrame::new(if place + 1 == count { FIN | opcode } else { opcode }, piece.clone())
        });
        cases.push(Case::replies(
            LARGE,
            format_args!("binary-{count}-fragments-of-64k"),
            format!("a binary message in {count} fragments of 64 KiB"),
            frames.collect::<Vec<_>>(),
            vec![Reply::binary(piece.repeat(count))],
        ));
    }
    cases
}

/// Lengths that no endpoint can take.
fn declared() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, len) in [("2-40", 1_u64 << 40), ("2-62", 1 << 62), ("largest", (1 << 63) - 1)] {
        for (kind, opcode) in [("text", TEXT), ("binary", BINARY)] {
            let frame = RawFrame::new(FIN | opcode, "abc").declaring(DeclaredLen::In64Bits(len));
            cases.push(
                Case::fails(
                    BOUND,
                    format_args!("{kind}-declares-{name}"),
                    format!("the beginning of a {kind} message that declares {len} bytes"),
                    [frame],
                    &[1009],
                )
                .should(),
            );
        }
    }
    let first = RawFrame::binary("abc").not_final();
    let rest = RawFrame::continuation("abc").declaring(DeclaredLen::In64Bits((1 << 63) - 1));
    cases.push(
        Case::fails(
            BOUND,
            "continuation-declares-largest",
            "a first fragment, and a continuation that declares the largest length",
            [first, rest],
            &[1009],
        )
        .should(),
    );
    cases
}

fn many() -> Vec<Case> {
    let mut cases = Vec::new();
    for (count, len) in [(100_usize, 10_usize), (1000, 10), (500, 100), (16, 4096)] {
        let text = |number: usize| format!("{number:0len$}");
        let frames = (0..count).map(|number| RawFrame::text(text(number))).collect();
        let each = (0..count).map(|number| Step::Expect(vec![Reply::text(text(number))]));
        cases.push(Case::open(
            UNREAD,
            format_args!("{count}-messages-of-{len}"),
            format!("{count} messages of {len} bytes in one write: all come back, in order"),
            std::iter::once(Step::SendTogether(frames)).chain(each).collect(),
        ));
    }
    let pings: Vec<RawFrame> = (0..50_u8).map(|number| RawFrame::ping([number])).collect();
    let allowed = (0..49_u8).map(|number| Step::Allow(Reply::pong([number])));
    let rest = [Step::SendTogether(pings), Step::Expect(vec![Reply::pong([49])])];
    cases.push(Case::open(
        UNREAD,
        "50-pings",
        "50 pings in one write: the newest is answered",
        allowed.chain(rest).collect(),
    ));
    cases.push(Case::open(
        UNREAD,
        "late-reader",
        "the answer of 64 KiB is read a second later",
        vec![
            Step::Send(RawFrame::binary(vec![7; 64 << 10])),
            Step::Pause,
            Step::Expect(vec![Reply::binary(vec![7; 64 << 10])]),
        ],
    ));
    cases
}
