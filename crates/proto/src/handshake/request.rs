//! The head of a request: from bytes to `http::Request` and back (RFC 9112 §3).

use super::field::write_line;
use super::head::{HeadError, HeadReader, header_map};
use super::refusal::Refusal;
use http::header::HOST;
use http::{Method, Request, Uri, Version};
use httparse::Status;

impl HeadReader {
    /// The request whose head was read, with its headers as received, duplicates included.
    ///
    /// # Errors
    ///
    /// [`HeadError::Incomplete`] until [`feed`](Self::feed) reports a complete head; then [`HeadError`] for a head that
    /// breaks the grammar, such as another major version of HTTP than 1 or an invalid request target. A minor version
    /// above 1 is read as 1 (RFC 9110 §2.5).
    pub fn request(&self) -> Result<Request<()>, HeadError> {
        let (head, mut slots) = self.complete()?;
        if is_of_other_version(head) {
            return Err(HeadError::OtherVersion);
        }
        let mut parsed = httparse::Request::new(&mut slots);
        let (Status::Complete(_), Some(method), Some(target), Some(minor)) =
            (parsed.parse(head)?, parsed.method, parsed.path, parsed.version)
        else {
            return Err(HeadError::Incomplete);
        };
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(method.as_bytes())
            .map_err(|_| HeadError::Malformed("the method is not a token"))?;
        *request.uri_mut() = target_of(request.method(), target)?;
        *request.version_mut() = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
        *request.headers_mut() = header_map(parsed.headers)?;
        Ok(request)
    }
}

/// Whether the request line ends with an HTTP version whose major number is not 1, as in the preface of HTTP/2 (RFC
/// 9112 §2.3).
fn is_of_other_version(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|&byte| byte == b'\r').next();
    matches!(
        line.and_then(<[u8]>::last_chunk),
        Some([b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor])
            if major.is_ascii_digit() && minor.is_ascii_digit() && *major != b'1'
    )
}

/// Origin-form and absolute-form, authority-form for CONNECT, asterisk-form for OPTIONS (RFC 9112 §3.2).
fn target_of(method: &Method, target: &str) -> Result<Uri, HeadError> {
    const MALFORMED: HeadError = HeadError::Malformed("the request target is neither a path nor a URL");
    // `Uri` would drop a fragment silently; a request target must not have one.
    if target.contains('#') {
        return Err(HeadError::Malformed("the request target has a fragment"));
    }
    let uri = Uri::try_from(target).map_err(|_| MALFORMED)?;
    let fits = match *method {
        Method::CONNECT => uri.scheme().is_none() && uri.authority().is_some(),
        Method::OPTIONS if uri.path() == "*" => true,
        _ => uri.path().starts_with('/'),
    };
    if fits { Ok(uri) } else { Err(MALFORMED) }
}

/// The head of `request` as HTTP/1.1, whatever its version. The target is written as in the `Uri`, and `Host` before
/// all other headers (RFC 9112 §3.2).
///
/// The `http` types contain no line ends, so no value can inject a header.
#[must_use]
pub fn encode_request<B>(request: &Request<B>) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    let (host, others): (Vec<_>, Vec<_>) = request.headers().iter().partition(|(name, _)| *name == HOST);
    for (name, value) in host.into_iter().chain(others) {
        write_line(&mut out, name, value);
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The response to a client whose head could not be read.
impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

#[cfg(test)]
mod tests;
