//! Why a connection failed or ended.

use std::fmt;
use std::io;

use longwire_proto::ProtocolError;
use longwire_proto::handshake::{HeadError, ResponseError};

/// Why a connection failed or ended, without details that differ from one to the next.
#[derive(Debug)]
pub(crate) enum Fault {
    Connect(io::Error),
    Tls(rustls::Error),
    /// The server's response is not a head.
    Head(HeadError),
    Response(ResponseError),
    /// The server agreed to something else than compression of each message by itself.
    NotCompressed,
    Protocol(ProtocolError),
    /// The hub refuses a command.
    Hub(String),
    /// The server has closed.
    Closed(u16),
    /// The server has ended the transport without a Close frame.
    Ended,
    Transport(io::Error),
    /// This phase took too long.
    TimedOut(&'static str),
}

/// What ends the text of an error that a phase took too long.
const TIMED_OUT: &str = ": timed out";

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Connect(error) => write!(f, "connect: {}", kind(error)),
            Fault::Tls(error) => write!(f, "tls: {error}"),
            Fault::Head(error) => write!(f, "handshake: {error}"),
            Fault::Response(ResponseError::Status(status)) => write!(f, "handshake: refused with {status}"),
            Fault::Response(error) => write!(f, "handshake: {error}"),
            Fault::NotCompressed => f.write_str("handshake: the server does not compress"),
            Fault::Protocol(error) => write!(f, "protocol: {error}"),
            Fault::Hub(line) => write!(f, "hub: {line}"),
            Fault::Closed(code) => write!(f, "closed with {code}"),
            Fault::Ended => f.write_str("ended without a Close frame"),
            Fault::Transport(error) => write!(f, "transport: {}", kind(error)),
            Fault::TimedOut(phase) => write!(f, "{phase}{TIMED_OUT}"),
        }
    }
}

/// Whether an error of this kind is that a phase took too long.
pub(crate) fn is_time_out(kind: &str) -> bool {
    // A hub says what it likes.
    kind.ends_with(TIMED_OUT) && !kind.starts_with("hub: ")
}

/// The text of an error of the system, with what to do about it.
fn kind(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => {
            "no port is left for this source; give more with --source".to_owned()
        }
        // TCP goes on in the background; a Unix socket does not.
        io::ErrorKind::WouldBlock => {
            "the queue of the Unix socket is full; open fewer with --together".to_owned()
        }
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::BrokenPipe => "broken pipe".to_owned(),
        _ => error.to_string(),
    }
}
