//! The head of a response: from bytes to `http::Response` and back (RFC 9112 §4).

use super::field::write_line;
use super::head::{HeadError, HeadReader, header_map};
use http::{Method, Response, StatusCode, Version};
use httparse::Status;

impl HeadReader {
    /// The response whose head was read, with its headers as received, duplicates included.
    ///
    /// # Errors
    ///
    /// [`HeadError::Incomplete`] until [`feed`](Self::feed) reports a complete head; then [`HeadError`] for a head that
    /// breaks the grammar, such as another major version of HTTP than 1 or an invalid status. A minor version above 1
    /// is read as 1 (RFC 9110 §2.5).
    pub fn response(&self) -> Result<Response<()>, HeadError> {
        let (head, mut slots) = self.complete()?;
        let mut parsed = httparse::Response::new(&mut slots);
        let (Status::Complete(_), Some(code), Some(minor)) =
            (parsed.parse(head)?, parsed.code, parsed.version)
        else {
            return Err(HeadError::Incomplete);
        };
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(code).map_err(|_| HeadError::Malformed("the status is below 100"))?;
        *response.version_mut() = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
        *response.headers_mut() = header_map(parsed.headers)?;
        Ok(response)
    }
}

/// Appends the head of `response` to `out` as HTTP/1.1, whatever its version. The reason phrase is the registered one;
/// an unregistered status has none.
///
/// The `http` types contain no line ends, so no value can inject a header.
pub fn encode_response_head<B>(response: &Response<B>, out: &mut Vec<u8>) {
    let status = response.status();
    // Enough for most heads, the responses that open a WebSocket included.
    out.reserve(256);
    for part in ["HTTP/1.1 ", status.as_str(), " ", status.canonical_reason().unwrap_or_default(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in response.headers() {
        write_line(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

/// `response` with its text as HTTP/1.1. The response to HEAD has no content (RFC 9110 §9.3.2). `method` is the method
/// of the request, if it could be read.
#[must_use]
pub fn encode_response(response: &Response<String>, method: Option<&Method>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_response_head(response, &mut out);
    if method != Some(&Method::HEAD) {
        out.extend_from_slice(response.body().as_bytes());
    }
    out
}

#[cfg(test)]
mod tests;
