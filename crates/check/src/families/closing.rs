//! The closing handshake.

use longwire_wire::bits::{CLOSE, FIN};
use longwire_wire::{DeclaredLen, Mask, RawFrame};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::{Reply, Step};

const ANSWER: Rule = Rule::of_6455(
    "5.5.1",
    "An endpoint answers a Close frame with a Close frame, typically with the same code.",
);
const BODY: Rule = Rule::of_6455(
    "5.5.1",
    "The payload of a Close frame is empty, or a code of two bytes and a reason in UTF-8.",
);
/// In 7.4.2 for the sake of the ids, which stay the same.
const NEVER_SENT: Rule =
    Rule::of_6455("7.4.2", "The codes 1005, 1006 and 1015 must not be sent in a Close frame (§7.4.1).");
const UNUSED: Rule = Rule::of_6455(
    "7.4.2",
    "Codes below 1000, those that are reserved and those above 4999 are not used. The RFC does not demand that a receiver \
     fails on them.",
);
const KNOWN: Rule =
    Rule::of_6455("7.4.1", "The codes of the RFC and of its registry, and 3000 to 4999, may be sent.");
const LAST: Rule = Rule::of_6455("5.5.1", "After a Close frame, nothing that follows is processed.");
const END: Rule = Rule::of_6455("7.1.1", "The server ends the connection when both have sent a Close frame.");
const CLIENT_WAITS: Rule = Rule::of_6455(
    "7.1.1",
    "When both have sent a Close frame, a client leaves it to the server to end the connection, and then ends it, too.",
);
const LOST: Rule =
    Rule::of_6455("7.1.5", "A connection may end without a Close frame; the endpoint ends it, too.");

/// The cases for servers.
pub(super) fn of_servers() -> Vec<Case> {
    let mut cases =
        of_both(RawFrame::text("x").masked(Mask::Absent), "a frame that is not masked", "not-masked");
    cases.extend(at_the_end());
    cases
}

/// The cases for clients.
pub(super) fn of_clients() -> Vec<Case> {
    let masked = RawFrame::text("x").masked(Mask::Key([1, 2, 3, 4]));
    let mut cases = of_both(masked, "a frame that is masked", "masked");
    cases.push(
        Case::open(
            CLIENT_WAITS,
            "client-waits",
            "after both Close frames, the client leaves the end to the server",
            vec![Step::Send(RawFrame::close(1000)), Step::LeavesTheEnd],
        )
        .should(),
    );
    cases.push(Case::open(
        CLIENT_WAITS,
        "close-then-end",
        "a Close frame, and then the end of the server's writing side",
        vec![Step::Send(RawFrame::close(1000)), Step::EndWriting, Step::Closes(&[1000])],
    ));
    cases
}

/// The cases for either end. The frame breaks the rule about masks.
fn of_both(wrongly_masked: RawFrame, title: &'static str, name: &'static str) -> Vec<Case> {
    let mut cases = codes();
    cases.extend(bodies());
    cases.extend(after_close((name, title, wrongly_masked)));
    cases.extend(without_close());
    cases
}

fn codes() -> Vec<Case> {
    let mut cases = Vec::new();
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        // An endpoint may answer with a code of its own.
        cases.push(Case::open(
            KNOWN,
            format_args!("close-{code}"),
            format!("a Close frame with code {code}"),
            vec![Step::Send(RawFrame::close(code)), Step::Closes(ANY_ANSWER)],
        ));
    }
    for code in [1012, 1013, 1014] {
        // Registered after the RFC; an endpoint that knows the RFC alone may refuse them.
        cases.push(
            Case::open(
                KNOWN,
                format_args!("close-{code}"),
                format!("a Close frame with code {code}, which the registry has"),
                vec![Step::Send(RawFrame::close(code)), Step::Closes(NOT_REFUSED)],
            )
            .should(),
        );
    }
    for code in [1000, 1001, 3000, 4000] {
        cases.push(
            Case::open(
                ANSWER,
                format_args!("close-{code}-same"),
                format!("a Close frame with code {code} is answered with the same code"),
                vec![Step::Send(RawFrame::close(code)), Step::Closes(same(code))],
            )
            .should(),
        );
    }
    let refused = |rule: Rule, code: u16| {
        let title = format!("a Close frame with code {code}");
        Case::fails(rule, format_args!("close-{code}"), title, [RawFrame::close(code)], &[1002])
    };
    cases.extend([1005, 1006, 1015].map(|code| refused(NEVER_SENT, code)));
    for code in [0, 1, 999, 1004, 1016, 1100, 2000, 2999, 5000, 9999, 65_535] {
        cases.push(refused(UNUSED, code).should());
    }
    cases
}

/// The codes that an answer may have: those that may be sent and mean no failure of the one who began.
const ANY_ANSWER: &[u16] =
    &[1000, 1001, 1003, 1005, 1007, 1008, 1009, 1010, 1011, 1002, 3000, 3999, 4000, 4999];

/// The same without a protocol error.
const NOT_REFUSED: &[u16] = &[1000, 1001, 1005, 1012, 1013, 1014];

fn same(code: u16) -> &'static [u16] {
    match code {
        1000 => &[1000],
        1001 => &[1001],
        3000 => &[3000],
        _ => &[4000],
    }
}

