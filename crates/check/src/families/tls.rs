//! TLS below the WebSocket.

use longwire_wire::RawFrame;

use crate::case::{Case, Need};
use crate::rule::Rule;
use crate::step::{Reply, Step};

const RECORDS: Rule =
    Rule::of_6455("10.6", "Over TLS, frames and records begin and end independently of each other.");

pub(super) fn cases() -> Vec<Case> {
    let over_tls = |name: &str, title: &str, steps: Vec<Step>| {
        Case::open(RECORDS, name, title, steps).needing(Need::Tls)
    };
    let large: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    vec![
        over_tls(
            "tls-one-byte-records",
            "a message and a ping in records of one byte",
            vec![
                Step::SendCut(vec![RawFrame::text("small records"), RawFrame::ping("x")], 1),
                Step::Expect(vec![Reply::text("small records"), Reply::pong("x")]),
            ],
        ),
        over_tls(
            "tls-frames-in-a-record",
            "three frames in one record",
            vec![
                Step::SendTogether(vec![RawFrame::text("a"), RawFrame::ping("b"), RawFrame::text("c")]),
                Step::Expect(vec![Reply::text("a"), Reply::pong("b"), Reply::text("c")]),
            ],
        ),
        over_tls(
            "tls-message-over-records",
            "a message over seven records",
            vec![Step::Send(RawFrame::binary(large.clone())), Step::Expect(vec![Reply::binary(large)])],
        ),
        over_tls(
            "tls-close",
            "the closing handshake",
            vec![Step::Send(RawFrame::close(1000)), Step::Closes(&[1000])],
        ),
        over_tls("tls-half-close", "close_notify without a Close frame", vec![Step::EndWriting, Step::Gone]),
    ]
}
