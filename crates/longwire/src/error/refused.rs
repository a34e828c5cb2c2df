//! A response that refuses the WebSocket.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

/// How many characters of a refusal's body are shown.
const SHOWN: usize = 300;

/// A server's refusal to open a WebSocket: status, headers and the start of the body.
///
/// ```
/// use http::{StatusCode, header::WWW_AUTHENTICATE};
/// use longwire::Error;
///
/// # async fn chat() -> longwire::Result<()> {
/// match longwire::connect("wss://example.com/socket").await {
///     Err(Error::Refused(refused)) if refused.status() == StatusCode::UNAUTHORIZED => {
///         println!("log in first: {:?}", refused.headers().get(WWW_AUTHENTICATE));
///         println!("{}", String::from_utf8_lossy(refused.body()));
///     }
///     other => println!("{}", other?.uri()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RefusedResponse(pub(crate) Response<Bytes>);

impl RefusedResponse {
    /// The status, such as 401 or 404.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The first bytes of the body, at most 4 KiB. It is shorter if the rest did not arrive in time.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.0.body()
    }

    /// The status, and the start of the body if it is text.
    pub(super) fn write_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status())?;
        let Some(text) = self.text() else { return Ok(()) };
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, ": {}…", text.get(..end).unwrap_or(text)),
            None => write!(f, ": {text}"),
        }
    }

    /// The start of the body without spaces around it, if it is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let text = match str::from_utf8(self.body()) {
            Ok(text) => text,
            // The body may have been cut in the middle of a character.
            Err(error) if error.error_len().is_none() => {
                str::from_utf8(self.body().get(..error.valid_up_to())?).ok()?
            }
            Err(_) => return None,
        };
        Some(text.trim()).filter(|text| !text.is_empty())
    }
}

/// The status, and the start of the body if it is text.
impl fmt::Display for RefusedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server refused the WebSocket with ")?;
        self.write_answer(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: impl Into<Bytes>) -> String {
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        RefusedResponse(response).to_string()
    }

    #[test]
    fn a_refusal_shows_its_body_if_that_is_text() {
        let start = "the server refused the WebSocket with 401 Unauthorized";
        assert_eq!(shown("log in\n"), format!("{start}: log in"));
        assert_eq!(shown(""), start);
        assert_eq!(shown(&b"\xff\xfe"[..]), start);
        assert_eq!(shown(&b"caf\xc3"[..]), format!("{start}: caf"));
    }

    #[test]
    fn a_long_body_is_not_shown_whole() {
        let text = shown("é".repeat(2000));
        assert!(text.ends_with("é…") && text.chars().filter(|&char| char == 'é').count() == SHOWN, "{text}");
    }
}
