//! What agreements on permessage-deflate a client may accept, and how.

use longwire_wire::Head;

use crate::case::Case;
use crate::request::{agree, offers};
use crate::rule::Rule;

const FIELD: &str = "Sec-WebSocket-Extensions";

const ANSWERS: Rule =
    Rule::of_7692("7.1", "A client accepts each agreement that follows from what it has offered.");
const WRONG: Rule = Rule::of_7692(
    "7.1",
    "A client fails the connection if an agreement has a parameter that is unknown, comes twice, or has a value that it must \
     not have.",
);
const UNASKED: Rule = Rule::of_7692(
    "5",
    "A client fails the connection if the response has an extension that it has not offered.",
);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(wrong());
    cases.extend(unasked());
    cases
}

/// What the client must have offered for a case.
fn offer_of(request: &Head) -> Result<Vec<String>, &'static str> {
    offers(request).into_iter().next().ok_or("it does not offer permessage-deflate")
}

fn valid() -> Vec<Case> {
    let accepted = |name: &str, title: &str, write: fn(String) -> String| {
        Case::accepted_response(ANSWERS, name, title, move |request, valid| {
            Ok(valid.with(FIELD, write(agree(request, "permessage-deflate")?)))
        })
    };
    vec![
        Case::accepted_response(ANSWERS, "answer-declines", "no agreement", |request, valid| {
            offer_of(request)?;
            Ok(valid)
        }),
        accepted("answer-plain", "permessage-deflate, and the parameters that the offer demands", |agreed| {
            agreed
        }),
        accepted("answer-spaces", "an agreement with spaces around its parameters", |agreed| {
            agreed.replace("; ", " ;\t ")
        }),
        Case::accepted_response(
            ANSWERS,
            "answer-unasked-takeover",
            "server_no_context_takeover and client_no_context_takeover, which need no offer",
            |request, valid| {
                let wanted = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
                Ok(valid.with(FIELD, agree(request, wanted)?))
            },
        ),
        Case::accepted_response(
            ANSWERS,
            "answer-quoted-window",
            "server_max_window_bits in quotes",
            |request, valid| {
                let agreed = agree(request, "permessage-deflate; server_max_window_bits=10")?;
                let quoted = agreed.replace("server_max_window_bits=10", "server_max_window_bits=\"10\"");
                Ok(valid.with(FIELD, quoted))
            },
        ),
    ]
}

fn wrong() -> Vec<Case> {
    let wrong = |name: &str, added: &'static str| {
        let title = format!("an agreement with {added}");
        Case::refused_response(WRONG, name, title, move |request, valid| {
            Ok(valid.with(FIELD, format!("{}; {added}", agree(request, "permessage-deflate")?)))
        })
    };
    vec![
        wrong("answer-unknown-parameter", "x_unknown"),
        wrong("answer-takeover-with-value", "client_no_context_takeover=1"),
        wrong("answer-takeover-twice", "client_no_context_takeover; client_no_context_takeover"),
        wrong("answer-server-window-16", "server_max_window_bits=16"),
        wrong("answer-server-window-7", "server_max_window_bits=7"),
        wrong("answer-server-window-0", "server_max_window_bits=0"),
        wrong("answer-server-window-08", "server_max_window_bits=08"),
        wrong("answer-server-window-word", "server_max_window_bits=ten"),
        wrong("answer-server-window-none", "server_max_window_bits"),
        wrong("answer-server-window-twice", "server_max_window_bits=10; server_max_window_bits=11"),
        wrong("answer-client-window-16", "client_max_window_bits=16"),
        wrong("answer-client-window-none", "client_max_window_bits"),
        Case::refused_response(
            WRONG,
            "answer-client-window-unasked",
            "client_max_window_bits, which the client has not offered",
            |request, valid| {
                let offers_it =
                    offer_of(request)?.iter().any(|part| part.starts_with("client_max_window_bits"));
                if offers_it {
                    return Err("it offers client_max_window_bits");
                }
                let agreed = agree(request, "permessage-deflate")?;
                Ok(valid.with(FIELD, format!("{agreed}; client_max_window_bits=10")))
            },
        ),
        Case::refused_response(
            WRONG,
            "answer-twice",
            "two agreements on permessage-deflate",
            |request, valid| {
                let agreed = agree(request, "permessage-deflate")?;
                Ok(valid.with(FIELD, agreed.clone()).with(FIELD, agreed))
            },
        ),
    ]
}

fn unasked() -> Vec<Case> {
    vec![
        Case::refused_response(UNASKED, "answer-unknown", "an extension that nobody knows", |_, valid| {
            Ok(valid.with(FIELD, "x-unknown"))
        }),
        Case::refused_response(
            UNASKED,
            "answer-unasked",
            "permessage-deflate, which the client has not offered",
            |request, valid| match offer_of(request) {
                Ok(_) => Err("it offers permessage-deflate"),
                Err(_) => Ok(valid.with(FIELD, "permessage-deflate")),
            },
        ),
        Case::refused_response(
            UNASKED,
            "answer-and-unknown",
            "an agreement on permessage-deflate, and an extension that nobody knows",
            |request, valid| {
                let agreed = agree(request, "permessage-deflate")?;
                Ok(valid.with(FIELD, format!("{agreed}, x-unknown")))
            },
        ),
    ]
}
