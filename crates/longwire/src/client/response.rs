//! Reads an HTTP response: its head, and the start of the body of a refusal.

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

/// How many bytes of a refusal's body are read.
const BODY: usize = 4 << 10;

/// How long to wait for the body of a refusal.
const BODY_TIME: Duration = Duration::from_secs(1);

/// The beginning of a response (RFC 9112 §4).
const HTTP: &[u8] = b"HTTP/";

/// How many characters of a response that is not HTTP are shown.
const SHOWN: usize = 100;

/// How many interim responses are skipped.
const INTERIM: usize = 8;

/// A response whose head has arrived.
pub(super) struct Answer {
    pub(super) response: Response<()>,
    /// The bytes that followed the head.
    pub(super) behind: BytesMut,
}

/// Why there is no response.
pub(super) enum NoAnswer {
    Io(io::Error),
    Head(HeadError),
    /// The response is not HTTP. Contains its beginning, escaped.
    NotHttp(Box<str>),
    /// The transport ended before the response was complete.
    Ended,
}

/// Reads the head of the response and the bytes that follow it. Interim responses are skipped (RFC 9110 §15.2), except
/// 101, which is the final response.
pub(super) async fn read_answer(transport: &mut Transport, limits: &Limits) -> Result<Answer, NoAnswer> {
    let mut behind = BytesMut::with_capacity(4 << 10);
    for _ in 0..=INTERIM {
        let answer = read_head(transport, limits, behind).await?;
        let status = answer.response.status();
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer);
        }
        tracing::debug!(%status, "skipped an interim response");
        behind = answer.behind;
    }
    Err(NoAnswer::Head(HeadError::Malformed("too many interim responses come before it")))
}

/// Reads the next head, which begins with `buffer`.
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
        let is_begun = !head.as_bytes().is_empty();
        let status = head.feed(&buffer);
        // Checked before the head is complete: a server of another protocol may be waiting for this end.
        let came = if is_begun { head.as_bytes() } else { &buffer };
        if let Some(said) = said_instead_of_http(came) {
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

/// The first line of a response that is not HTTP, as far as it has arrived.
fn said_instead_of_http(came: &[u8]) -> Option<Box<str>> {
    let came = came.trim_ascii_start();
    let version = came.get(..HTTP.len()).unwrap_or(came);
    // TLS is recognized by its first byte and has a separate error.
    if HTTP.starts_with(version) || matches!(came.first(), Some(0x15 | 0x16)) {
        return None;
    }
    let line = came.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let shown: String = String::from_utf8_lossy(line).chars().take(SHOWN).collect();
    Some(shown.escape_debug().to_string().into())
}

/// Reads the start of a refusal's body.
pub(super) async fn refusal(transport: &mut Transport, answer: Answer) -> RefusedResponse {
    let Answer { response, behind: mut body } = answer;
    let framing = Framing::of(response.status(), response.headers());
    let read =
        async { while !framing.is_whole(&body) && matches!(transport.read_buf(&mut body).await, Ok(1..)) {} };
    // A timeout only shortens the body; the refusal is returned anyway.
    let _late = timeout(BODY_TIME, read).await;
    RefusedResponse(response.map(|()| framing.content(&body)))
}

/// How the length of a response's body is determined (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilEnd,
}

impl Framing {
    fn of(status: StatusCode, headers: &HeaderMap) -> Framing {
        // These never have a body.
        if status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Framing::Length(0);
        }
        if headers.contains_key(TRANSFER_ENCODING) {
            return Framing::Chunked;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        length.map_or(Framing::UntilEnd, Framing::Length)
    }

    /// Whether the body is complete or long enough.
    fn is_whole(self, body: &[u8]) -> bool {
        body.len() >= BODY
            || match self {
                Framing::Length(length) => body.len() >= length,
                Framing::Chunked => dechunked(body).is_whole,
                Framing::UntilEnd => false,
            }
    }

    /// The content of the body, as far as it has arrived and is needed.
    fn content(self, body: &[u8]) -> Bytes {
        let content = match self {
            Framing::Length(length) => Bytes::copy_from_slice(body.get(..length).unwrap_or(body)),
            Framing::Chunked => dechunked(body).content.freeze(),
            Framing::UntilEnd => Bytes::copy_from_slice(body),
        };
        content.slice(..content.len().min(BODY))
    }
}

/// The received part of a body in chunked coding (RFC 9112 §7.1).
struct Dechunked {
    content: BytesMut,
    /// Whether the last chunk has arrived or the coding is invalid.
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
        // CR LF follows a chunk.
        body = chunk.get(size.saturating_add(2)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: if the end of a head and much behind it arrived in one read, the server did "not speak HTTP".
    #[tokio::test]
    async fn a_head_may_arrive_in_pieces_whatever_follows_it() {
        let head = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n";
        let whole = format!("{head}{}", "no ".repeat(100));
        for cut in 1..head.len() {
            let (first, rest) = whole.as_bytes().split_at(cut);
            let [first, rest] = [first, rest].map(|piece| io::Cursor::new(piece.to_owned()));
            let stream = tokio::io::join(AsyncReadExt::chain(first, rest), tokio::io::sink());
            let read = read_answer(&mut Transport::Other(Box::new(stream)), &Limits::default()).await;
            assert!(read.is_ok_and(|answer| answer.response.status() == StatusCode::NOT_FOUND), "{cut}");
        }
    }

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
