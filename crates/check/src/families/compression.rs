//! permessage-deflate.

mod agreement;
mod answers;

use longwire_wire::RawFrame;
use longwire_wire::bits::{BINARY, CONTINUATION, FIN, PING, RSV1, TEXT};

use crate::case::{Case, Need, Script};
use crate::rule::Rule;
use crate::step::{Reply, Step};

const MESSAGES: Rule =
    Rule::of_7692("6", "A message with RSV1 is compressed, and comes back as it was before.");
const BOTH: Rule =
    Rule::of_7692("6", "After compression was agreed on, a message may still be sent without it.");
const FIRST_FRAME: Rule =
    Rule::of_7692("6", "RSV1 stands on the first frame of a message only, and never on a control frame.");
const BLOCKS: Rule =
    Rule::of_7692("7.2.2", "A compressed message has DEFLATE blocks of any kind, and any number of them.");
const BROKEN: Rule = Rule::of_7692("7.2.2", "A payload that cannot be inflated fails the connection.");
const CONTEXT: Rule = Rule::of_7692(
    "7.1.1",
    "Without no_context_takeover, a message may refer to those before it; with it, each stands alone.",
);
const WINDOW: Rule = Rule::of_7692(
    "7.1.2",
    "Whatever windows were agreed on, messages that repeat what lies far back come back as they were.",
);
const TEXT_RULE: Rule =
    Rule::of_6455("8.1", "A text message that inflates to something else than UTF-8 fails the connection.");

/// The cases for servers.
pub(super) fn of_servers() -> Vec<Case> {
    let mut cases = agreement::cases();
    cases.extend(of_both());
    cases.push(compressed_echo());
    cases
}

/// The cases for clients.
pub(super) fn of_clients() -> Vec<Case> {
    let mut cases = answers::cases();
    cases.extend(of_both());
    cases
}

/// The cases for either end, on connections with compression.
fn of_both() -> Vec<Case> {
    let mut cases = messages();
    cases.extend(mixed());
    cases.extend(blocks());
    cases.extend(broken());
    cases.extend(contexts());
    cases
}

/// Steps on a connection with compression.
fn compressed(
    rule: Rule,
    name: impl std::fmt::Display,
    title: impl Into<String>,
    parameters: &'static str,
    steps: Vec<Step>,
) -> Case {
    Case::new(rule, name, title, Script::Compressed(parameters, steps)).needing(Need::Deflate)
}

fn plain(rule: Rule, name: impl std::fmt::Display, title: impl Into<String>, steps: Vec<Step>) -> Case {
    compressed(rule, name, title, "permessage-deflate", steps)
}

/// Bytes without any pattern.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(&mut next).take(len).collect()
}

/// Text in which much repeats.
fn prose(len: usize) -> Vec<u8> {
    b"The quick brown fox jumps over the lazy dog. ".iter().copied().cycle().take(len).collect()
}

/// Messages that are sent compressed, and come back.
fn echoed(messages: Vec<Vec<u8>>) -> Vec<Step> {
    let replies = messages.iter().map(|message| Step::Expect(vec![Reply::binary(message.clone())]));
    let replies: Vec<Step> = replies.collect();
    std::iter::once(Step::SendCompressed(messages)).chain(replies).collect()
}

fn messages() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [0, 1, 2, 10, 125, 126, 127, 1000, 65_535, 65_536, 131_072, 1 << 20] {
        for (kind, message) in [("prose", prose(len)), ("noise", noise(len))] {
            let title = format!("a compressed message of {len} bytes of {kind}");
            let case = plain(MESSAGES, format_args!("{kind}-{len}"), title, echoed(vec![message]));
            cases.push(case.needing(Need::Echo));
        }
    }
    cases
}

/// The case for servers that compress what they send back.
fn compressed_echo() -> Case {
    let comes_back = Step::Expect(vec![Reply::Compressed(BINARY, prose(4000))]);
    plain(
        MESSAGES,
        "prose-comes-back-compressed",
        "a message that is worth compressing comes back compressed",
        vec![Step::SendCompressed(vec![prose(4000)]), comes_back],
    )
    .needing(Need::DeflatedEcho)
}

