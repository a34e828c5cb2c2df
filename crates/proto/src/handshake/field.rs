//! The building blocks of header values: tokens, lists, quoted strings (RFC 9110 §5.6).

use http::{HeaderMap, HeaderName, HeaderValue};

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// `text` as a string, if it is a token.
pub(super) fn token(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok().filter(|text| is_token(text.as_bytes()))
}

/// The token in `text`, which may be a quoted string (RFC 9110 §5.6.4, RFC 6455 §9.1).
pub(super) fn token_or_quoted(text: &[u8]) -> Option<String> {
    let Some(quoted) = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return token(text).map(str::to_owned);
    };
    let mut content = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(&byte) = bytes.next() {
        content.push(if byte == b'\\' { *bytes.next()? } else { byte });
    }
    token(&content).map(str::to_owned)
}

/// The elements of the comma-separated list in all lines of `name`, trimmed and without empty ones (RFC 9110 §5.6.1.2).
///
/// Commas inside quoted strings separate elements, too. The lists of a handshake hold only tokens and quoted tokens,
/// and no token contains a comma, so a value that is split there was malformed anyway.
pub(super) fn list<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// Whether the list under `name` contains `token`, ignoring case.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    list(headers, name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// The tokens of the list under `name`; `None` when it holds anything else, or the header is present but empty.
pub(super) fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Vec<&'h str>> {
    let tokens = list(headers, name).map(token).collect::<Option<Vec<_>>>()?;
    (!tokens.is_empty() || !headers.contains_key(name)).then_some(tokens)
}

/// Why a header does not occur exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotSingle {
    Missing,
    Repeated,
}

/// The trimmed value of a header that must occur exactly once.
pub(super) fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h [u8], NotSingle> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next().ok_or(NotSingle::Missing)?;
    if lines.next().is_some() {
        return Err(NotSingle::Repeated);
    }
    Ok(line.as_bytes().trim_ascii())
}

/// Writes `Name: value` and CR LF. The capitals of the name serve peers that compare names case-sensitively.
pub(super) fn write_line(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    let name = name.as_str().as_bytes();
    out.reserve(name.len() + value.len() + ": \r\n".len());
    let begin = out.len();
    out.extend_from_slice(name);
    for word in out.get_mut(begin..).unwrap_or_default().split_mut(|&byte| byte == b'-') {
        if word == b"websocket" {
            word.copy_from_slice(b"WebSocket");
        } else if let Some(first) = word.first_mut() {
            first.make_ascii_uppercase();
        }
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
