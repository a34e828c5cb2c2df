//! The error of an expectation that was not met.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::transcript::Transcript;

/// An expectation that was not met: the expected thing, the actual one, and the dialogue until then.
///
/// Both `Display` and `Debug` show all of it on several lines, so `unwrap` in a test shows it, too.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use longwire_wire::{Peer, Problem, RawFrame};
///
/// let (ours, theirs) = tokio::io::duplex(100);
/// let (mut client, mut server) = (Peer::client(ours), Peer::server(theirs));
/// server.send(RawFrame::ping("1")).await?;
/// let failure = client.expect(RawFrame::close(1000)).await.unwrap_err();
/// assert!(matches!(failure.problem(), Problem::Differs(got) if got.starts_with("PING")));
/// assert!(failure.to_string().starts_with("expected CLOSE 1000 \"\"\ngot      PING \"1\""));
/// # Ok::<(), longwire_wire::Failure>(())
/// # }).unwrap();
/// ```
pub struct Failure(Box<Inner>);

struct Inner {
    expected: String,
    problem: Problem,
    transcript: Transcript,
}

/// Why an expectation was not met.
///
/// ```
/// use longwire_wire::Problem;
///
/// assert_eq!(Problem::Ended.to_string(), "the end of the connection");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// Something else arrived: this, as text.
    Differs(String),
    /// Nothing complete arrived within this time.
    Late(Duration),
    /// The connection ended, or was reset.
    Ended,
    /// It is longer than [`Peer::limit`](crate::Peer::limit) allows, which is this many bytes.
    TooLong(usize),
    /// The transport failed.
    Io(io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Differs(got) => f.write_str(got),
            Problem::Late(time) => write!(f, "nothing complete within {time:?}"),
            Problem::Ended => f.write_str("the end of the connection"),
            Problem::TooLong(limit) => write!(f, "more than the limit of {limit} bytes"),
            Problem::Io(error) => write!(f, "a transport error: {error}"),
        }
    }
}

impl From<io::Error> for Problem {
    /// Treats a reset as the end of the connection.
    fn from(error: io::Error) -> Problem {
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Problem::Ended,
            _ => Problem::Io(error),
        }
    }
}

impl Failure {
    pub(crate) fn new(expected: impl fmt::Display, problem: Problem, transcript: Transcript) -> Failure {
        Failure(Box::new(Inner { expected: expected.to_string(), problem, transcript }))
    }

    /// The frame, head or bytes that were expected, as text.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// What happened instead.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// The dialogue up to the failure.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.0.transcript
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { expected, problem, transcript } = &*self.0;
        write!(f, "expected {expected}\ngot      {problem}\nthe dialogue:\n{transcript}")
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.problem {
            Problem::Io(error) => Some(error),
            _ => None,
        }
    }
}
