//! Masks, as clients send and receive them.

use std::fmt;

use longwire_wire::{Mask, RawFrame};

use super::masking::frames_of_each_kind;
use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const MASKED: Rule =
    Rule::of_6455("5.1", "A client must close the connection when it receives a frame that is masked.");
const KEYS: Rule = Rule::of_6455(
    "5.3",
    "A client masks each frame with a key of its own, which nobody can foresee from those before.",
);

const KEY: Mask = Mask::Key([0x37, 0xfa, 0x21, 0x3d]);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = masked();
    cases.extend(keys());
    cases
}

/// Steps after which the client closes the connection, in any way: it may send 1002, or nothing (RFC 6455 §5.1).
fn closes(name: impl fmt::Display, title: &str, mut steps: Vec<Step>) -> Case {
    steps.push(Step::Gone);
    Case::open(MASKED, name, title, steps)
}

fn masked() -> Vec<Case> {
    let frames = frames_of_each_kind("masked");
    let mut cases: Vec<Case> = frames
        .into_iter()
        .map(|(name, title, frame)| {
            let title = format!("a masked {title}");
            closes(format_args!("masked-{name}"), &title, vec![Step::Send(frame.masked(KEY))])
        })
        .collect();
    cases.push(closes(
        "masked-with-zeros",
        "a message with a masking key of zeros, which changes nothing",
        vec![Step::Send(RawFrame::text("zeros").masked(Mask::Key([0; 4])))],
    ));
    cases.push(closes(
        "masked-continuation",
        "a first fragment, and a masked last one",
        vec![
            Step::Send(RawFrame::text("mas").not_final()),
            Step::Send(RawFrame::continuation("ked").masked(KEY)),
        ],
    ));
    cases.push(closes(
        "masked-after-others",
        "a masked message after one that is not",
        vec![
            Step::Send(RawFrame::text("not masked")),
            Step::Expect(vec![Reply::text("not masked")]),
            Step::Send(RawFrame::text("masked").masked(KEY)),
        ],
    ));
    cases
}

fn keys() -> Vec<Case> {
    let pings = (0..10_u8)
        .flat_map(|number| [Step::Send(RawFrame::ping([number])), Step::Expect(vec![Reply::pong([number])])]);
    let messages = (0..10_u8).flat_map(|number| {
        [Step::Send(RawFrame::binary([number; 9])), Step::Expect(vec![Reply::binary([number; 9])])]
    });
    vec![
        Case::open(KEYS, "keys-of-pongs", "ten pongs", pings.chain([Step::KeysDiffer]).collect()),
        Case::open(KEYS, "keys-of-messages", "ten messages", messages.chain([Step::KeysDiffer]).collect()),
    ]
}
