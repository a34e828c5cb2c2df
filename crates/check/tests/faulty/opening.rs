//! How the server answers a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_wire::{Head, accept_key};

use crate::deflate::Agreement;
use crate::fault::Fault;

/// The subprotocol that the server speaks.
pub(crate) const SUBPROTOCOL: &str = "chat";

/// The response, and the agreement on compression if the request was accepted.
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) agreement: Option<Agreement>,
}

impl Response {
    fn refusal(line: &str) -> Response {
        Response { head: Head::new(format!("HTTP/1.1 {line}")).with("Content-Length", "0"), agreement: None }
    }
}

pub(crate) fn respond(bytes: &[u8], fault: Option<Fault>) -> Response {
    let is = |other: Fault| fault == Some(other);
    let Some((request, _)) = Head::parse(bytes) else { return Response::refusal("400 Bad Request") };
    if is(Fault::RefusesEverything) {
        return Response::refusal("400 Bad Request");
    }
    if !is(Fault::AcceptsAnything)
        && let Err(line) = judge(bytes, &request, fault)
    {
        let response = Response::refusal(line);
        return Response { head: response.head.with("Sec-WebSocket-Version", "13"), ..response };
    }
    let key = if is(Fault::AcceptOfAnotherKey) {
        Some("x3JJHMbDL1EzLkh9GBhXDw==")
    } else {
        request.field("Sec-WebSocket-Key")
    };
    let mut head = Head::new("HTTP/1.1 101 Switching Protocols")
        .with("Upgrade", "websocket")
        .with("Connection", "Upgrade")
        .with("Sec-WebSocket-Accept", accept_key(key.unwrap_or_default()));
    if is(Fault::ChoosesUnoffered) {
        head = head.with("Sec-WebSocket-Protocol", "x-unoffered");
    } else if is(Fault::ChoosesNoSubprotocol) {
        // As a server that speaks none.
    } else if list(&request, "Sec-WebSocket-Protocol").iter().any(|name| name == SUBPROTOCOL) {
        head = head.with("Sec-WebSocket-Protocol", SUBPROTOCOL);
    }
    let offers = list(&request, "Sec-WebSocket-Extensions");
    if is(Fault::AgreesWrongly) {
        return Response {
            head: head.with("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=16"),
            agreement: None,
        };
    }
    match offers.iter().find_map(|offer| agree(offer)) {
        None => Response { head, agreement: None },
        Some((text, agreement)) => {
            Response { head: head.with("Sec-WebSocket-Extensions", text), agreement: Some(agreement) }
        }
    }
}

/// All rules for a request. The error is the status line's end.
fn judge(bytes: &[u8], request: &Head, fault: Option<Fault>) -> Result<(), &'static str> {
    let is = |other: Fault| fault == Some(other);
    grammar(bytes)?;
    let line: Vec<&str> = request.start.split(' ').collect();
    match line.as_slice() {
        ["GET", target, "HTTP/1.1"] if !target.contains('#') => {}
        _ => return Err("400 Bad Request"),
    }
    let &[host] = values(request, "Host").as_slice() else { return Err("400 Bad Request") };
    if host.contains([' ', '/']) {
        return Err("400 Bad Request");
    }
    if request.field("Transfer-Encoding").is_some() || request.field("Content-Length").is_some() {
        return Err("413 Content Too Large");
    }
    let has = |field: &str, token: &str| {
        list(request, field).iter().any(|other| match () {
            () if is(Fault::FindsTokensAnywhere) => other.to_lowercase().contains(token),
            () if is(Fault::ComparesHeadersByCase) => other == token,
            () => other.eq_ignore_ascii_case(token),
        })
    };
    if !has("Upgrade", "websocket") || !has("Connection", "upgrade") {
        return Err("426 Upgrade Required");
    }
    if !is(Fault::TakesAnyVersion) && values(request, "Sec-WebSocket-Version") != ["13"] {
        return Err("426 Upgrade Required");
    }
    let &[key] = values(request, "Sec-WebSocket-Key").as_slice() else { return Err("400 Bad Request") };
    if !is(Fault::TakesAnyKey) && STANDARD.decode(key).map(|key| key.len()) != Ok(16) {
        return Err("400 Bad Request");
    }
    subprotocols(request)?;
    let own = format!("http://{host}");
    match *values(request, "Origin").as_slice() {
        [] => Ok(()),
        [origin]
            if origin == own || (is(Fault::OriginByPrefix) && origin.starts_with("http://localhost")) =>
        {
            Ok(())
        }
        _ => Err("403 Forbidden"),
    }
}

/// The grammar of a head: lines, names, and characters of values.
pub(crate) fn grammar(bytes: &[u8]) -> Result<(), &'static str> {
    let bad = Err("400 Bad Request");
    let Ok(text) = std::str::from_utf8(bytes) else { return bad };
    let is_token = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    for line in text.trim_end_matches("\r\n").split("\r\n").skip(1) {
        match line.split_once(':') {
            Some((name, value)) if is_token(name) && !value.contains(['\0', '\r', '\n']) => {}
            _ => return bad,
        }
    }
    Ok(())
}

fn subprotocols(request: &Head) -> Result<(), &'static str> {
    let values = values(request, "Sec-WebSocket-Protocol");
    let mut names: Vec<&str> = values.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    let is_wrong = |name: &&str| name.is_empty() || name.contains([' ', '/', '"']);
    if names.len() < count || names.iter().any(is_wrong) { Err("400 Bad Request") } else { Ok(()) }
}

/// The agreement on one offer, and its text.
fn agree(offer: &str) -> Option<(String, Agreement)> {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next()? != "permessage-deflate" {
        return None;
    }
    let mut kept = vec!["permessage-deflate".to_owned()];
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        let bits = |value: &str| (8..=15).any(|bits: u8| bits.to_string() == value);
        match (name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover", None) => kept.push(part.to_owned()),
            ("client_max_window_bits", None) => {}
            ("client_max_window_bits" | "server_max_window_bits", Some(value)) if bits(value) => {
                kept.push(part.to_owned());
            }
            _ => return None,
        }
    }
    let text = kept.join("; ");
    let agreement = Agreement::parse(&text)?;
    Some((text, agreement))
}

pub(crate) fn values<'h>(head: &'h Head, name: &str) -> Vec<&'h str> {
    let named = head.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

pub(crate) fn list(head: &Head, name: &str) -> Vec<String> {
    let all = values(head, name).join(",");
    all.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
