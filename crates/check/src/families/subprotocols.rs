//! Subprotocols.

use longwire_wire::Head;

use crate::case::{Answer, Case, Need};
use crate::rule::Rule;

const CHOICE: Rule = Rule::of_6455(
    "4.2.2",
    "A server chooses one of the offered subprotocols, letter by letter, or sends no Sec-WebSocket-Protocol.",
);
const NONE: Rule =
    Rule::of_6455("4.2.2", "A server sends no Sec-WebSocket-Protocol if the client offered none.");
const NAMES: Rule = Rule::of_6455("4.1", "Subprotocols are tokens, and no name comes twice.");

const FIELD: &str = "Sec-WebSocket-Protocol";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = unknown();
    cases.extend(known());
    cases.extend(wrong());
    cases
}

/// A request that offers these, each in a header of its own.
fn offering(head: Head, offers: &[String]) -> Vec<u8> {
    offers.iter().fold(head.without(FIELD), |head, offer| head.with(FIELD, offer)).encode()
}

/// The subprotocols of the user.
fn offered(head: &Head) -> String {
    head.field(FIELD).unwrap_or_default().to_owned()
}

fn unknown() -> Vec<Case> {
    let of = |name: &str, title: &str, offers: &'static [&'static str]| {
        let request = move |head: Head| {
            let offers: Vec<String> = offers.iter().map(|offer| (*offer).to_owned()).collect();
            offering(head, &offers)
        };
        Case::opening(CHOICE, name, title, request, Answer::Consistent)
    };
    vec![
        of("subprotocol-unknown", "a subprotocol that nobody knows", &["x-unknown.example"]),
        of("subprotocol-unknown-list", "three subprotocols that nobody knows", &["x-a, x-b, x-c"]),
        of("subprotocol-unknown-headers", "two subprotocols in two headers", &["x-a", "x-b"]),
        of("subprotocol-unknown-spaces", "subprotocols with spaces and tabs between them", &["x-a ,\t x-b"]),
        of("subprotocol-unknown-long", "a subprotocol of 200 characters", &[LONG]),
        Case::opening(
            NONE,
            "subprotocol-none",
            "no subprotocol",
            |head| offering(head, &[]),
            Answer::Consistent,
        ),
    ]
}

const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

fn known() -> Vec<Case> {
    let chosen = |name: &str, title: &str, offers: fn(String) -> Vec<String>| {
        let request = move |head: Head| {
            let offers = offers(offered(&head));
            offering(head, &offers)
        };
        Case::opening(CHOICE, name, title, request, Answer::ChoosesKnown).needing(Need::Subprotocol)
    };
    vec![
        chosen("subprotocol-known", "the subprotocols of --subprotocol", |known| vec![known]),
        chosen("subprotocol-known-after-unknown", "an unknown one before", |known| {
            vec![format!("x-unknown, {known}")]
        }),
        chosen("subprotocol-known-before-unknown", "an unknown one behind", |known| {
            vec![format!("{known}, x-unknown")]
        }),
        chosen("subprotocol-known-in-second-header", "an unknown one in a header before", |known| {
            vec!["x-unknown".into(), known]
        }),
        chosen("subprotocol-known-without-spaces", "no spaces between names", |known| {
            vec![format!("x-unknown,{}", known.replace(' ', ""))]
        }),
        Case::opening(
            CHOICE,
            "subprotocol-other-letter-case",
            "a subprotocol in another letter case is another one",
            |head| {
                let known = offered(&head);
                let upper = known.to_uppercase();
                let other = if upper == known { known.to_lowercase() } else { upper };
                offering(head, &[other])
            },
            Answer::Consistent,
        )
        .needing(Need::Subprotocol),
    ]
}

fn wrong() -> Vec<Case> {
    let of = |name: &str, title: &str, offer: &'static str| {
        let request = move |head: Head| offering(head, &[offer.to_owned()]);
        Case::opening(NAMES, name, title, request, Answer::Refused(&[])).should()
    };
    vec![
        of("subprotocol-twice", "the same subprotocol twice", "x-a, x-a"),
        of("subprotocol-with-space", "a name with a space", "x a"),
        of("subprotocol-with-slash", "a name with a slash, which is not one of a token", "x/a"),
        of("subprotocol-with-quotes", "a name in quotes", "\"x-a\""),
        of("subprotocol-empty", "an empty list", ""),
    ]
}
