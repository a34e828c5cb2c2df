//! An HTTP response to the client's request: its head, and the start of the body of a refusal.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use longwire_proto::Limits;
use longwire_proto::handshake::{HeadError, HeadLimits, HeadReader, HeadStatus};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::error::RefusedResponse;
use crate::transport::Transport;

/// How much of a refusal's body is read.
const BODY: usize = 4 << 10;

/// How long the body of a refusal is waited for.
const BODY_TIME: Duration = Duration::from_secs(1);

/// What a response begins with (RFC 9112 §4).
const HTTP: &[u8] = b"HTTP/";

/// How many characters are shown of what is not HTTP.
const SHOWN: usize = 100;

/// How many interim responses are passed over.
const INTERIM: usize = 8;

/// A response whose head has come.
pub(super) struct Answer {
    pub(super) response: Response<()>,
    /// What came behind the head.
    pub(super) behind: BytesMut,
}

/// Why there is no response.
pub(super) enum NoAnswer {
    Io(io::Error),
    Head(HeadError),
    /// It is not HTTP, and begins with this, escaped.
    NotHttp(Box<str>),
    /// The transport ended before it was whole.
    Ended,
}

/// The head of the response, and what came behind it. Interim responses are passed over (RFC 9110 §15.2), but for 101,
/// which is the answer.
pub(super) async fn read_answer(transport: &mut Transport, limits: &Limits) -> Result<Answer, NoAnswer> {
    let mut behind = BytesMut::with_capacity(4 << 10);
    for _ in 0..=INTERIM {
        let answer = read_head(transport, limits, behind).await?;
        let status = answer.response.status();
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer);
        }
        tracing::debug!(%status, "passed over an interim response");
        behind = answer.behind;
    }
    Err(NoAnswer::Head(HeadError::Malformed("too many interim responses come before it")))
}

/// The next head, which begins with `buffer`.
async fn read_head(
    transport: &mut Transport,
    limits: &Limits,
    mut buffer: BytesMut,
) -> Result<Answer, NoAnswer> {
    let head_limits = HeadLimits::from(limits);
    let mut head = HeadReader::new(head_limits);
    loop {
        if buffer.is_empty() && transport.read_buf(&mut buffer).await.map_err(NoAnswer::Io)? == 0 {
            return Err(NoAnswer::Ended);
        }
        let status = head.feed(&buffer);
        // Said at once: a server that speaks something else may be waiting for an answer in that.
        if let Some(said) = said_instead_of_http(head.as_bytes(), &buffer) {
            return Err(NoAnswer::NotHttp(said));
        }
        if let HeadStatus::Complete { consumed } = status.map_err(NoAnswer::Head)? {
            let behind = buffer.split_off(consumed);
            let response = head.response().map_err(NoAnswer::Head)?;
            return Ok(Answer { response, behind });
        }
        buffer.clear();
    }
}

/// The first line of what is not HTTP, as far as it is there. `head` is what has come, `last` the end of it, or more.
fn said_instead_of_http(head: &[u8], last: &[u8]) -> Option<Box<str>> {
    // All that has come is `last`, or the reader has taken what came before.
    let came = if head.len() < last.len() { last } else { head };
    let came = came.trim_ascii_start();
    let version = came.get(..HTTP.len()).unwrap_or(came);
    // TLS is known by its first byte, and has an error of its own.
    if HTTP.starts_with(version) || matches!(came.first(), Some(0x15 | 0x16)) {
        return None;
    }
    let line = came.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let shown: String = String::from_utf8_lossy(line).chars().take(SHOWN).collect();
    Some(shown.escape_debug().to_string().into())
}

/// The refusal that a response is, with the first bytes of the body: what is said about it.
pub(super) async fn refusal(transport: &mut Transport, answer: Answer) -> RefusedResponse {
    let Answer { response, behind: mut body } = answer;
    let framing = Framing::of(response.status(), response.headers());
    let read =
        async { while !framing.is_whole(&body) && matches!(transport.read_buf(&mut body).await, Ok(1..)) {} };
    // What has come by then is told; the refusal itself is what matters.
    let _late = timeout(BODY_TIME, read).await;
    RefusedResponse(response.map(|()| framing.content(&body)))
}

