//! What offers of permessage-deflate a server may accept, and how.

use longwire_wire::Head;

use crate::case::{Answer, Case, Need};
use crate::deflate::Agreement;
use crate::rule::Rule;

const OFFERS: Rule =
    Rule::of_7692("7.1", "A server accepts an offer with parameters that follow from it, or declines it.");
const WRONG: Rule = Rule::of_7692(
    "7.1",
    "A server declines an offer with a parameter that is unknown, comes twice, or has a value that it must not have.",
);
const CHOICE: Rule = Rule::of_7692("5", "Of several offers, a server accepts at most one.");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(wrong());
    cases.extend(choices());
    cases
}

fn agreed(
    rule: Rule,
    name: &str,
    title: impl Into<String>,
    offers: &'static [&'static str],
    expected: &'static str,
    is_allowed: fn(Option<&str>) -> bool,
) -> Case {
    let request = move |head: Head| {
        offers.iter().fold(head, |head, offer| head.with("Sec-WebSocket-Extensions", *offer)).encode()
    };
    Case::opening(rule, name, title, request, Answer::Agreed { expected, is_allowed }).needing(Need::Deflate)
}

/// Whether the response declines, or agrees to something that `keeps` accepts.
fn declines_or(response: Option<&str>, keeps: fn(&str, Agreement) -> bool) -> bool {
    match response {
        None => true,
        Some(text) => Agreement::parse(text).is_some_and(|agreement| keeps(text, agreement)),
    }
}

fn valid() -> Vec<Case> {
    let offer = |name, offer: &'static [&'static str], expected, is_allowed| {
        let title = format!("the offer {}", offer.join(" and "));
        agreed(OFFERS, name, title, offer, expected, is_allowed)
    };
    let none_of_the_client = "an agreement without client_max_window_bits, or none";
    vec![
        offer("offer-plain", &["permessage-deflate"], none_of_the_client, |response| {
            declines_or(response, |text, _| !text.contains("client_max_window_bits"))
        }),
        offer(
            "offer-client-window",
            &["permessage-deflate; client_max_window_bits"],
            "any valid agreement",
            |response| declines_or(response, |_, _| true),
        ),
        offer(
            "offer-client-window-10",
            &["permessage-deflate; client_max_window_bits=10"],
            "any valid agreement",
            |response| declines_or(response, |_, _| true),
        ),
        offer(
            "offer-server-window-10",
            &["permessage-deflate; server_max_window_bits=10"],
            "server_max_window_bits of at most 10, or no agreement",
            |response| {
                declines_or(response, |text, agreement| {
                    agreement.server_max_window_bits <= 10 && !text.contains("client_max_window_bits")
                })
            },
        ),
        offer(
            "offer-server-window-8",
            &["permessage-deflate; server_max_window_bits=8"],
            "server_max_window_bits=8, or no agreement",
            |response| declines_or(response, |_, agreement| agreement.server_max_window_bits == 8),
        ),
        offer(
            "offer-server-window-15",
            &["permessage-deflate; server_max_window_bits=15"],
            "an agreement without client_max_window_bits, or none",
            |response| declines_or(response, |text, _| !text.contains("client_max_window_bits")),
        ),
        offer(
            "offer-server-alone",
            &["permessage-deflate; server_no_context_takeover"],
            "server_no_context_takeover, or no agreement",
            |response| declines_or(response, |_, agreement| agreement.server_no_context_takeover),
        ),
        offer(
            "offer-client-alone",
            &["permessage-deflate; client_no_context_takeover"],
            none_of_the_client,
            |response| declines_or(response, |text, _| !text.contains("client_max_window_bits")),
        ),
        offer(
            "offer-everything",
            &["permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
               server_max_window_bits=12; client_max_window_bits=12"],
            "server_no_context_takeover and server_max_window_bits of at most 12, or no agreement",
            |response| {
                declines_or(response, |_, agreement| {
                    agreement.server_no_context_takeover && agreement.server_max_window_bits <= 12
                })
            },
        ),
        offer(
            "offer-spaces",
            &["permessage-deflate ; server_no_context_takeover ;  client_max_window_bits"],
            "server_no_context_takeover, or no agreement",
            |response| declines_or(response, |_, agreement| agreement.server_no_context_takeover),
        ),
    ]
}

fn wrong() -> Vec<Case> {
    let offers: [(&str, &[&str]); 14] = [
        ("unknown", &["permessage-deflate; x_unknown"]),
        ("unknown-value", &["permessage-deflate; x_unknown=1"]),
        ("server-window-7", &["permessage-deflate; server_max_window_bits=7"]),
        ("server-window-16", &["permessage-deflate; server_max_window_bits=16"]),
        ("server-window-0", &["permessage-deflate; server_max_window_bits=0"]),
        ("server-window-08", &["permessage-deflate; server_max_window_bits=08"]),
        ("server-window-word", &["permessage-deflate; server_max_window_bits=large"]),
        ("server-window-empty", &["permessage-deflate; server_max_window_bits"]),
        ("client-window-7", &["permessage-deflate; client_max_window_bits=7"]),
        ("client-window-16", &["permessage-deflate; client_max_window_bits=16"]),
        ("server-alone-value", &["permessage-deflate; server_no_context_takeover=1"]),
        ("client-alone-value", &["permessage-deflate; client_no_context_takeover=true"]),
        (
            "server-window-twice",
            &["permessage-deflate; server_max_window_bits=10; server_max_window_bits=11"],
        ),
        (
            "server-alone-twice",
            &["permessage-deflate; server_no_context_takeover; server_no_context_takeover"],
        ),
    ];
    offers
        .into_iter()
        .map(|(name, offer)| {
            let title = format!("the offer {}", offer.join(" and "));
            let name = format!("wrong-{name}");
            agreed(WRONG, &name, title, offer, "no agreement", |response| response.is_none())
        })
        .collect()
}

fn choices() -> Vec<Case> {
    let one = "at most one agreement, on the second offer";
    let fallback: fn(Option<&str>) -> bool =
        |response| declines_or(response, |text, _| !text.contains("x_unknown") && !text.contains(','));
    vec![
        agreed(
            CHOICE,
            "two-offers",
            "a wrong offer, and a right one in the same header",
            &["permessage-deflate; x_unknown, permessage-deflate"],
            one,
            fallback,
        ),
        agreed(
            CHOICE,
            "two-headers",
            "a wrong offer, and a right one in a header of its own",
            &["permessage-deflate; x_unknown", "permessage-deflate"],
            one,
            fallback,
        ),
        agreed(
            CHOICE,
            "two-right-offers",
            "two right offers",
            &["permessage-deflate; server_no_context_takeover, permessage-deflate"],
            "at most one agreement",
            fallback,
        ),
        agreed(
            CHOICE,
            "other-extension-first",
            "an unknown extension before the offer",
            &["x-unknown-extension; a=1, permessage-deflate"],
            "at most one agreement, on permessage-deflate",
            fallback,
        ),
    ]
}
