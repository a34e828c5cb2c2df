//! The rules for the response of a server (RFC 6455 §4.2.2), which hold in every case.

use longwire_wire::{Head, accept_key};

/// Whether the response accepts the request and keeps all rules.
///
/// # Errors
///
/// The rule that it breaks.
pub(crate) fn judge(request: &Head, response: &Head) -> Result<(), String> {
    if response.status() != Some(101) {
        return Err(format!("the response is {:?}", response.start));
    }
    let upgrade = response.field("Upgrade").unwrap_or_default();
    if !upgrade.eq_ignore_ascii_case("websocket") {
        return Err(format!("the response has Upgrade {upgrade:?} instead of \"websocket\""));
    }
    let connection = response.field("Connection").unwrap_or_default();
    if !tokens(connection).any(|token| token.eq_ignore_ascii_case("upgrade")) {
        return Err(format!("the response has Connection {connection:?} instead of \"Upgrade\""));
    }
    let expected = request.field("Sec-WebSocket-Key").map(|key| accept_key(key.trim()));
    let accept = fields(response, "Sec-WebSocket-Accept");
    if accept.len() != 1 || accept.first().copied() != expected.as_deref() {
        return Err(format!(
            "the response has Sec-WebSocket-Accept {accept:?}, which is not that of the key"
        ));
    }
    judge_subprotocol(request, response)?;
    judge_extensions(request, response)
}

/// Whether the status is 4xx or 5xx.
pub(crate) fn is_error(response: &Head) -> bool {
    (400..600).contains(&status(response))
}

/// The status, of whatever version of HTTP the response is. 0 if it has none.
pub(crate) fn status(response: &Head) -> u16 {
    response.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// A server chooses one of the subprotocols that the client offered, or none.
fn judge_subprotocol(request: &Head, response: &Head) -> Result<(), String> {
    let chosen = fields(response, "Sec-WebSocket-Protocol");
    let offers = fields(request, "Sec-WebSocket-Protocol").join(",");
    match chosen.as_slice() {
        [] => Ok(()),
        [one] if tokens(&offers).any(|offer| offer == *one) => Ok(()),
        _ => Err(format!("the response chooses the subprotocol {chosen:?}; the request offers {offers:?}")),
    }
}

/// A server agrees to extensions that the client offered only.
fn judge_extensions(request: &Head, response: &Head) -> Result<(), String> {
    let names = |head: &Head| -> Vec<String> {
        let all = fields(head, "Sec-WebSocket-Extensions").join(",");
        tokens(&all)
            .map(|extension| extension.split(';').next().unwrap_or_default().trim().to_owned())
            .collect()
    };
    let (offered, agreed) = (names(request), names(response));
    match agreed.iter().find(|name| !offered.contains(name)) {
        None => Ok(()),
        Some(name) => {
            Err(format!("the response has the extension {name:?}, which the request does not offer"))
        }
    }
}

/// The values of all fields of this name.
pub(crate) fn fields<'h>(head: &'h Head, name: &str) -> Vec<&'h str> {
    let named = head.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

/// The elements of a comma-separated list, without the empty ones.
pub(crate) fn tokens(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(change: impl Fn(Head) -> Head) -> Result<(), String> {
        let request = Head::upgrade("/", "a").with("Sec-WebSocket-Protocol", "chat, feed");
        let request = request.with("Sec-WebSocket-Extensions", "permessage-deflate");
        judge(&request, &change(Head::switching_protocols(&request)))
    }

    #[test]
    fn a_valid_response_is_valid() {
        assert_eq!(judged(|head| head), Ok(()));
        assert_eq!(judged(|head| head.with("sec-websocket-protocol", "feed")), Ok(()));
        assert_eq!(judged(|head| head.with("Sec-WebSocket-Extensions", "permessage-deflate; x")), Ok(()));
        assert_eq!(judged(|head| head.replacing("Connection", "keep-alive, upgrade")), Ok(()));
    }

    #[test]
    fn each_broken_rule_is_said() {
        let wrong = |change: &dyn Fn(Head) -> Head, word: &str| {
            let why = judged(change).unwrap_err();
            assert!(why.contains(word), "{why}");
        };
        wrong(&|head| Head { start: "HTTP/1.1 200 OK".into(), ..head }, "200 OK");
        wrong(&|head| head.replacing("Upgrade", "h2c"), "Upgrade");
        wrong(&|head| head.replacing("Connection", "close"), "Connection");
        wrong(&|head| head.replacing("Sec-WebSocket-Accept", "x"), "Sec-WebSocket-Accept");
        wrong(&|head| head.with("Sec-WebSocket-Accept", "x"), "Sec-WebSocket-Accept");
        wrong(&|head| head.with("Sec-WebSocket-Protocol", "other"), "subprotocol");
        wrong(&|head| head.with("Sec-WebSocket-Extensions", "x-frame"), "x-frame");
    }
}
