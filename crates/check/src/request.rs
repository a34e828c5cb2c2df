//! The rules for the request of a client (RFC 6455 §4.1).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_wire::Head;

use crate::answer::{fields, tokens};
use crate::deflate::Agreement;

/// The request of a client.
#[derive(Debug)]
pub(crate) struct Asked<'r> {
    pub(crate) bytes: &'r [u8],
    pub(crate) head: &'r Head,
    /// Whether no request before had the same key.
    pub(crate) has_new_key: bool,
}

/// Judges a request. The error says what is wrong.
pub(crate) type RequestRule = fn(&Asked<'_>) -> Result<(), String>;

/// Whether a response can accept the request: it has the key that the response answers.
pub(crate) fn may_be_accepted(request: &Head) -> bool {
    request.field("Sec-WebSocket-Key").is_some()
}

/// The method is GET, and the version of HTTP is 1.1.
pub(crate) fn line(asked: &Asked<'_>) -> Result<(), String> {
    let line = &asked.head.start;
    let mut words = line.split(' ');
    let is_valid = words.next() == Some("GET")
        && words.next().is_some_and(|target| target.starts_with('/') || target.contains("://"))
        && words.next() == Some("HTTP/1.1")
        && words.next().is_none();
    if is_valid { Ok(()) } else { Err(format!("{line:?}")) }
}

/// Each line is a name, a colon and a value.
pub(crate) fn grammar(asked: &Asked<'_>) -> Result<(), String> {
    let text = std::str::from_utf8(asked.bytes).map_err(|_| "a head that is not UTF-8".to_owned())?;
    let wrong = text.trim_end_matches("\r\n").split("\r\n").skip(1).find(|line| !is_field(line));
    wrong.map_or(Ok(()), |line| Err(format!("the line {line:?}")))
}

fn is_field(line: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_token_byte);
    let is_value = |value: &str| value.chars().all(|character| character == '\t' || !character.is_control());
    line.split_once(':').is_some_and(|(name, value)| is_name(name) && is_value(value))
}

/// A character of a token (RFC 9110 §5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// There is one Host, which is not empty.
pub(crate) fn host(asked: &Asked<'_>) -> Result<(), String> {
    match *fields(asked.head, "Host").as_slice() {
        [host] if !host.is_empty() && !host.contains([' ', '/', '@']) => Ok(()),
        ref hosts => Err(format!("Host {hosts:?}")),
    }
}

/// The Upgrade header has the token `websocket`.
pub(crate) fn upgrade(asked: &Asked<'_>) -> Result<(), String> {
    has_token(asked.head, "Upgrade", "websocket")
}

/// The Connection header has the token `Upgrade`.
pub(crate) fn connection(asked: &Asked<'_>) -> Result<(), String> {
    has_token(asked.head, "Connection", "upgrade")
}

fn has_token(head: &Head, name: &str, expected: &str) -> Result<(), String> {
    let values = fields(head, name);
    let list = values.join(",");
    let has = tokens(&list).any(|token| token.eq_ignore_ascii_case(expected));
    if has { Ok(()) } else { Err(format!("{name} {values:?}")) }
}

/// There is one Sec-WebSocket-Version, which is 13.
pub(crate) fn version(asked: &Asked<'_>) -> Result<(), String> {
    let versions = fields(asked.head, "Sec-WebSocket-Version");
    if versions == ["13"] { Ok(()) } else { Err(format!("Sec-WebSocket-Version {versions:?}")) }
}

/// There is one Sec-WebSocket-Key of 16 bytes.
pub(crate) fn key(asked: &Asked<'_>) -> Result<(), String> {
    match *fields(asked.head, "Sec-WebSocket-Key").as_slice() {
        [key] if STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16) => Ok(()),
        ref keys => Err(format!("Sec-WebSocket-Key {keys:?}")),
    }
}

/// The key is another one than those before.
pub(crate) fn new_key(asked: &Asked<'_>) -> Result<(), String> {
    if asked.has_new_key { Ok(()) } else { Err("the key of an earlier request".to_owned()) }
}

/// No body is announced.
pub(crate) fn no_body(asked: &Asked<'_>) -> Result<(), String> {
    let lengths = fields(asked.head, "Content-Length");
    let codings = fields(asked.head, "Transfer-Encoding");
    if codings.is_empty() && lengths.iter().all(|length| *length == "0") {
        Ok(())
    } else {
        Err(format!("Content-Length {lengths:?}, Transfer-Encoding {codings:?}"))
    }
}

