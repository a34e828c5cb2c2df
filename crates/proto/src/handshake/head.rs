//! Finds the end of an HTTP/1.1 head as its bytes arrive (RFC 9112 §2).

use crate::limits::Limits;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::error::Error;
use std::fmt;

/// Limits on the head that a peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the head, including its final empty line. Default: 16 KiB.
    pub bytes: usize,
    /// Header lines, without the start line. Default: 100.
    pub headers: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 16 * 1024, headers: 100 }
    }
}

/// The limits of a connection's opening handshake.
impl From<&Limits> for HeadLimits {
    fn from(limits: &Limits) -> Self {
        Self { bytes: limits.handshake_bytes, headers: limits.handshake_headers }
    }
}

/// Collects the head of one request or response: start line, header lines, empty line.
///
/// It scans each byte once, however the head is split into chunks, and reports a malformed head at the first byte that
/// shows it. Once the head is complete, [`request`](Self::request) or [`response`](Self::response) parses it.
///
/// ```
/// use longwire_proto::handshake::{HeadLimits, HeadReader, HeadStatus};
///
/// let mut reader = HeadReader::new(HeadLimits::default());
/// assert_eq!(reader.feed(b"GET / HTTP/1.1\r\nHost: exa")?, HeadStatus::Partial);
/// assert_eq!(reader.feed(b"mple.com\r\n\r\n\x81\x85")?, HeadStatus::Complete { consumed: 12 });
/// assert_eq!(reader.request()?.headers()["host"], "example.com");
/// # Ok::<(), longwire_proto::handshake::HeadError>(())
/// ```
#[derive(Debug)]
pub struct HeadReader {
    limits: HeadLimits,
    state: HeadState,
    head: Vec<u8>,
    headers: usize,
    #[cfg(test)]
    scanned: usize,
}

/// The position of the next byte in the head.
#[derive(Debug, Clone, Copy)]
enum HeadState {
    /// Before the start line, where empty lines are skipped (RFC 9112 §2.2).
    Start,
    /// After the CR of such an empty line.
    StartCr,
    /// At the start of a header line or of the final empty line.
    LineStart,
    Line,
    LineCr,
    /// After the CR of the final empty line.
    FinalCr,
    Complete,
    Failed(HeadError),
}

/// The result of [`HeadReader::feed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadStatus {
    /// All of the input belongs to the head, which is not complete yet.
    Partial,
    /// The head is complete.
    Complete {
        /// How many bytes of this input belong to the head. The rest follows it: frames, or a body.
        consumed: usize,
    },
}

impl HeadReader {
    /// A reader of one head. It allocates as bytes arrive, at most `limits.bytes`.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            state: HeadState::Start,
            head: Vec::new(),
            headers: 0,
            #[cfg(test)]
            scanned: 0,
        }
    }

    /// Takes the next bytes as they arrived.
    ///
    /// # Errors
    ///
    /// [`HeadError`] as soon as the bytes cannot become an acceptable head. Every later call returns it again.
    pub fn feed(&mut self, input: &[u8]) -> Result<HeadStatus, HeadError> {
        let room = self.limits.bytes.saturating_sub(self.head.len());
        let input = input.get(..room).unwrap_or(input);
        let mut consumed = 0;
        while let Some((&byte, rest)) = input.get(consumed..).and_then(<[u8]>::split_first) {
            if matches!(self.state, HeadState::Complete | HeadState::Failed(_)) {
                break;
            }
            self.state = self.after(byte).unwrap_or_else(HeadState::Failed);
            consumed += 1;
            if matches!(self.state, HeadState::Line) {
                consumed += line_bytes(rest);
            }
        }
        self.head.extend_from_slice(input.get(..consumed).unwrap_or_default());
        #[cfg(test)]
        {
            self.scanned += consumed;
        }

        match self.state {
            HeadState::Complete => {
                if consumed > 0 {
                    lower_minor_version(&mut self.head);
                }
                Ok(HeadStatus::Complete { consumed })
            }
            HeadState::Failed(error) => Err(error),
            _ if self.head.len() >= self.limits.bytes => {
                self.state = HeadState::Failed(HeadError::TooLarge);
                Err(HeadError::TooLarge)
            }
            _ => Ok(HeadStatus::Partial),
        }
    }

    /// The received bytes of the head, unchanged. Once complete, the head can be passed to another HTTP server: a minor
    /// version above 1 then reads 1.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.head
    }

    fn after(&mut self, byte: u8) -> Result<HeadState, HeadError> {
        match (self.state, byte) {
            (HeadState::Start, b'\r') => Ok(HeadState::StartCr),
            (HeadState::Start, _) => first_byte(byte),
            (HeadState::StartCr, b'\n') => Ok(HeadState::Start),
            (HeadState::LineStart, b'\r') => Ok(HeadState::FinalCr),
            // A relay may read a folded line differently (RFC 9112 §5.2).
            (HeadState::LineStart, b' ' | b'\t') => Err(HeadError::Malformed("a header line is folded")),
            (HeadState::LineStart, _) => self.header_line(byte),
            (HeadState::Line, b'\r') => Ok(HeadState::LineCr),
            (HeadState::Line, _) => line_byte(byte),
            (HeadState::LineCr, b'\n') => Ok(HeadState::LineStart),
            (HeadState::FinalCr, b'\n') => Ok(HeadState::Complete),
            (HeadState::StartCr | HeadState::LineCr | HeadState::FinalCr, _) => {
                Err(HeadError::Malformed("a carriage return stands without a line feed"))
            }
            (HeadState::Complete | HeadState::Failed(_), _) => Ok(self.state),
        }
    }

    fn header_line(&mut self, byte: u8) -> Result<HeadState, HeadError> {
        if self.headers >= self.limits.headers {
            return Err(HeadError::TooManyHeaders);
        }
        self.headers += 1;
        line_byte(byte)
    }

    /// The complete head, and one parser slot for each of its header lines.
    pub(super) fn complete(&self) -> Result<(&[u8], Vec<httparse::Header<'_>>), HeadError> {
        match self.state {
            HeadState::Complete => Ok((&self.head, vec![httparse::EMPTY_HEADER; self.headers])),
            HeadState::Failed(error) => Err(error),
            _ => Err(HeadError::Incomplete),
        }
    }
}