fn mixed() -> Vec<Case> {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let (start, end) = hello.split_at(3);
    let first = || RawFrame::new(RSV1 | TEXT, start);
    let echo = |name: &str, title: &str, rule: Rule, steps: Vec<Step>| {
        plain(rule, name, title, steps).needing(Need::Echo)
    };
    vec![
        echo(
            "not-compressed",
            "a message without compression after it was agreed on",
            BOTH,
            vec![Step::Send(RawFrame::text("plain")), Step::Expect(vec![Reply::text("plain")])],
        ),
        echo(
            "in-turns",
            "messages with and without compression in turns",
            BOTH,
            vec![
                Step::Send(RawFrame::new(FIN | RSV1 | TEXT, hello)),
                Step::Expect(vec![Reply::text("Hello")]),
                Step::Send(RawFrame::text("plain")),
                Step::Expect(vec![Reply::text("plain")]),
                Step::Send(RawFrame::new(FIN | RSV1 | TEXT, hello)),
                Step::Expect(vec![Reply::text("Hello")]),
            ],
        ),
        echo(
            "two-fragments",
            "a compressed message in two fragments",
            FIRST_FRAME,
            vec![
                Step::Send(first()),
                Step::Send(RawFrame::continuation(end)),
                Step::Expect(vec![Reply::text("Hello")]),
            ],
        ),
        echo(
            "ping-between",
            "a ping between two fragments of a compressed message",
            FIRST_FRAME,
            vec![
                Step::Send(first()),
                Step::Send(RawFrame::ping("between")),
                Step::Send(RawFrame::continuation(end)),
                Step::Expect(vec![Reply::pong("between"), Reply::text("Hello")]),
            ],
        ),
        echo(
            "empty-fragments",
            "a compressed message with empty fragments around it",
            FIRST_FRAME,
            vec![
                Step::Send(RawFrame::new(RSV1 | TEXT, "")),
                Step::Send(RawFrame::new(CONTINUATION, hello)),
                Step::Send(RawFrame::continuation("")),
                Step::Expect(vec![Reply::text("Hello")]),
            ],
        ),
        plain(
            FIRST_FRAME,
            "rsv1-on-continuation",
            "RSV1 on the second fragment, too",
            vec![
                Step::Send(first()),
                Step::Send(RawFrame::new(FIN | RSV1 | CONTINUATION, end)),
                Step::Fails(&[1002]),
            ],
        ),
        plain(
            FIRST_FRAME,
            "rsv1-on-continuation-only",
            "RSV1 on the second fragment only",
            vec![
                Step::Send(RawFrame::text("Hel").not_final()),
                Step::Send(RawFrame::new(FIN | RSV1 | CONTINUATION, hello)),
                Step::Fails(&[1002]),
            ],
        ),
        plain(
            FIRST_FRAME,
            "rsv1-on-ping",
            "RSV1 on a ping",
            vec![Step::Send(RawFrame::new(FIN | RSV1 | PING, "x")), Step::Fails(&[1002])],
        ),
        plain(
            FIRST_FRAME,
            "rsv2-with-compression",
            "RSV2 on a message: this extension does not define it",
            vec![Step::Send(RawFrame::new(FIN | 0x20 | TEXT, "x")), Step::Fails(&[1002])],
        ),
    ]
}