/// Subprotocols are tokens, each of which comes once.
pub(crate) fn subprotocols(asked: &Asked<'_>) -> Result<(), String> {
    let values = fields(asked.head, "Sec-WebSocket-Protocol");
    let list = values.join(",");
    let mut names: Vec<&str> = list.split(',').map(str::trim).collect();
    let is_wrong = |name: &&str| name.is_empty() || !name.bytes().all(is_token_byte);
    if values.is_empty() {
        return Ok(());
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    if names.len() < count || names.iter().any(is_wrong) {
        return Err(format!("Sec-WebSocket-Protocol {values:?}"));
    }
    Ok(())
}

/// Offers of permessage-deflate are valid (RFC 7692 §7.1).
pub(crate) fn extensions(asked: &Asked<'_>) -> Result<(), String> {
    let offers = offers(asked.head);
    let is_wrong = |offer: &&Vec<String>| {
        let names = offer.iter().map(|part| part.split('=').next().unwrap_or_default());
        let names: BTreeSet<&str> = names.collect();
        // Only an offer may have this parameter without a value.
        let others = offer.iter().filter(|part| *part != "client_max_window_bits");
        let others = others.map(String::as_str).collect::<Vec<_>>().join(";");
        names.len() < offer.len() || Agreement::parse(&others).is_none()
    };
    match offers.iter().find(is_wrong) {
        None => Ok(()),
        Some(offer) => Err(format!("the offer {:?}", offer.join("; "))),
    }
}

/// The subprotocols that the request offers.
pub(crate) fn offered_subprotocols(request: &Head) -> Vec<String> {
    tokens(&fields(request, "Sec-WebSocket-Protocol").join(",")).map(str::to_owned).collect()
}

/// The offers of permessage-deflate: the name, and the parameters.
pub(crate) fn offers(request: &Head) -> Vec<Vec<String>> {
    let list = fields(request, "Sec-WebSocket-Extensions").join(",");
    let parts =
        |offer: &str| offer.split(';').map(|part| part.trim().replace(' ', "")).collect::<Vec<String>>();
    let all = tokens(&list).map(parts);
    all.filter(|parts| parts.first().is_some_and(|name| name == "permessage-deflate")).collect()
}

/// The response that agrees to the first offer with these parameters, and with those that the offer demands (RFC 7692 §7.1).
///
/// # Errors
///
/// What the client does not offer.
pub(crate) fn agree(request: &Head, wanted: &str) -> Result<String, &'static str> {
    let offers = offers(request);
    let offer = offers.first().ok_or("it does not offer permessage-deflate")?;
    let wanted = wanted.replace(' ', "");
    let wants = |name: &str| wanted.split(';').any(|part| part == name);
    let bits = |name: &str| {
        let offered = offer.iter().find_map(|part| window(part, name));
        (offered, wanted.split(';').find_map(|part| window(part, name)))
    };
    let mut agreed = vec!["permessage-deflate".to_owned()];
    let demands = |name: &str| offer.iter().any(|part| part == name);
    if wants("server_no_context_takeover") || demands("server_no_context_takeover") {
        agreed.push("server_no_context_takeover".to_owned());
    }
    if wants("client_no_context_takeover") {
        agreed.push("client_no_context_takeover".to_owned());
    }
    let (demanded, chosen) = bits("server_max_window_bits");
    if let Some(least) = [demanded, chosen].into_iter().flatten().min() {
        agreed.push(format!("server_max_window_bits={least}"));
    }
    let (most, chosen) = bits("client_max_window_bits");
    if let Some(chosen) = chosen {
        if most.is_none() && !demands("client_max_window_bits") {
            return Err("it does not offer client_max_window_bits");
        }
        agreed.push(format!("client_max_window_bits={}", most.map_or(chosen, |most| most.min(chosen))));
    }
    Ok(agreed.join("; "))
}

/// The bits of a parameter of this name.
fn window(parameter: &str, name: &str) -> Option<u8> {
    let value = parameter.strip_prefix(name)?.strip_prefix('=')?;
    value.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(offer: &str) -> Head {
        Head::upgrade("/", "a").with("Sec-WebSocket-Extensions", offer)
    }

    #[test]
    fn an_agreement_has_what_is_wanted_and_what_is_demanded() {
        let agreed = |offer: &str, wanted: &str| agree(&offering(offer), wanted);
        let plain = "permessage-deflate";
        assert_eq!(agreed("x-other, permessage-deflate", plain).as_deref(), Ok(plain));
        let both = "permessage-deflate; server_no_context_takeover; server_max_window_bits=10";
        assert_eq!(agreed(both, plain).as_deref(), Ok(both));
        assert_eq!(agreed(both, "permessage-deflate; server_max_window_bits=12").as_deref(), Ok(both));
        let windows = "permessage-deflate; client_max_window_bits=9";
        assert_eq!(agreed("permessage-deflate; client_max_window_bits", windows).as_deref(), Ok(windows));
        assert!(agreed(plain, windows).is_err() && agreed("x-other", plain).is_err());
    }

    #[test]
    fn each_rule_accepts_a_valid_request_and_no_other() {
        let rules: [RequestRule; 10] =
            [line, grammar, host, upgrade, connection, version, key, no_body, subprotocols, extensions];
        let broken = |head: &Head| {
            let bytes = head.encode();
            let asked = Asked { bytes: &bytes, head, has_new_key: true };
            let broken = rules.iter().enumerate().filter(|(_, rule)| rule(&asked).is_err());
            broken.map(|(place, _)| place).collect::<Vec<usize>>()
        };
        let valid = offering("permessage-deflate; client_max_window_bits, permessage-deflate")
            .with("Sec-WebSocket-Protocol", "chat, feed");
        assert!(broken(&valid).is_empty());
        let line = Head { start: "POST / HTTP/1.1".into(), ..valid.clone() };
        for (place, head) in [
            line,
            valid.clone().with("X Y", "z"),
            valid.clone().with("Host", "b"),
            valid.clone().replacing("Upgrade", "h2c"),
            valid.clone().without("Connection"),
            valid.clone().replacing("Sec-WebSocket-Version", "8"),
            valid.clone().replacing("Sec-WebSocket-Key", "AAAA"),
            valid.clone().with("Content-Length", "5"),
            valid.clone().with("Sec-WebSocket-Protocol", "chat"),
            valid.clone().with("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits"),
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(broken(head), [place], "{head}");
        }
        assert_eq!(broken(&offering("permessage-deflate; client_max_window_bits=16")), [9]);
    }
}
