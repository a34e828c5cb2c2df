//! The opening handshake.

use longwire_wire::bits::TEXT;
use longwire_wire::{Head, RawFrame, Role};

use crate::case::{Answer, Case};
use crate::rule::Rule;
use crate::step::{Reply, Step, joined};

const LINE: Rule = Rule::of_6455("4.1", "The request is a GET of HTTP/1.1 or later, in the grammar of HTTP.");
const HOST: Rule = Rule::of_6455("4.1", "The request has a Host header, exactly one (RFC 9112 §3.2).");
const UPGRADE: Rule =
    Rule::of_6455("4.2.1", "The request has an Upgrade header with the token websocket, in any letter case.");
const CONNECTION: Rule =
    Rule::of_6455("4.2.1", "The request has a Connection header with the token Upgrade, in any letter case.");
const KEY: Rule =
    Rule::of_6455("4.2.1", "The request has one Sec-WebSocket-Key, which is 16 bytes in base64.");
const ACCEPT: Rule =
    Rule::of_6455("4.2.2", "Sec-WebSocket-Accept is made of the key as it was sent, nothing else.");
const VERSION: Rule = Rule::of_6455(
    "4.4",
    "A server that does not speak the version of the request answers with an error and the versions that it speaks.",
);
const FIELDS: Rule = Rule::of_6455(
    "4.2.1",
    "Names of headers have any letter case, come in any order, and others are ignored.",
);
const GRAMMAR: Rule = Rule::of_6455(
    "4.2.1",
    "A request that breaks the grammar of HTTP is refused: who reads it differently than a proxy before may be tricked.",
);
const BODY: Rule = Rule::of_6455(
    "4.1",
    "The request of an opening handshake has no body; bytes after it are frames. A body would be read as frames.",
);
const EARLY: Rule = Rule::of_6455(
    "4.1",
    "A client waits for the response. Bytes behind a request are frames all the same: a server that loses them, or answers \
     them before its response, does something that nobody expects.",
);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = request_line();
    cases.extend(host());
    cases.extend(upgrade_and_connection());
    cases.extend(key());
    cases.extend(version());
    cases.extend(fields());
    cases.extend(grammar());
    cases.extend(bodies());
    cases.extend(early_frames());
    cases
}

/// A request with a changed head, which must be accepted.
fn accepted(
    rule: Rule,
    name: &str,
    title: &str,
    change: impl Fn(Head) -> Head + Send + Sync + 'static,
) -> Case {
    let answer = Answer::Accepted(vec![Step::StaysOpen]);
    Case::opening(rule, name, title, move |head| change(head).encode(), answer)
}

/// A request with a changed head, which must be refused.
fn refused(
    rule: Rule,
    name: &str,
    title: &str,
    change: impl Fn(Head) -> Head + Send + Sync + 'static,
) -> Case {
    Case::opening(rule, name, title, move |head| change(head).encode(), Answer::Refused(&[]))
}

/// A request with a changed head, which may be one for something else.
fn not_accepted(
    rule: Rule,
    name: &str,
    title: &str,
    change: impl Fn(Head) -> Head + Send + Sync + 'static,
) -> Case {
    Case::opening(rule, name, title, move |head| change(head).encode(), Answer::NotAccepted)
}

/// The same request with this method or version in its first line.
fn with_line(head: Head, from: &str, to: &str) -> Head {
    Head { start: head.start.replacen(from, to, 1), ..head }
}

fn request_line() -> Vec<Case> {
    let line = |name: &str, title: &str, from: &'static str, to: &'static str| {
        not_accepted(LINE, name, title, move |head| with_line(head, from, to))
    };
    vec![
        accepted(LINE, "valid", "a valid request", |head| head),
        line("method-post", "POST instead of GET", "GET ", "POST "),
        line("method-put", "PUT instead of GET", "GET ", "PUT "),
        line("method-head", "HEAD instead of GET", "GET ", "HEAD "),
        line("method-options", "OPTIONS instead of GET", "GET ", "OPTIONS "),
        line("method-lower-case", "get instead of GET: methods have a letter case", "GET ", "get "),
        line("http-1.0", "HTTP/1.0", " HTTP/1.1", " HTTP/1.0"),
        line("http-0.9", "HTTP/0.9", " HTTP/1.1", " HTTP/0.9"),
        line("http-2.0", "HTTP/2.0 in a request line of HTTP/1", " HTTP/1.1", " HTTP/2.0").should(),
        line("http-lower-case", "http/1.1 instead of HTTP/1.1", " HTTP/1.1", " http/1.1"),
        line("no-version", "a request line without a version", " HTTP/1.1", ""),
    ]
}