fn bodies() -> Vec<Case> {
    let with_reason = |len: usize| RawFrame::close_because(1000, "r".repeat(len));
    let mut cases = vec![
        Case::open(
            BODY,
            "close-empty",
            "a Close frame without a code",
            vec![Step::Send(RawFrame::new(FIN | CLOSE, "")), Step::Closes(&[1000, 1005])],
        ),
        Case::fails(
            BODY,
            "close-one-byte",
            "a Close frame of one byte",
            [RawFrame::new(FIN | CLOSE, [3])],
            &[1002],
        ),
        Case::open(
            BODY,
            "close-cut",
            "a Close frame in writes of one byte",
            vec![Step::SendCut(vec![with_reason(20)], 1), Step::Closes(&[1000])],
        ),
        Case::open(
            BODY,
            "close-reason-unicode",
            "a Close frame with a reason beyond ASCII",
            vec![Step::Send(RawFrame::close_because(1000, "bis später 👋")), Step::Closes(&[1000])],
        ),
    ];
    for len in [1, 122, 123] {
        cases.push(Case::open(
            BODY,
            format_args!("close-reason-{len}"),
            format!("a Close frame with a reason of {len} bytes"),
            vec![Step::Send(with_reason(len)), Step::Closes(&[1000])],
        ));
    }
    cases.push(Case::fails(
        BODY,
        "close-reason-124",
        "a Close frame with a reason of 124 bytes",
        [with_reason(124)],
        &[1002],
    ));
    for (name, reason) in [
        ("ff", &b"\xff"[..]),
        ("cut-off", b"bye \xe2\x82"),
        ("surrogate", b"\xed\xa0\x80"),
        ("overlong", b"\xc0\xaf"),
        ("after-ascii", b"0123456789012345678901234567890123456789\x80"),
    ] {
        cases.push(Case::fails(
            BODY,
            format_args!("close-reason-not-utf8-{name}"),
            "a Close frame with a reason that is not UTF-8",
            [RawFrame::close_because(1000, reason)],
            &[1007, 1002],
        ));
    }
    cases
}

fn after_close(wrongly_masked: (&'static str, &'static str, RawFrame)) -> Vec<Case> {
    let followers = [
        ("text", "a text message", RawFrame::text("too late")),
        ("ping", "a ping", RawFrame::ping("too late")),
        ("close", "another Close frame", RawFrame::close(1001)),
        ("invalid", "a frame with a reserved opcode", RawFrame::new(FIN | 3, "")),
        ("first-fragment", "a first fragment", RawFrame::text("too").not_final()),
        wrongly_masked,
    ];
    let mut cases: Vec<Case> = followers
        .into_iter()
        .map(|(name, title, frame)| {
            Case::open(
                LAST,
                format_args!("close-then-{name}"),
                format!("a Close frame and {title}, in one write"),
                vec![Step::SendTogether(vec![RawFrame::close(1000), frame]), Step::Closes(&[1000])],
            )
        })
        .collect();
    cases.push(Case::open(
        LAST,
        "message-then-close",
        "a message and a Close frame in one write: the answer comes, or the connection closes",
        vec![
            Step::Allow(Reply::text("last")),
            Step::SendTogether(vec![RawFrame::text("last"), RawFrame::close(1000)]),
            Step::Closes(&[1000]),
        ],
    ));
    cases.push(
        Case::open(
            LAST,
            "message-before-close-comes-back",
            "a message is sent back before the Close frame that follows it is answered",
            vec![
                Step::SendTogether(vec![RawFrame::text("last"), RawFrame::close(1000)]),
                Step::Expect(vec![Reply::text("last")]),
                Step::Closes(&[1000]),
            ],
        )
        .should(),
    );
    cases.push(Case::open(
        LAST,
        "close-within-fragments",
        "a Close frame after a first fragment",
        vec![
            Step::SendTogether(vec![RawFrame::text("not").not_final(), RawFrame::close(1000)]),
            Step::Closes(&[1000]),
        ],
    ));
    // With the key of ones, the payload of zeros is bytes of ones, like its header.
    let garbage = RawFrame::new(0xff, vec![0; 986]).declaring(DeclaredLen::In64Bits(u64::MAX));
    let garbage = garbage.masked(Mask::Key([0xff; 4]));
    cases.push(Case::open(
        LAST,
        "close-then-garbage",
        "a Close frame and 1,000 bytes that are no frames",
        vec![Step::SendTogether(vec![RawFrame::close(1000), garbage]), Step::Closes(&[1000])],
    ));
    cases
}

/// How a server ends a connection.
fn at_the_end() -> Vec<Case> {
    vec![
        Case::open(
            END,
            "server-ends",
            "after both Close frames, the server ends the connection",
            vec![Step::Send(RawFrame::close(1000)), Step::Closes(&[1000])],
        ),
        Case::open(
            END,
            "close-then-half-close",
            "a Close frame, and then the end of the writing side",
            vec![Step::Send(RawFrame::close(1000)), Step::EndWriting, Step::Closes(&[1000])],
        ),
        Case::open(
            LOST,
            "message-then-half-close",
            "a message and the end of the writing side: the answer still comes",
            vec![
                Step::Send(RawFrame::text("the last word")),
                Step::EndWriting,
                Step::Expect(vec![Reply::text("the last word")]),
                Step::Gone,
            ],
        )
        .should(),
    ]
}

fn without_close() -> Vec<Case> {
    let gone = |name: &str, title: &str, mut steps: Vec<Step>| {
        steps.extend([Step::EndWriting, Step::Gone]);
        Case::open(LOST, name, title, steps).should()
    };
    vec![
        gone("half-close", "the end of the writing side without a Close frame", Vec::new()),
        gone(
            "half-close-within-frame",
            "the end of the writing side within a frame",
            vec![Step::Send(RawFrame::text("x").declaring(DeclaredLen::Shortest(256)))],
        ),
        gone(
            "half-close-within-message",
            "the end of the writing side after a first fragment",
            vec![Step::Send(RawFrame::text("never").not_final())],
        ),
    ]
}
