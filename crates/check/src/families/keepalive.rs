//! Pings over a longer time.

use longwire_wire::RawFrame;

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const ALIVE: Rule =
    Rule::of_6455("5.5.2", "A ping is answered as soon as is practical, at any time of a connection.");
const OURS: Rule = Rule::of_6455("5.5.3", "Pongs to pings that an endpoint never sent change nothing.");

pub(super) fn cases() -> Vec<Case> {
    let after = |name: &str, title: &str, mut steps: Vec<Step>| {
        steps.push(Step::StaysOpen);
        Case::open(ALIVE, name, title, steps)
    };
    let messages = |count: usize| -> Vec<Step> {
        (0..count)
            .flat_map(|number| {
                let text = format!("message {number}");
                [Step::Send(RawFrame::text(text.clone())), Step::Expect(vec![Reply::text(text)])]
            })
            .collect()
    };
    vec![
        after("ping-at-once", "a ping as the first frame", Vec::new()),
        after("ping-after-messages", "a ping after fifty messages, each with its answer", messages(50)),
        after("ping-after-a-pause", "a ping after a second of silence", vec![Step::Pause]),
        after(
            "ping-within-frame",
            "a ping after a message whose second half came a second later",
            vec![Step::SendInHalves(RawFrame::text("half")), Step::Expect(vec![Reply::text("half")])],
        ),
        after(
            "ping-within-message",
            "a ping a second after a first fragment",
            vec![Step::Send(RawFrame::text("slow").not_final()), Step::Pause],
        ),
        Case::open(
            OURS,
            "pongs-of-nobody",
            "pongs with payloads that the endpoint never sent, and a ping",
            (0..20)
                .map(|number| Step::Send(RawFrame::pong(vec![number; 100])))
                .chain([Step::StaysOpen])
                .collect(),
        ),
        Case::open(
            ALIVE,
            "hundred-pings",
            "a hundred pings, each after the pong before",
            (0..100_u8)
                .flat_map(|number| {
                    [Step::Send(RawFrame::ping([number])), Step::Expect(vec![Reply::pong([number])])]
                })
                .collect(),
        ),
    ]
}