/// Payloads of `Hello`, the examples of RFC 7692 §7.2.3 and others.
fn blocks() -> Vec<Case> {
    let payloads: [(&str, &str, &[u8], &[u8]); 9] = [
        ("one-block", "one block with fixed codes", b"\xf2\x48\xcd\xc9\xc9\x07\x00", b"Hello"),
        ("stored", "a block that is not compressed", b"\x00\x05\x00\xfa\xffHello\x00", b"Hello"),
        ("final", "a block with BFINAL", b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", b"Hello"),
        ("two-blocks", "two blocks", b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", b"Hello"),
        ("empty", "an empty message as one byte", b"\x00", b""),
        ("empty-fixed", "an empty message as an empty block with fixed codes", b"\x02\x00", b""),
        (
            "empty-blocks",
            "empty blocks before the text",
            b"\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff\xf2\x48\xcd\xc9\xc9\x07\x00",
            b"Hello",
        ),
        (
            "tail-sent",
            "a payload with the tail that is usually left out",
            b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x00",
            b"Hello",
        ),
        ("stored-empty", "a stored block of no bytes", b"\x00\x00\x00\xff\xff\x00", b""),
    ];
    let mut cases: Vec<Case> = payloads
        .into_iter()
        .map(|(name, title, payload, message)| {
            let steps = vec![
                Step::Send(RawFrame::new(FIN | RSV1 | TEXT, payload)),
                Step::Expect(vec![Reply::text(message)]),
            ];
            plain(BLOCKS, format_args!("block-{name}"), format!("a message as {title}"), steps)
                .needing(Need::Echo)
        })
        .collect();
    let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    let next = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    cases.push(
        plain(
            BLOCKS,
            "block-after-final",
            "a message after one with BFINAL",
            vec![
                Step::Send(RawFrame::new(FIN | RSV1 | TEXT, *last)),
                Step::Expect(vec![Reply::text("Hello")]),
                Step::Send(RawFrame::new(FIN | RSV1 | TEXT, *next)),
                Step::Expect(vec![Reply::text("Hello")]),
            ],
        )
        .needing(Need::Echo),
    );
    cases
}

fn broken() -> Vec<Case> {
    let mut cases = Vec::new();
    let payloads: [(&str, &str, &[u8]); 4] = [
        ("block-type-3", "a block of the reserved type", b"\x07\x00"),
        (
            "stored-length",
            "a stored block whose two lengths contradict each other",
            b"\x00\x05\x00\x00\x00Hello\x00",
        ),
        ("distance", "a reference to before the beginning", b"\xf2\x00\x11\x00\x00"),
        ("noise", "bytes that are not DEFLATE", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ];
    for (name, title, payload) in payloads {
        cases.push(plain(
            BROKEN,
            format_args!("broken-{name}"),
            format!("a message with {title}"),
            vec![Step::Send(RawFrame::new(FIN | RSV1 | BINARY, payload)), Step::Fails(&[1007, 1002])],
        ));
    }
    // "b\xffd" in a stored block.
    let not_utf8 = b"\x00\x03\x00\xfc\xffb\xffd\x00";
    cases.push(plain(
        TEXT_RULE,
        "compressed-not-utf8",
        "a compressed text message that is not UTF-8",
        vec![Step::Send(RawFrame::new(FIN | RSV1 | TEXT, *not_utf8)), Step::Fails(&[1007])],
    ));
    // "é" cut off.
    let cut_off = b"\x00\x01\x00\xfe\xff\xc3\x00";
    cases.push(plain(
        TEXT_RULE,
        "compressed-cut-off-utf8",
        "a compressed text message that ends within a character",
        vec![Step::Send(RawFrame::new(FIN | RSV1 | TEXT, *cut_off)), Step::Fails(&[1007])],
    ));
    cases
}

fn contexts() -> Vec<Case> {
    let mut cases = Vec::new();
    let same = || vec![prose(500); 5];
    let parameters = [
        ("takeover", "permessage-deflate", "both contexts kept"),
        ("client-alone", "permessage-deflate; client_no_context_takeover", "client_no_context_takeover"),
        ("server-alone", "permessage-deflate; server_no_context_takeover", "server_no_context_takeover"),
        (
            "both-alone",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "both parameters for contexts",
        ),
    ];
    for (name, parameters, title) in parameters {
        let title = format!("the same message five times, with {title}");
        let steps = echoed(same());
        cases.push(
            compressed(CONTEXT, format_args!("context-{name}"), title, parameters, steps).needing(Need::Echo),
        );
    }
    let windows = [
        (9, "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9"),
        (10, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10"),
        (12, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"),
        (15, "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15"),
    ];
    for (bits, parameters) in windows {
        // What repeats lies further back than the smaller windows.
        let block = noise(600);
        let message = [block.clone(), noise(3000).split_off(600), block].concat();
        let steps = echoed(vec![message.clone(), message]);
        let title = format!("messages that repeat what lies far back, with windows of {bits} bits");
        cases.push(
            compressed(WINDOW, format_args!("window-{bits}"), title, parameters, steps).needing(Need::Echo),
        );
    }
    cases
}
