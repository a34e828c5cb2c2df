//! The response to a client.

mod status;

use longwire_wire::{Head, Mask, RawFrame, Role, accept_key};

use crate::case::{Case, Delivery};
use crate::rule::Rule;
use crate::step::{Reply, Step, joined};

const ACCEPT: Rule = Rule::of_6455(
    "4.1",
    "A client fails the connection unless the response has the Sec-WebSocket-Accept that belongs to its key.",
);
const UPGRADE: Rule = Rule::of_6455(
    "4.1",
    "A client fails the connection unless the response has an Upgrade header that is websocket, in any letter case.",
);
const CONNECTION: Rule = Rule::of_6455(
    "4.1",
    "A client fails the connection unless the response has a Connection header with the token Upgrade, in any letter case.",
);
const FIELDS: Rule =
    Rule::of_6455("4.1", "Names of headers have any letter case, come in any order, and others are ignored.");
const GRAMMAR: Rule =
    Rule::of_6455("4.1", "A client fails the connection if the response breaks the grammar of HTTP.");
const BEHIND: Rule = Rule::of_6455("4.1", "Bytes behind the response are frames.");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = accept();
    cases.extend(upgrade_and_connection());
    cases.extend(status::cases());
    cases.extend(fields());
    cases.extend(grammar());
    cases.extend(behind());
    cases
}

/// A response with a changed head, which the client must accept.
fn accepted(rule: Rule, name: &str, title: &str, change: fn(Head) -> Head) -> Case {
    Case::accepted_response(rule, name, title, move |_, valid| Ok(change(valid)))
}

/// A response with a changed head, after which the client must fail the connection.
fn refused(rule: Rule, name: &str, title: &str, change: fn(Head) -> Head) -> Case {
    Case::refused_response(rule, name, title, move |_, valid| Ok(change(valid)))
}

fn accept() -> Vec<Case> {
    const NAME: &str = "Sec-WebSocket-Accept";
    let of = |name: &str, title: &str, value: fn(&Head, &str) -> String| {
        Case::refused_response(ACCEPT, name, title, move |request, valid| {
            let value = value(request, valid.field(NAME).unwrap_or_default());
            Ok(valid.replacing(NAME, &value))
        })
    };
    vec![
        accepted(ACCEPT, "response-valid", "a valid response", |head| head),
        refused(ACCEPT, "accept-missing", "no Sec-WebSocket-Accept", |head| head.without(NAME)),
        of("accept-empty", "an empty Sec-WebSocket-Accept", |_, _| String::new()),
        of("accept-of-another-key", "the Sec-WebSocket-Accept of another key", |_, _| {
            accept_key("x3JJHMbDL1EzLkh9GBhXDw==")
        }),
        of("accept-is-the-key", "the key as Sec-WebSocket-Accept", |request, _| {
            request.field("Sec-WebSocket-Key").unwrap_or_default().to_owned()
        }),
        of("accept-in-another-letter-case", "Sec-WebSocket-Accept in another letter case", |_, valid| {
            let swap = |character: char| match character.is_ascii_lowercase() {
                true => character.to_ascii_uppercase(),
                false => character.to_ascii_lowercase(),
            };
            valid.chars().map(swap).collect()
        }),
        of("accept-without-padding", "Sec-WebSocket-Accept without its padding", |_, valid| {
            valid.trim_end_matches('=').to_owned()
        }),
        of("accept-cut-off", "the first half of Sec-WebSocket-Accept", |_, valid| {
            valid.chars().take(14).collect()
        }),
        of("accept-and-more", "Sec-WebSocket-Accept with a character behind", |_, valid| format!("{valid}=")),
        of("accept-in-quotes", "Sec-WebSocket-Accept in quotes", |_, valid| format!("\"{valid}\"")),
        Case::accepted_response(
            ACCEPT,
            "accept-with-spaces",
            "Sec-WebSocket-Accept with spaces around it, which are not part of the value",
            |_, valid| {
                let value = format!(" \t{} \t", valid.field(NAME).unwrap_or_default());
                Ok(valid.replacing(NAME, &value))
            },
        ),
    ]
}

fn upgrade_and_connection() -> Vec<Case> {
    let upgrade = |name: &str, title: &str, change: fn(Head) -> Head| refused(UPGRADE, name, title, change);
    let connection =
        |name: &str, title: &str, change: fn(Head) -> Head| refused(CONNECTION, name, title, change);
    vec![
        upgrade("response-upgrade-missing", "no Upgrade", |head| head.without("Upgrade")),
        upgrade("response-upgrade-empty", "an empty Upgrade", |head| head.replacing("Upgrade", "")),
        upgrade("response-upgrade-other", "Upgrade: h2c", |head| head.replacing("Upgrade", "h2c")),
        upgrade("response-upgrade-longer", "Upgrade: websockets", |head| {
            head.replacing("Upgrade", "websockets")
        }),
        accepted(UPGRADE, "response-upgrade-capitalized", "Upgrade: WebSocket", |head| {
            head.replacing("Upgrade", "WebSocket")
        }),
        accepted(UPGRADE, "response-upgrade-upper-case", "Upgrade: WEBSOCKET", |head| {
            head.replacing("Upgrade", "WEBSOCKET")
        }),
        connection("response-connection-missing", "no Connection", |head| head.without("Connection")),
        connection("response-connection-empty", "an empty Connection", |head| {
            head.replacing("Connection", "")
        }),
        connection("response-connection-other", "Connection: keep-alive", |head| {
            head.replacing("Connection", "keep-alive")
        }),
        connection("response-connection-longer", "Connection: Upgrades", |head| {
            head.replacing("Connection", "Upgrades")
        }),
        accepted(CONNECTION, "response-connection-lower-case", "Connection: upgrade", |head| {
            head.replacing("Connection", "upgrade")
        }),
        accepted(CONNECTION, "response-connection-upper-case", "Connection: UPGRADE", |head| {
            head.replacing("Connection", "UPGRADE")
        }),
        accepted(CONNECTION, "response-connection-list", "Connection: keep-alive, Upgrade", |head| {
            head.replacing("Connection", "keep-alive, Upgrade")
        }),
    ]
}