/// RFC 9110 §2.5: a message of a higher minor version is read as the highest version that this end knows.
fn lower_minor_version(head: &mut [u8]) {
    let begin = head.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
    let Some(line) = head.get_mut(begin..).and_then(|rest| rest.split_mut(|&byte| byte == b'\r').next())
    else {
        return;
    };
    let version = if line.starts_with(b"HTTP/") { line.first_chunk_mut() } else { line.last_chunk_mut() };
    if let Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9']) = version {
        *minor = b'1';
    }
}

/// A method or a status line starts with a letter; most other protocols do not.
fn first_byte(byte: u8) -> Result<HeadState, HeadError> {
    match byte {
        0x15 => Err(HeadError::TlsAlert),
        0x16 => Err(HeadError::LooksLikeTls),
        b'!'..=b'~' => Ok(HeadState::Line),
        _ => Err(HeadError::Malformed("this is not HTTP")),
    }
}

/// A lone line feed does not end a line, because an intermediary might then see the head end elsewhere (RFC 9112 §2.2,
/// §11.2).
fn line_byte(byte: u8) -> Result<HeadState, HeadError> {
    match byte {
        b'\n' => Err(HeadError::Malformed("a line feed stands without a carriage return")),
        _ if is_in_line(byte) => Ok(HeadState::Line),
        _ => Err(HeadError::Malformed("the head holds a control character")),
    }
}

/// RFC 9110 §5.5: visible characters, space, tab and the bytes from 0x80 on.
fn is_in_line(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// How many bytes at the beginning belong to the current line.
fn line_bytes(bytes: &[u8]) -> usize {
    // All bytes of a chunk are checked without a branch, which the compiler does with vector instructions.
    let (chunks, _) = bytes.as_chunks::<16>();
    let is_line = |chunk: &&[u8; 16]| chunk.iter().fold(true, |all, &byte| all & is_in_line(byte));
    let whole = chunks.iter().take_while(is_line).count() * 16;
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().take_while(|&&byte| is_in_line(byte)).count()
}

/// The parsed header lines. Lines of the same name stay separate and in order.
pub(super) fn header_map(lines: &[httparse::Header<'_>]) -> Result<HeaderMap, HeadError> {
    let mut headers = HeaderMap::try_with_capacity(lines.len()).map_err(|_| HeadError::TooManyHeaders)?;
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes())
            .map_err(|_| HeadError::Malformed("a header name is not a token"))?;
        let value = HeaderValue::from_bytes(line.value)
            .map_err(|_| HeadError::Malformed("a header value holds a control character"))?;
        headers.try_append(name, value).map_err(|_| HeadError::TooManyHeaders)?;
    }
    Ok(headers)
}

/// Why the peer's bytes are not an acceptable HTTP/1.1 head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// The head is longer than [`HeadLimits::bytes`].
    TooLarge,
    /// The head has more lines than [`HeadLimits::headers`].
    TooManyHeaders,
    /// The head breaks the grammar of HTTP/1.1; the text says how.
    Malformed(&'static str),
    /// The request uses another major version of HTTP.
    OtherVersion,
    /// A TLS `ClientHello` arrived where plain HTTP is spoken.
    LooksLikeTls,
    /// The server responded to a plain HTTP request with a TLS alert.
    TlsAlert,
    /// The head was parsed before its final empty line had arrived.
    Incomplete,
}

impl HeadError {
    /// The status of a server's response: 431 (RFC 6585 §5) for a head beyond the limits, 505 for another version,
    /// otherwise 400.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge | Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::OtherVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Malformed(_) | Self::LooksLikeTls | Self::TlsAlert | Self::Incomplete => {
                StatusCode::BAD_REQUEST
            }
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the HTTP head is too large",
            Self::TooManyHeaders => "the HTTP head has too many header lines",
            Self::Malformed(reason) => return write!(f, "malformed HTTP head: {reason}"),
            Self::OtherVersion => "this port speaks HTTP/1.1, not another version",
            Self::LooksLikeTls => "this port speaks plain ws://; the client tried TLS",
            Self::TlsAlert => "this port speaks TLS: connect with wss://",
            Self::Incomplete => "the HTTP head is incomplete",
        })
    }
}

impl Error for HeadError {}

impl From<httparse::Error> for HeadError {
    fn from(error: httparse::Error) -> Self {
        Self::Malformed(match error {
            httparse::Error::HeaderName => "a header name is not a token",
            httparse::Error::HeaderValue => "a header value holds a forbidden character",
            httparse::Error::Status => "the status is not three digits and a reason",
            httparse::Error::Token => "the start line is not an HTTP start line",
            httparse::Error::Version => "the version is not HTTP/1.x",
            httparse::Error::NewLine => "a line does not end with CR LF",
            httparse::Error::TooManyHeaders => return Self::TooManyHeaders,
        })
    }
}

#[cfg(test)]
mod tests;