/// How long the body of a response is (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilEnd,
}

impl Framing {
    fn of(status: StatusCode, headers: &HeaderMap) -> Framing {
        // These have no body, whatever their headers say.
        if status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Framing::Length(0);
        }
        if headers.contains_key(TRANSFER_ENCODING) {
            return Framing::Chunked;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        length.map_or(Framing::UntilEnd, Framing::Length)
    }

    /// Whether as much of the body is there as will come, or is wanted.
    fn is_whole(self, body: &[u8]) -> bool {
        body.len() >= BODY
            || match self {
                Framing::Length(length) => body.len() >= length,
                Framing::Chunked => dechunked(body).is_whole,
                Framing::UntilEnd => false,
            }
    }

    /// The content of the body, as far as it is there and wanted.
    fn content(self, body: &[u8]) -> Bytes {
        let content = match self {
            Framing::Length(length) => Bytes::copy_from_slice(body.get(..length).unwrap_or(body)),
            Framing::Chunked => dechunked(body).content.freeze(),
            Framing::UntilEnd => Bytes::copy_from_slice(body),
        };
        content.slice(..content.len().min(BODY))
    }
}

/// A body in chunked coding (RFC 9112 §7.1), as far as it is there.
struct Dechunked {
    content: BytesMut,
    /// Whether the last chunk is there, or what is there makes no sense.
    is_whole: bool,
}

fn dechunked(mut body: &[u8]) -> Dechunked {
    let mut content = BytesMut::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(body) {
            Ok(httparse::Status::Complete((_, 0))) | Err(_) => return Dechunked { content, is_whole: true },
            Ok(httparse::Status::Complete(chunk)) => chunk,
            Ok(httparse::Status::Partial) => return Dechunked { content, is_whole: false },
        };
        let chunk = body.get(start..).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        content.extend_from_slice(chunk.get(..size).unwrap_or(chunk));
        // Behind a chunk stands CR LF.
        body = chunk.get(size.saturating_add(2)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_is_read_as_far_as_it_is_there() {
        let read = |body: &[u8]| {
            let read = dechunked(body);
            (String::from_utf8(read.content.to_vec()).unwrap(), read.is_whole)
        };
        assert_eq!(read(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), ("abcde".into(), true));
        assert_eq!(read(b"a\r\nabc"), ("abc".into(), false));
        assert_eq!(read(b"3\r\nabc\r\nf"), ("abc".into(), false));
        assert_eq!(read(b"ffffffffffffffff\r\nabc"), ("abc".into(), false));
        assert_eq!(read(b"no chunk\r\n"), (String::new(), true));
        assert_eq!(read(b""), (String::new(), false));
    }

    #[test]
    fn a_body_is_as_long_as_its_headers_say_and_no_more_than_is_wanted() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap| Framing::of(StatusCode::NOT_FOUND, headers);
        assert_eq!(of(&headers), Framing::UntilEnd);
        headers.insert(CONTENT_LENGTH, http::HeaderValue::from_static("3"));
        assert_eq!(of(&headers), Framing::Length(3));
        headers.insert(TRANSFER_ENCODING, http::HeaderValue::from_static("chunked"));
        assert_eq!(of(&headers), Framing::Chunked);

        assert!(!Framing::Length(3).is_whole(b"ab") && Framing::Length(3).is_whole(b"abcd"));
        assert_eq!(Framing::Length(3).content(b"abcd"), "abc");
        assert!(!Framing::UntilEnd.is_whole(b"ab") && Framing::UntilEnd.is_whole(&[b'x'; BODY]));
        assert_eq!(Framing::UntilEnd.content(&[b'x'; BODY + 1]).len(), BODY);
    }
}
