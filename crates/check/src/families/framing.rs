//! Reserved bits and opcodes.

use longwire_wire::bits::{BINARY, CLOSE, FIN, PING, PONG, RSV1, RSV2, RSV3, TEXT};
use longwire_wire::{RawFrame, Role};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step, joined};

const BITS: Rule = Rule::of_6455(
    "5.2",
    "RSV1 to RSV3 must be 0 unless an extension defines them; an endpoint fails the connection otherwise.",
);
const OPCODES: Rule =
    Rule::of_6455("5.2", "An endpoint that receives an unknown opcode must fail the connection.");
const STREAM: Rule =
    Rule::of_6455("5.2", "A frame begins where the one before ends, whatever reads and writes cut.");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = reserved_bits();
    cases.extend(reserved_opcodes());
    cases.extend(cut_and_joined());
    cases
}

fn reserved_bits() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, opcode) in
        [("text", TEXT), ("binary", BINARY), ("ping", PING), ("pong", PONG), ("close", CLOSE)]
    {
        for rsv in 1..8_u8 {
            let bits: Vec<&str> = [(RSV1, "rsv1"), (RSV2, "rsv2"), (RSV3, "rsv3")]
                .into_iter()
                .filter_map(|(bit, name)| (rsv << 4 & bit != 0).then_some(name))
                .collect();
            let payload: &[u8] = if opcode == CLOSE { &[0x03, 0xe8] } else { b"reserved" };
            cases.push(Case::fails(
                BITS,
                format_args!("{name}-{}", bits.join("-")),
                format!("a {name} frame with {}", bits.join(" and ").to_uppercase()),
                [RawFrame::new(FIN | rsv << 4 | opcode, payload)],
                &[1002],
            ));
        }
    }
    cases
}

fn reserved_opcodes() -> Vec<Case> {
    let mut cases = Vec::new();
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push(Case::fails(
            OPCODES,
            format_args!("opcode-{opcode}"),
            format!("a frame with the reserved opcode {opcode}"),
            [RawFrame::new(FIN | opcode, "")],
            &[1002],
        ));
        let echo = Reply::text("before");
        let frames = vec![RawFrame::text("before"), RawFrame::new(FIN | opcode, "x"), RawFrame::ping("")];
        cases.push(Case::open(
            OPCODES,
            format_args!("opcode-{opcode}-between"),
            format!("a message, a frame with opcode {opcode} and a ping, in one write"),
            vec![Step::Allow(echo), Step::SendTogether(frames), Step::Fails(&[1002])],
        ));
    }
    cases
}

/// The same frames in other writes.
fn cut_and_joined() -> Vec<Case> {
    let frames = || vec![RawFrame::text("one"), RawFrame::ping("two"), RawFrame::binary("three")];
    let replies = || vec![Reply::text("one"), Reply::pong("two"), Reply::binary("three")];
    let len = joined(&frames(), Role::Client).len();
    let mut cases = vec![Case::open(
        STREAM,
        "one-write",
        "three frames in one write",
        vec![Step::SendTogether(frames()), Step::Expect(replies())],
    )];
    for piece in [1, 2, 3, 5, 7, len - 1] {
        cases.push(Case::open(
            STREAM,
            format_args!("writes-of-{piece}"),
            format!("three frames in writes of {piece} bytes"),
            vec![Step::SendCut(frames(), piece), Step::Expect(replies())],
        ));
    }
    cases
}