fn fields() -> Vec<Case> {
    let names = |head: Head, change: fn(&str) -> String| Head {
        start: head.start,
        fields: head.fields.into_iter().map(|(name, value)| (change(&name), value)).collect(),
    };
    vec![
        Case::accepted_response(
            FIELDS,
            "response-names-lower-case",
            "names in lower case",
            move |_, valid| Ok(names(valid, str::to_ascii_lowercase)),
        ),
        Case::accepted_response(
            FIELDS,
            "response-names-upper-case",
            "names in upper case",
            move |_, valid| Ok(names(valid, str::to_ascii_uppercase)),
        ),
        accepted(FIELDS, "response-order", "the headers the other way round", |mut head| {
            head.fields.reverse();
            head
        }),
        accepted(FIELDS, "response-others", "other headers", |head| {
            head.with("Server", "x").with("Date", "Mon, 30 Nov 2026 07:21:47 GMT").with("Set-Cookie", "a=b")
        }),
        accepted(FIELDS, "response-many", "forty other headers", |head| {
            (0..40).fold(head, |head, number| head.with(format!("X-Other-{number}"), "x"))
        }),
        accepted(FIELDS, "response-long", "a header of 4,000 bytes", |head| {
            head.with("X-Other", "x".repeat(4000))
        }),
        accepted(FIELDS, "response-empty-value", "a header without a value", |head| head.with("X-Other", "")),
        Case::answered(
            FIELDS,
            "response-without-spaces",
            "no spaces behind the colons",
            |_, valid| Ok(String::from_utf8_lossy(&valid.encode()).replace(": ", ":").into_bytes()),
            vec![Step::StaysOpen],
        ),
        Case::answered(
            FIELDS,
            "response-cut",
            "the response in writes of one byte",
            |_, valid| Ok(valid.encode()),
            vec![Step::StaysOpen],
        )
        .delivered(Delivery::ByteByByte),
    ]
}

fn grammar() -> Vec<Case> {
    let broken = |name: &str, title: &str, change: fn(String) -> String| {
        let response = move |_: &Head, valid: Head| {
            Ok(change(String::from_utf8_lossy(&valid.encode()).into_owned()).into_bytes())
        };
        Case::answered(GRAMMAR, name, title, response, vec![Step::Refuses])
    };
    vec![
        broken("response-after-garbage", "a line of something else before the response", |text| {
            format!("something else\r\n{text}")
        }),
        broken("response-without-colon", "a line without a colon among the headers", |text| {
            text.replacen("\r\n", "\r\nno colon\r\n", 1)
        })
        .should(),
        broken("response-space-before-colon", "a space before a colon", |text| {
            text.replacen("\r\n", "\r\nX-Other : x\r\n", 1)
        })
        .should(),
        broken("response-name-with-space", "a space in a name", |text| {
            text.replacen("\r\n", "\r\nX Other: x\r\n", 1)
        })
        .should(),
        broken("response-nul", "a value with NUL", |text| text.replacen("\r\n", "\r\nX-Other: \0\r\n", 1))
            .should(),
        Case::answered(
            GRAMMAR,
            "response-cut-off",
            "the end of the connection within the response",
            |_, valid| {
                let mut bytes = valid.encode();
                bytes.truncate(bytes.len() - 10);
                Ok(bytes)
            },
            vec![Step::EndWriting, Step::Gone],
        ),
        Case::answered(
            GRAMMAR,
            "response-missing",
            "the end of the connection without a response",
            |_, _| Ok(Vec::new()),
            vec![Step::EndWriting, Step::Gone],
        ),
    ]
}

/// Frames in the same write as the response.
fn behind() -> Vec<Case> {
    let behind = |name: &str, title: &str, frames: Vec<RawFrame>, steps: Vec<Step>| {
        let frames = joined(&frames, Role::Server);
        let response = move |_: &Head, valid: Head| Ok([valid.encode(), frames.clone()].concat());
        Case::answered(
            BEHIND,
            name,
            format!("{title} behind the response, in the same write"),
            response,
            steps,
        )
    };
    vec![
        behind(
            "ping-behind-response",
            "a ping",
            vec![RawFrame::ping("behind")],
            vec![Step::Expect(vec![Reply::pong("behind")])],
        ),
        behind(
            "message-behind-response",
            "a message",
            vec![RawFrame::text("behind")],
            vec![Step::Expect(vec![Reply::text("behind")])],
        ),
        behind(
            "first-half-behind-response",
            "a first fragment",
            vec![RawFrame::text("be").not_final()],
            vec![Step::Send(RawFrame::continuation("hind")), Step::Expect(vec![Reply::text("behind")])],
        ),
        behind(
            "close-behind-response",
            "a Close frame",
            vec![RawFrame::close(1000)],
            vec![Step::Closes(&[1000])],
        ),
        behind(
            "invalid-behind-response",
            "a frame with a reserved opcode",
            vec![RawFrame::new(0x83, "")],
            vec![Step::Fails(&[1002])],
        ),
        behind(
            "masked-behind-response",
            "a masked message",
            vec![RawFrame::text("masked").masked(Mask::Key([1, 2, 3, 4]))],
            vec![Step::Gone],
        ),
    ]
}
