//! The request of a client.

use longwire_wire::Head;

use crate::case::{Case, Delivery, Script};
use crate::request::{self, RequestRule};
use crate::rule::Rule;
use crate::step::Step;

const LINE: Rule = Rule::of_6455("4.1", "The request is a GET of HTTP/1.1 or later.");
const GRAMMAR: Rule = Rule::of_6455("4.1", "The request keeps the grammar of HTTP.");
const HOST: Rule = Rule::of_6455("4.1", "The request has one Host header.");
const UPGRADE: Rule = Rule::of_6455("4.1", "The request has an Upgrade header with the token websocket.");
const CONNECTION: Rule = Rule::of_6455("4.1", "The request has a Connection header with the token Upgrade.");
const VERSION: Rule = Rule::of_6455("4.1", "The request has one Sec-WebSocket-Version, which is 13.");
const KEY: Rule = Rule::of_6455("4.1", "The request has one Sec-WebSocket-Key, which is 16 bytes in base64.");
const NEW_KEY: Rule = Rule::of_6455("4.1", "The key is chosen at random for each connection.");
const BODY: Rule = Rule::of_6455("4.1", "The request of an opening handshake has no body.");
const SUBPROTOCOLS: Rule =
    Rule::of_6455("4.1", "The subprotocols of a request are tokens, each of which comes once.");
const EXTENSIONS: Rule = Rule::of_7692("7.1", "Each offer of permessage-deflate has valid parameters.");
const WAITS: Rule = Rule::of_6455("4.1", "A client waits for the response before it sends a frame.");

pub(super) fn cases() -> Vec<Case> {
    let asked = |rule: Rule, name: &str, title: &str, judge: RequestRule| {
        Case::new(rule, name, title, Script::Asked(judge))
    };
    vec![
        asked(LINE, "request-line", "the first line of the request", request::line),
        asked(GRAMMAR, "request-grammar", "the headers of the request", request::grammar),
        asked(HOST, "request-host", "the Host of the request", request::host),
        asked(UPGRADE, "request-upgrade", "the Upgrade header of the request", request::upgrade),
        asked(CONNECTION, "request-connection", "the Connection header of the request", request::connection),
        asked(VERSION, "request-version", "the version of the request", request::version),
        asked(KEY, "request-key", "the key of the request", request::key),
        asked(NEW_KEY, "request-new-key", "the key is none of an earlier request", request::new_key),
        asked(BODY, "request-body", "the request announces no body", request::no_body),
        asked(SUBPROTOCOLS, "request-subprotocols", "the subprotocols of the request", request::subprotocols),
        asked(EXTENSIONS, "request-extensions", "the offers of permessage-deflate", request::extensions),
        Case::answered(
            WAITS,
            "request-waits",
            "the response comes a second late, and nothing comes before it",
            |_: &Head, valid: Head| Ok(valid.encode()),
            vec![Step::StaysOpen],
        )
        .delivered(Delivery::Late),
    ]
}
