//! Ping and pong.

use longwire_wire::RawFrame;
use longwire_wire::bits::{CLOSE, FIN, PING, PONG};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const PONGS: Rule =
    Rule::of_6455("5.5.2", "An endpoint answers a ping with a pong, unless it has received a Close frame.");
const SAME: Rule = Rule::of_6455("5.5.3", "A pong has the payload of the ping that it answers.");
const UNASKED: Rule = Rule::of_6455("5.5.3", "A pong that nobody asked for is allowed, and is not answered.");
const SHORT: Rule =
    Rule::of_6455("5.5", "A control frame has at most 125 bytes of payload, and is not fragmented.");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = pings();
    cases.extend(pongs());
    cases.extend(malformed());
    cases
}

fn pings() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [0, 1, 2, 124, 125] {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(len).collect();
        cases.push(Case::replies(
            SAME,
            format_args!("ping-{len}"),
            format!("a ping of {len} bytes"),
            [RawFrame::ping(payload.clone())],
            vec![Reply::pong(payload)],
        ));
    }
    cases.push(Case::replies(
        SAME,
        "ping-not-utf8",
        "a ping whose payload is not UTF-8",
        [RawFrame::ping([0, 0xff, 0xfe, 0xfd, 0x80])],
        vec![Reply::pong([0, 0xff, 0xfe, 0xfd, 0x80])],
    ));
    cases.push(Case::open(
        SAME,
        "ping-cut",
        "a ping in writes of one byte",
        vec![
            Step::SendCut(vec![RawFrame::ping([b'x'; 125])], 1),
            Step::Expect(vec![Reply::pong([b'x'; 125])]),
        ],
    ));
    // An endpoint may answer the newest ping only.
    let many: Vec<RawFrame> = (0..10).map(|number| RawFrame::ping(format!("ping {number}"))).collect();
    let others = (0..9).map(|number| Step::Allow(Reply::pong(format!("ping {number}"))));
    let newest = Step::Expect(vec![Reply::pong("ping 9")]);
    let steps: Vec<Step> = others.chain([Step::SendTogether(many), newest]).collect();
    cases.push(Case::open(PONGS, "ping-ten", "ten pings in one write: the newest is answered", steps));
    cases.push(Case::open(
        PONGS,
        "ping-one-by-one",
        "five pings, each after the pong before",
        (0..5)
            .flat_map(|number| {
                let payload = format!("{number}");
                [Step::Send(RawFrame::ping(payload.clone())), Step::Expect(vec![Reply::pong(payload)])]
            })
            .collect(),
    ));
    cases.push(Case::replies(
        PONGS,
        "ping-and-message",
        "a message, a ping, and another message",
        [RawFrame::text("before"), RawFrame::ping("between"), RawFrame::text("after")],
        vec![Reply::text("before"), Reply::pong("between"), Reply::text("after")],
    ));
    cases
}

fn pongs() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, title, pongs) in [
        ("pong-empty", "an empty pong", vec![RawFrame::pong("")]),
        ("pong-payload", "a pong with a payload", vec![RawFrame::pong("nobody asked")]),
        ("pong-125", "a pong of 125 bytes", vec![RawFrame::pong([b'x'; 125])]),
        ("pong-ten", "ten pongs", vec![RawFrame::pong("x"); 10]),
    ] {
        let steps = pongs.into_iter().map(Step::Send).chain([Step::StaysOpen]).collect();
        cases.push(Case::open(UNASKED, name, format!("{title}, and a ping"), steps));
    }
    cases
}

fn malformed() -> Vec<Case> {
    let kinds = [("ping", PING), ("pong", PONG), ("close", CLOSE)];
    let mut cases = Vec::new();
    for (name, opcode) in kinds {
        // The first two bytes of a Close frame are its code.
        let payload = |len: usize| {
            let mut payload = vec![b'x'; len];
            if opcode == CLOSE {
                payload.splice(..2.min(len), [0x03, 0xe8]);
            }
            payload
        };
        for len in [126, 127, 65_536] {
            cases.push(Case::fails(
                SHORT,
                format_args!("{name}-{len}"),
                format!("a {name} frame of {len} bytes"),
                [RawFrame::new(FIN | opcode, payload(len))],
                &[1002],
            ));
        }
        cases.push(Case::fails(
            SHORT,
            format_args!("{name}-not-final"),
            format!("a {name} frame without FIN"),
            [RawFrame::new(opcode, payload(5))],
            &[1002],
        ));
        cases.push(Case::fails(
            SHORT,
            format_args!("{name}-in-fragments"),
            format!("a {name} frame without FIN, and a continuation"),
            [RawFrame::new(opcode, payload(5)), RawFrame::continuation("x")],
            &[1002],
        ));
        cases.push(Case::fails(
            SHORT,
            format_args!("{name}-not-final-between"),
            format!("a {name} frame without FIN between two fragments"),
            [RawFrame::text("a").not_final(), RawFrame::new(opcode, payload(5)), RawFrame::continuation("b")],
            &[1002],
        ));
    }
    cases
}