fn host() -> Vec<Case> {
    vec![
        refused(HOST, "host-missing", "no Host", |head| head.without("Host")),
        refused(HOST, "host-twice", "two Host headers that differ", |head| {
            head.with("Host", "other.example")
        }),
        refused(HOST, "host-with-space", "a Host with a space", |head| head.replacing("Host", "a b")),
        refused(HOST, "host-with-path", "a Host with a path", |head| head.replacing("Host", "a.example/b")),
    ]
}

fn upgrade_and_connection() -> Vec<Case> {
    let upgrade = |name: &str, title: &str, value: &'static str| {
        accepted(UPGRADE, name, title, move |head| head.replacing("Upgrade", value))
    };
    let connection = |name: &str, title: &str, value: &'static str| {
        accepted(CONNECTION, name, title, move |head| head.replacing("Connection", value))
    };
    vec![
        upgrade("upgrade-capitalized", "Upgrade: WebSocket", "WebSocket"),
        upgrade("upgrade-upper-case", "Upgrade: WEBSOCKET", "WEBSOCKET"),
        not_accepted(UPGRADE, "upgrade-missing", "no Upgrade", |head| head.without("Upgrade")),
        not_accepted(UPGRADE, "upgrade-empty", "an empty Upgrade", |head| head.replacing("Upgrade", "")),
        not_accepted(UPGRADE, "upgrade-other", "Upgrade: h2c", |head| head.replacing("Upgrade", "h2c")),
        not_accepted(UPGRADE, "upgrade-longer", "Upgrade: websockets", |head| {
            head.replacing("Upgrade", "websockets")
        }),
        not_accepted(UPGRADE, "upgrade-prefix", "Upgrade: websock", |head| {
            head.replacing("Upgrade", "websock")
        }),
        connection("connection-lower-case", "Connection: upgrade", "upgrade"),
        connection("connection-upper-case", "Connection: UPGRADE", "UPGRADE"),
        connection(
            "connection-list",
            "Connection: keep-alive, Upgrade, as Firefox sends it",
            "keep-alive, Upgrade",
        ),
        connection("connection-list-no-space", "Connection: keep-alive,Upgrade", "keep-alive,Upgrade"),
        connection("connection-list-spaces", "a list with spaces and tabs", "keep-alive ,\t Upgrade"),
        connection("connection-list-empty", "a list with empty elements", ", ,Upgrade,"),
        accepted(CONNECTION, "connection-twice", "two Connection headers", |head| {
            head.replacing("Connection", "keep-alive").with("Connection", "Upgrade")
        }),
        not_accepted(CONNECTION, "connection-missing", "no Connection", |head| head.without("Connection")),
        not_accepted(CONNECTION, "connection-keep-alive", "Connection: keep-alive", |head| {
            head.replacing("Connection", "keep-alive")
        }),
        not_accepted(CONNECTION, "connection-longer", "Connection: Upgraded", |head| {
            head.replacing("Connection", "Upgraded")
        }),
        not_accepted(CONNECTION, "connection-within-token", "Connection: no-upgrade", |head| {
            head.replacing("Connection", "no-upgrade")
        }),
    ]
}

