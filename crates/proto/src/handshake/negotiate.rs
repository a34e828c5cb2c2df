//! Extensions: the client's offer, the server's response, and the agreement (RFC 6455 §9.1).

use super::field::{is_token, list, token, token_or_quoted};
use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue};
use std::error::Error;
use std::fmt;

/// Most extensions in one handshake. Clients offer one or two, in a few variants each.
const MAX_EXTENSIONS: usize = 32;
/// Most parameters of one extension.
const MAX_PARAMS: usize = 32;

/// The result of an opening handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// The subprotocol that the server chose, if any (RFC 6455 §1.9).
    pub subprotocol: Option<String>,
    /// The extensions in use, in the order in which the server listed them.
    pub extensions: Vec<Extension>,
}

/// One extension with its parameters, as offered or as accepted (RFC 6455 §9.1).
///
/// Names and values are case-sensitive.
///
/// ```
/// use longwire_proto::handshake::Extension;
///
/// let offer = Extension::new("permessage-deflate").param("client_max_window_bits", None);
/// assert_eq!(offer.to_string(), "permessage-deflate; client_max_window_bits");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The registered name, a token.
    pub name: String,
    /// Names and values of the parameters, all tokens, in order. Duplicates are kept: the extension decides about them.
    pub params: Vec<(String, Option<String>)>,
}

impl Extension {
    /// An extension without parameters. Names and values are checked when they are written to a header.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), params: Vec::new() }
    }

    /// Adds a parameter, with or without a value.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: Option<&str>) -> Self {
        self.params.push((name.into(), value.map(str::to_owned)));
        self
    }

    /// Parses one element of the list. No token contains a semicolon, so one inside a quoted string was malformed
    /// anyway.
    fn parse(element: &[u8]) -> Result<Self, ExtensionError> {
        let mut parts = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().and_then(token).ok_or(ExtensionError::Malformed)?;
        let mut extension = Self::new(name);
        for part in parts {
            if extension.params.len() == MAX_PARAMS {
                return Err(ExtensionError::TooMany);
            }
            extension.params.push(parse_param(part).ok_or(ExtensionError::Malformed)?);
        }
        Ok(extension)
    }

    fn is_valid(&self) -> bool {
        is_token(self.name.as_bytes())
            && self.params.iter().all(|(name, value)| {
                is_token(name.as_bytes()) && value.as_ref().is_none_or(|value| is_token(value.as_bytes()))
            })
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (name, value) in &self.params {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// Space around `=` is allowed: RFC 6455 §9.1 adopts the implied whitespace of RFC 2616 §2.1.
fn parse_param(part: &[u8]) -> Option<(String, Option<String>)> {
    let mut halves = part.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
    let name = halves.next().and_then(token)?.to_owned();
    match halves.next() {
        None => Some((name, None)),
        Some(value) => Some((name, Some(token_or_quoted(value)?))),
    }
}

/// Passes the offers to `hook` in order and returns the extensions that it accepts. The others are declined.
///
/// A client lists variants of one extension by preference (RFC 6455 §9.1): once `hook` accepts one, the others of that
/// name are skipped.
pub fn negotiate(
    offers: &[Extension],
    mut hook: impl FnMut(&Extension) -> Option<Extension>,
) -> Vec<Extension> {
    let mut accepted: Vec<Extension> = Vec::new();
    for offer in offers {
        if accepted.iter().all(|extension| extension.name != offer.name) {
            accepted.extend(hook(offer));
        }
    }
    accepted
}

/// The extensions of all `Sec-WebSocket-Extensions` lines; empty when there is no such line.
pub(super) fn parse_extensions(headers: &HeaderMap) -> Result<Vec<Extension>, ExtensionError> {
    let mut extensions = Vec::new();
    for element in list(headers, &SEC_WEBSOCKET_EXTENSIONS) {
        if extensions.len() == MAX_EXTENSIONS {
            return Err(ExtensionError::TooMany);
        }
        extensions.push(Extension::parse(element)?);
    }
    // The grammar requires at least one element.
    if extensions.is_empty() && headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err(ExtensionError::Malformed);
    }
    Ok(extensions)
}

/// The value of `Sec-WebSocket-Extensions`; `None` without extensions.
pub(super) fn format_extensions(extensions: &[Extension]) -> Result<Option<HeaderValue>, ExtensionError> {
    if let Some(invalid) = extensions.iter().find(|extension| !extension.is_valid()) {
        return Err(ExtensionError::NotTokens(invalid.to_string()));
    }
    if extensions.is_empty() {
        return Ok(None);
    }
    let text = extensions.iter().map(Extension::to_string).collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(text).map(Some).map_err(|_| ExtensionError::Malformed)
}

/// A server may accept what the client offered, each extension once (RFC 6455 §4.1, §9.1).
pub(super) fn check_answer(offers: &[Extension], answer: &[Extension]) -> Result<(), ExtensionError> {
    for (index, extension) in answer.iter().enumerate() {
        if offers.iter().all(|offer| offer.name != extension.name) {
            return Err(ExtensionError::NotOffered(extension.name.clone()));
        }
        if answer.iter().take(index).any(|earlier| earlier.name == extension.name) {
            return Err(ExtensionError::Repeated(extension.name.clone()));
        }
    }
    Ok(())
}

/// Why a list of extensions is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtensionError {
    /// `Sec-WebSocket-Extensions` breaks the grammar of RFC 6455 §9.1.
    Malformed,
    /// More extensions, or more parameters of one, than a client has reason to send.
    TooMany,
    /// A name or value to send is not a token.
    NotTokens(String),
    /// The response names an extension that was not offered.
    NotOffered(String),
    /// The response names an extension twice.
    Repeated(String),
}

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("Sec-WebSocket-Extensions is malformed"),
            Self::TooMany => f.write_str("Sec-WebSocket-Extensions names too many extensions or parameters"),
            Self::NotTokens(text) => write!(f, "extension {text:?} has a name or value that is not a token"),
            Self::NotOffered(name) => write!(f, "extension {name:?} was not offered"),
            Self::Repeated(name) => write!(f, "extension {name:?} is accepted twice"),
        }
    }
}

impl Error for ExtensionError {}

#[cfg(test)]
mod tests;
