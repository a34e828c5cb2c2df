//! The steps of a case after the opening handshake, as data.

use std::fmt;

use longwire_wire::bits::{BINARY, TEXT};
use longwire_wire::{RawFrame, Role};

/// How much of a payload a report has, in bytes or characters.
pub(crate) const SHOWN: usize = 4096;

/// One step of a dialogue.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Sends a frame, in one write.
    Send(RawFrame),
    /// Sends several frames in one write.
    SendTogether(Vec<RawFrame>),
    /// Sends frames in writes of this many bytes, whatever frames they cut.
    SendCut(Vec<RawFrame>, usize),
    /// Sends a frame with a pause in the middle of its payload.
    SendInHalves(RawFrame),
    /// Sends messages, compressed one after another in one context.
    SendCompressed(Vec<Vec<u8>>),
    /// Ends the writing side of the connection, and goes on reading.
    EndWriting,
    /// From now on, this may come, once, without being expected.
    Allow(Reply),
    /// All of these must come, in any order.
    Expect(Vec<Reply>),
    /// A ping must be answered: the connection is open, and nothing else came before.
    StaysOpen,
    /// The endpoint must fail the connection (§7.1.7), best with a Close frame with one of these codes.
    Fails(&'static [u16]),
    /// The endpoint must send a Close frame, best with one of these codes (1005: without a code), and then the connection
    /// ends (§7.1.1: a server ends it, a client waits for that).
    Closes(&'static [u16]),
    /// The connection must end; a Close frame with any code may come before.
    Gone,
    /// The client must answer a Close frame, and leave the end of the connection to the server for a second (§7.1.1).
    LeavesTheEnd,
    /// All frames that came had masking keys that nobody could foresee (§5.3).
    KeysDiffer,
    /// The client must not use the connection: it answers no ping, and ends it.
    Refuses,
    /// Waits for a second.
    Pause,
}

/// What an endpoint sends back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A message, whole or in fragments.
    Message(u8, Vec<u8>),
    /// A message that was compressed.
    Compressed(u8, Vec<u8>),
    Pong(Vec<u8>),
}

impl Reply {
    pub(crate) fn text(payload: impl Into<Vec<u8>>) -> Reply {
        Reply::Message(TEXT, payload.into())
    }

    pub(crate) fn binary(payload: impl Into<Vec<u8>>) -> Reply {
        Reply::Message(BINARY, payload.into())
    }

    pub(crate) fn pong(payload: impl Into<Vec<u8>>) -> Reply {
        Reply::Pong(payload.into())
    }
}

impl Reply {
    /// Whether this reply, which is expected, is met by that one. A message may be compressed or not, unless the
    /// expectation says so.
    pub(crate) fn is_met_by(&self, came: &Reply) -> bool {
        match (self, came) {
            (Reply::Message(opcode, payload), Reply::Compressed(came_opcode, came_payload)) => {
                (opcode, payload) == (came_opcode, came_payload)
            }
            _ => self == came,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = |opcode: u8, payload: &[u8]| RawFrame::new(0x80 | opcode, payload);
        match self {
            Reply::Message(opcode, payload) => write!(f, "{:.SHOWN$}", frame(*opcode, payload)),
            Reply::Compressed(opcode, payload) => {
                write!(f, "{:.SHOWN$}, compressed", frame(*opcode, payload))
            }
            Reply::Pong(payload) => write!(f, "{:.SHOWN$}", RawFrame::pong(payload.as_slice())),
        }
    }
}

/// The bytes of frames, one after another.
pub(crate) fn joined(frames: &[RawFrame], from: Role) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.encode(from)).collect()
}