fn key() -> Vec<Case> {
    let with = |rule: Rule, name: &str, title: &str, value: &'static str| {
        accepted(rule, name, title, move |head| head.replacing("Sec-WebSocket-Key", value))
    };
    // A server need not decode the key (RFC 6455 §4.2.2).
    let without = |name: &str, title: &str, value: &'static str| {
        refused(KEY, name, title, move |head| head.replacing("Sec-WebSocket-Key", value)).should()
    };
    vec![
        with(ACCEPT, "key-zeros", "a key of zeros", "AAAAAAAAAAAAAAAAAAAAAA=="),
        with(ACCEPT, "key-ones", "a key of ones", "/////////////////////w=="),
        with(ACCEPT, "key-plus-slash", "a key with plus and slash", "+/+/+/+/+/+/+/+/+/+/+w=="),
        with(ACCEPT, "key-random", "a key of random bytes", "x3JJHMbDL1EzLkh9GBhXDw=="),
        refused(KEY, "key-missing", "no key", |head| head.without("Sec-WebSocket-Key")),
        refused(KEY, "key-empty", "an empty key", |head| head.replacing("Sec-WebSocket-Key", "")),
        without("key-15-bytes", "a key of 15 bytes", "AAAAAAAAAAAAAAAAAAAA"),
        without("key-17-bytes", "a key of 17 bytes", "AAAAAAAAAAAAAAAAAAAAAAA="),
        without("key-32-bytes", "a key of 32 bytes", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        without("key-not-base64", "a key that is not base64", "!!!!!!!!!!!!!!!!!!!!!!=="),
        without("key-url-alphabet", "a key in the alphabet for URLs", "-_-_-_-_-_-_-_-_-_-_-w=="),
        without("key-no-padding", "a key without padding", "dGhlIHNhbXBsZSBub25jZQ"),
        without("key-short", "a key of four characters", "abcd"),
        refused(KEY, "key-twice", "two keys that differ", |head| {
            head.with("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
        }),
        refused(KEY, "key-twice-same", "the same key twice: a header that comes once", |head| {
            head.with("Sec-WebSocket-Key", Head::RFC_KEY)
        }),
    ]
}

fn version() -> Vec<Case> {
    let other = |name: &str, title: &str, value: &'static str| {
        let change = move |head: Head| head.replacing("Sec-WebSocket-Version", value).encode();
        Case::opening(VERSION, name, title, change, Answer::OtherVersion)
    };
    let wrong = |name: &str, title: &str, value: &'static str| {
        refused(VERSION, name, title, move |head| head.replacing("Sec-WebSocket-Version", value))
    };
    vec![
        other("version-0", "version 0", "0"),
        other("version-7", "version 7, of a draft", "7").should(),
        other("version-8", "version 8, of a draft", "8").should(),
        other("version-12", "version 12", "12"),
        other("version-14", "version 14", "14"),
        other("version-255", "version 255", "255"),
        refused(VERSION, "version-missing", "no version", |head| head.without("Sec-WebSocket-Version")),
        wrong("version-empty", "an empty version", ""),
        wrong("version-013", "version 013: numbers have no leading zeros", "013"),
        wrong("version-plus", "version +13", "+13"),
        wrong("version-13.0", "version 13.0", "13.0"),
        wrong("version-256", "version 256, which is too large", "256"),
        wrong("version-overflow", "version 4294967309, which is 13 in 32 bits", "4294967309"),
        wrong("version-word", "a version that is not a number", "thirteen"),
        refused(VERSION, "version-twice", "two versions that differ", |head| {
            head.with("Sec-WebSocket-Version", "8")
        }),
    ]
}

fn fields() -> Vec<Case> {
    let renamed = |change: fn(&str) -> String| {
        move |head: Head| Head {
            fields: head.fields.iter().map(|(name, value)| (change(name), value.clone())).collect(),
            ..head
        }
    };
    let raw = |name: &str, title: &str, change: fn(String) -> String| {
        let request =
            move |head: Head| change(String::from_utf8_lossy(&head.encode()).into_owned()).into_bytes();
        Case::opening(FIELDS, name, title, request, Answer::Accepted(vec![Step::StaysOpen]))
    };
    vec![
        accepted(
            FIELDS,
            "names-lower-case",
            "names of headers in lower case",
            renamed(str::to_ascii_lowercase),
        ),
        accepted(
            FIELDS,
            "names-upper-case",
            "names of headers in upper case",
            renamed(str::to_ascii_uppercase),
        ),
        accepted(FIELDS, "fields-reversed", "the headers in reverse order", |mut head| {
            head.fields.reverse();
            head
        }),
        accepted(FIELDS, "fields-unknown", "headers that nobody knows", |head| {
            head.with("X-Unknown", "1").with("Sec-WebSocket-Unknown", "2").with("Cookie", "a=b; c=d")
        }),
        accepted(FIELDS, "fields-fifty", "fifty more headers", |head| {
            (0..50).fold(head, |head, number| head.with(format!("X-Field-{number}"), "value"))
        }),
        accepted(FIELDS, "field-long", "a header of 2,000 bytes", |head| {
            head.with("X-Long", "v".repeat(2000))
        }),
        accepted(FIELDS, "field-empty", "a header without a value", |head| head.with("X-Empty", "")),
        accepted(FIELDS, "extension-unknown", "an extension that nobody knows", |head| {
            head.with("Sec-WebSocket-Extensions", "x-unknown; level=3")
        }),
        raw("spaces-around-values", "spaces and tabs around values", |text| text.replace(": ", ":  \t")),
        raw("no-spaces-before-values", "no spaces before values", |text| text.replace(": ", ":")),
        raw("spaces-after-values", "spaces after values", |text| {
            // Not after the request line, whose last word is the version.
            text.replace("\r\n", " \r\n").replacen(" \r\n", "\r\n", 1).replace("\r\n \r\n", "\r\n\r\n")
        }),
    ]
}

