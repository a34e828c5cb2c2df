//! Subprotocols that the response to a client chooses.

use longwire_wire::Head;

use crate::case::Case;
use crate::request::offered_subprotocols;
use crate::rule::Rule;

const FIELD: &str = "Sec-WebSocket-Protocol";

const OFFERED: Rule = Rule::of_6455("4.1", "A client accepts each of the subprotocols that it has offered.");
const OTHER: Rule = Rule::of_6455(
    "4.1",
    "A client fails the connection if the response chooses a subprotocol that it has not offered.",
);

pub(super) fn cases() -> Vec<Case> {
    let other = |name: &str, title: &str, choice: fn(&Head) -> Result<String, &'static str>| {
        Case::refused_response(OTHER, name, title, move |request, valid| {
            Ok(valid.without(FIELD).with(FIELD, choice(request)?))
        })
    };
    vec![
        Case::accepted_response(OFFERED, "chosen-first", "the first subprotocol", |request, valid| {
            Ok(valid.without(FIELD).with(FIELD, first(request)?))
        }),
        Case::accepted_response(OFFERED, "chosen-last", "the last subprotocol", |request, valid| {
            let last = offered_subprotocols(request).pop().ok_or(NONE)?;
            Ok(valid.without(FIELD).with(FIELD, last))
        }),
        other("chosen-unknown", "a subprotocol that the client has not offered", |_| {
            Ok("x-unknown.example".to_owned())
        }),
        other("chosen-other-letter-case", "a subprotocol in another letter case", |request| {
            let first = first(request)?;
            let upper = first.to_uppercase();
            let other = if upper == first { first.to_lowercase() } else { upper };
            if other == first { Err("its subprotocol has no letters") } else { Ok(other) }
        }),
        other("chosen-longer", "a subprotocol with a character behind", |request| {
            Ok(format!("{}x", first(request)?))
        }),
        other("chosen-list", "the same subprotocol twice in a list", |request| {
            let first = first(request)?;
            Ok(format!("{first}, {first}"))
        }),
        Case::refused_response(OTHER, "chosen-twice", "two headers with a subprotocol", |request, valid| {
            let first = first(request)?;
            Ok(valid.without(FIELD).with(FIELD, first.clone()).with(FIELD, first))
        })
        .should(),
    ]
}

const NONE: &str = "it offers no subprotocol";

fn first(request: &Head) -> Result<String, &'static str> {
    offered_subprotocols(request).into_iter().next().ok_or(NONE)
}