fn grammar() -> Vec<Case> {
    let broken = |name: &str, title: &str, line: &'static str| {
        let request = move |head: Head| {
            let text = String::from_utf8_lossy(&head.encode()).into_owned();
            text.replacen("\r\nHost", &format!("\r\n{line}\r\nHost"), 1).into_bytes()
        };
        Case::opening(GRAMMAR, name, title, request, Answer::Refused(&[]))
    };
    let raw = |name: &str, title: &str, change: fn(Vec<u8>) -> Vec<u8>| {
        Case::opening(GRAMMAR, name, title, move |head| change(head.encode()), Answer::Refused(&[]))
    };
    vec![
        broken("field-without-colon", "a line without a colon", "NoColon"),
        broken("field-without-name", "a header without a name", ": value"),
        broken("space-before-colon", "a space between a name and its colon", "X-Field : value"),
        broken("space-in-name", "a name with a space", "X Field: value"),
        // A server may replace these by spaces instead (RFC 9112 §5.2, RFC 9110 §5.5).
        broken("folded-field", "a header that continues on the next line", "X-Field: a\r\n b").should(),
        broken("nul-in-value", "a value with a NUL", "X-Field: a\0b").should(),
        broken("carriage-return-in-value", "a value with a bare carriage return", "X-Field: a\rb").should(),
        broken("bracket-in-name", "a name with a bracket", "X[Field]: value"),
        raw("space-before-first-field", "a space before the first header", |bytes| {
            String::from_utf8_lossy(&bytes).replacen("\r\nHost", "\r\n Host", 1).into_bytes()
        }),
        raw("two-spaces-in-line", "a target with a space", |bytes| {
            String::from_utf8_lossy(&bytes).replacen(" HTTP/1.1", " x HTTP/1.1", 1).into_bytes()
        }),
        raw("fragment-in-target", "a target with a fragment", |bytes| {
            String::from_utf8_lossy(&bytes).replacen(" HTTP/1.1", "#part HTTP/1.1", 1).into_bytes()
        }),
        raw("garbage", "bytes that are no request", |_| {
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()
        }),
    ]
}

fn bodies() -> Vec<Case> {
    let with_body =
        |name: &str, title: &str, fields: &'static [(&'static str, &'static str)], body: &'static [u8]| {
            let request = move |head: Head| {
                let head = fields.iter().fold(head, |head, (name, value)| head.with(*name, *value));
                [head.encode(), body.to_vec()].concat()
            };
            Case::opening(BODY, name, title, request, Answer::Refused(&[])).should()
        };
    let contradicting = |name: &str, title: &str, fields: &'static [(&'static str, &'static str)]| {
        refused(GRAMMAR, name, title, move |head| {
            fields.iter().fold(head, |head, (name, value)| head.with(*name, *value))
        })
    };
    vec![
        with_body("body-length", "a request with a body of five bytes", &[("Content-Length", "5")], b"hello"),
        with_body(
            "body-chunked",
            "a request with a body in chunks",
            &[("Transfer-Encoding", "chunked")],
            b"5\r\nhello\r\n0\r\n\r\n",
        ),
        contradicting(
            "two-lengths",
            "two lengths of a body that differ",
            &[("Content-Length", "0"), ("Content-Length", "5")],
        ),
        contradicting(
            "length-and-chunks",
            "a body with a length and in chunks, as in request smuggling",
            &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        )
        // A server may go by the chunks instead (RFC 9112 §6.1).
        .should(),
        contradicting("length-negative", "a length of a body that is negative", &[("Content-Length", "-1")]),
        contradicting(
            "length-word",
            "a length of a body that is not a number",
            &[("Content-Length", "five")],
        ),
    ]
}

fn early_frames() -> Vec<Case> {
    let behind = |name: &str, title: &str, frames: Vec<RawFrame>, steps: Vec<Step>| {
        let bytes = joined(&frames, Role::Client);
        let request = move |head: Head| [head.encode(), bytes.clone()].concat();
        Case::opening(EARLY, name, title, request, Answer::Accepted(steps)).should()
    };
    vec![
        behind(
            "message-behind-request",
            "a message behind the request, in the same write",
            vec![RawFrame::text("early")],
            vec![Step::Expect(vec![Reply::text("early")])],
        )
        .needing(crate::case::Need::Echo),
        behind(
            "fragment-behind-request",
            "a first fragment behind the request, and the rest after the response",
            vec![RawFrame::new(TEXT, "ear")],
            vec![Step::Send(RawFrame::continuation("ly")), Step::Expect(vec![Reply::text("early")])],
        )
        .needing(crate::case::Need::Echo),
        behind(
            "ping-behind-request",
            "a ping behind the request",
            vec![RawFrame::ping("behind")],
            vec![Step::Expect(vec![Reply::pong("behind")])],
        ),
        behind(
            "close-behind-request",
            "a Close frame behind the request",
            vec![RawFrame::close(1000)],
            vec![Step::Closes(&[1000])],
        ),
        behind(
            "invalid-behind-request",
            "a frame with a reserved opcode behind the request",
            vec![RawFrame::new(0x83, "")],
            vec![Step::Fails(&[1002])],
        ),
    ]
}
